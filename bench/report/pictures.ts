/** Pictures of a report's plots, by a Chromium of the machine's. Nice to have: a report is whole without them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';

export type Pictures =
  | { readonly kind: 'made'; readonly files: readonly string[] }
  | { readonly kind: 'none'; readonly why: string };

/** Where a Chromium is, before PATH is looked at. */
const variable = 'NUBO_BENCH_CHROMIUM';
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const usual = ['/usr/bin/chromium'];

const viewport = { width: 1_000, height: 900 };
const timeoutMs = 20_000;

/**
 * Writes one PNG for each plot of the page beside it.
 * @returns names of the files, or a sentence that says why there are none
 */
export async function takePictures(folder: string, page: string): Promise<Pictures> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    return { kind: 'none', why: `No Chromium was found: install one, or name it in ${variable}.` };
  }
  try {
    return { kind: 'made', files: await photograph(executablePath, folder, page) };
  } catch (error) {
    const [firstLine] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { kind: 'none', why: `Chromium could not draw the plots: ${firstLine}` };
  }
}

export function findChromium(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment[variable];
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined;
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...usual, ...candidates].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function photograph(executablePath: string, folder: string, page: string): Promise<readonly string[]> {
  // Chromium refuses to run as root in its sandbox, and what it opens is our own file.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args, timeout: timeoutMs });
  try {
    const tab = await browser.newPage({ viewport, deviceScaleFactor: 2, colorScheme: 'light' });
    tab.setDefaultTimeout(timeoutMs);
    await tab.goto(pathToFileURL(join(folder, page)).href);
    await tab.locator('html[data-drawn]').waitFor({ state: 'attached' });
    return await photographPlots(tab, folder);
  } finally {
    await browser.close();
  }
}

async function photographPlots(tab: Page, folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const figure of await tab.locator('figure[data-plot]').all()) {
    const file = `${await figure.getAttribute('data-plot')}.png`;
    await figure.screenshot({ path: join(folder, file) });
    files.push(file);
  }
  return files;
}
