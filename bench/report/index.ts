/** Writes what is kept of a run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from '../contract.js';
import { pageOf } from './html/page.js';
import { markdownReport } from './markdown.js';
import { takePictures } from './pictures.js';
import { summaryOf } from './summary.js';

export const resultFile = 'result.json';
const pageFile = 'report.html';
const summaryFile = 'summary.md';

export interface ReportOptions {
  /** Whether to take pictures of the plots; true when absent. They take some seconds. */
  readonly pictures?: boolean;
}

/**
 * Writes `result.json` (first, so that no fault of a report can lose a run), `report.html`, PNGs of its plots where a
 * Chromium is found, and `summary.md`. Makes the folder when it is not there.
 * @returns the paths of the files
 * @throws when the folder can't be written to, or a histogram of the result is none
 */
export async function writeReport(
  folder: string,
  result: Result,
  options: ReportOptions = {},
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, resultFile), `${JSON.stringify(result, null, 1)}\n`);
  const summary = summaryOf(result);
  await writeFile(join(folder, pageFile), await pageOf(summary));
  const pictures =
    options.pictures === false
      ? { kind: 'none' as const, why: 'No pictures were asked for.' }
      : await takePictures(folder, pageFile);
  await writeFile(join(folder, summaryFile), markdownReport(summary, pictures));
  const files = pictures.kind === 'made' ? pictures.files : [];
  return [resultFile, pageFile, summaryFile, ...files].map((file) => join(folder, file));
}
