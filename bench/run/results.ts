/** Where results go: a folder each, with the result and what is made of it. */
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import type { Result } from '../contract.js';
import { writeReport } from '../report/index.js';

/** Not in the repository: what is worth keeping is moved. */
export const resultsHome = join(projectRoot, 'bench/results');

/** Writes the result and its reports; answers their folder. Pictures take some seconds. */
export async function saveResult(
  home: string,
  result: Result,
  options: { pictures: boolean },
): Promise<string> {
  const time = result.startedAt.replace(/\.\d+Z$/, '').replaceAll(':', '-');
  const folder = join(home, `${time}-${result.scenario}`);
  await writeReport(folder, result, options);
  return folder;
}
