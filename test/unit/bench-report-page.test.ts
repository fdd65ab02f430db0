import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '#bench/contract.js';
import { writeReport } from '#bench/report/index.js';
import { findChromium } from '#bench/report/pictures.js';
import { terminalReport } from '#bench/report/terminal.js';
import { cleanChecks, fixtureResult, withPlay } from './bench-report-fixture.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nubo-bench-report-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function reportOf(result: Result, name: string): Promise<{ page: string; summary: string }> {
  await writeReport(join(folder, name), result, { pictures: false });
  const read = (file: string) => readFileSync(join(folder, name, file), 'utf8');
  return { page: read('report.html'), summary: read('summary.md') };
}

const attack = `"'></script><script>globalThis.broken=1</script><img src=x onerror="globalThis.broken=1"><!--`;

/** An attack wherever a result has a text. */
function hostileResult(): Result {
  const result = fixtureResult({ rounds: 2, seconds: 3 });
  const rounds = result.rounds.map((round) =>
    round.map((one) => ({
      ...withPlay(one, (play) => ({ ...play, checks: { ...play.checks, lost: 1, details: [attack] } })),
      part: `${one.part}${attack}`,
      label: attack,
      figures: { ...one.figures, [attack]: 1 },
      void: attack,
    })),
  );
  return {
    ...result,
    ...{ scenario: attack, title: attack, startedAt: attack, node: attack, commit: attack },
    machine: { ...result.machine, model: attack },
    options: { [attack]: attack },
    ratios: result.ratios.map((ratio) => ({ ...ratio, name: attack })),
    ...{ rounds, missing: [attack], faults: [attack] },
  };
}

test('a report is written: the result as it was, a page, a summary that says why there are no pictures', async () => {
  const result = fixtureResult({ rounds: 5, seconds: 4 });
  const home = join(folder, 'written');
  const files = await writeReport(home, result, { pictures: false });
  expect(files.map((file) => basename(file))).toEqual(['result.json', 'report.html', 'summary.md']);
  expect(JSON.parse(readFileSync(join(home, 'result.json'), 'utf8'))).toEqual(result);
  const summary = readFileSync(join(home, 'summary.md'), 'utf8');
  expect(summary).toContain('No pictures were asked for.');
  expect(summary).toContain('| ratio | median |');
  expect(summary).toMatch(/\| nubo \| engine \| committed and fsynced \|/);
});

test('no text of a result breaks out of the page', async () => {
  const { page } = await reportOf(hostileResult(), 'hostile');
  expect(page).not.toContain('<img');
  expect(page).not.toContain('onerror="');
  expect(page).not.toContain('<!--');
  // The data and the two scripts of our own end theirs.
  expect(page.match(/<script/gi)).toHaveLength(3);
  expect(page.match(/<\/script/gi)).toHaveLength(3);
  expect(page).toContain('&lt;img src=x onerror=&quot;');
});

test('the page fetches nothing, and runs only the scripts that its policy names', async () => {
  const { page } = await reportOf(fixtureResult({ rounds: 1, seconds: 2 }), 'offline');
  const withoutScripts = page.replace(/<script[\s\S]*?<\/script>/g, '');
  expect(withoutScripts).not.toMatch(/\s(?:src|href)=|url\(|@import/i);
  const [policy = ''] = /content="(default-src[^"]*)"/.exec(page)?.slice(1) ?? [];
  const text = policy.replaceAll('&#39;', "'");
  expect(text).toContain("default-src 'none'");
  const scripts = [...page.matchAll(/<script(?: type="module")?>([\s\S]*?)<\/script>/g)].map(
    ([, code = '']) => code,
  );
  const hashes = scripts.map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
  expect(hashes).toHaveLength(2);
  expect(text).toContain(`script-src ${hashes.join(' ')}`);
});

test('what an ack is worth, verdicts, voids, partial runs and what is missing are on the page', async () => {
  const result = fixtureResult({ rounds: 6, seconds: 2 });
  const [first = [], ...others] = result.rounds;
  const rounds = [
    first.map((one, index) => (index === 0 ? { ...one, void: 'it swung by a third' } : one)),
    ...others,
  ];
  const { page } = await reportOf({ ...result, rounds, isPartial: true }, 'marked');
  const plain = page.replace(/<[^>]*>/g, '');
  expect(plain).toContain('committed and fsynced');
  expect(plain).toContain('What was acked is gone when the server crashes.');
  expect(plain).toContain('reached the aim');
  expect(plain).toMatch(/short by [\d.]+ %/);
  expect(plain).toContain('1 round of 6 void');
  expect(plain).toContain('it swung by a third');
  expect(plain).toContain('Partial run');
  expect(plain).toContain('Tinode: there is no `tinode` on PATH.');
  expect(plain).toContain('Nothing lost, nothing twice');
  expect(page).not.toContain('class="check loud"');
});

test('with faults nothing counts, in the page, the summary and the terminal', async () => {
  const result = fixtureResult({ rounds: 5, seconds: 2 });
  const rounds = result.rounds.map((round) =>
    round.map((one) =>
      one.part === 'nubo'
        ? withPlay(one, (play) => ({
            ...play,
            checks: { ...cleanChecks(10, 100), lost: 2, details: ['room 3 lacks 4:17'] },
          }))
        : one,
    ),
  );
  const faulty = { ...result, rounds };
  const { page, summary } = await reportOf(faulty, 'faulty');
  const terminal = terminalReport(faulty, { isColoured: false });
  const words = page.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/g, '');
  for (const text of [words, summary, terminal]) {
    expect(text).toContain('10 acked and never shown to one who should have seen it');
    expect(text).toContain('room 3 lacks 4:17');
    expect(text).toContain('does not count');
    expect(text).not.toContain('reached');
  }
  expect(page).toContain('class="check loud"');
});

test('the terminal shows no escape sequence of a text, and none at all without colour', () => {
  const result = {
    ...fixtureResult({ rounds: 1, seconds: 1 }),
    title: 'a \u001b[2J\u001b]0;b\u0007 c\nd',
    missing: ['\u001b[31mred'],
  };
  const plain = terminalReport(result, { isColoured: false });
  expect(plain.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(terminalReport(result, { isColoured: true })).not.toContain('\u001b[2J');
});

test('a Chromium is looked for where the environment says, and nowhere else then', () => {
  expect(findChromium({ NUBO_BENCH_CHROMIUM: process.execPath })).toBe(process.execPath);
  expect(findChromium({ NUBO_BENCH_CHROMIUM: '/nowhere/chromium', PATH: process.env.PATH })).toBeUndefined();
});

describe.skipIf(findChromium() === undefined)('in Chromium', () => {
  test('plots are drawn and photographed, nothing is fetched, nothing of an attack runs, and a phone is wide enough', async () => {
    const files = await writeReport(join(folder, 'drawn'), fixtureResult({ rounds: 2, seconds: 3 }));
    const pictures = files.filter((file) => file.endsWith('.png'));
    expect(pictures.map((file) => basename(file))).toContain('ack-percentiles.png');
    expect(pictures.every((file) => existsSync(file))).toBe(true);
    await writeReport(join(folder, 'attacked'), hostileResult(), { pictures: false });

    const browser = await chromium.launch({
      executablePath: findChromium() ?? '',
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
    const said: string[] = [];
    try {
      for (const name of ['drawn', 'attacked']) {
        const tab = await browser.newPage({ viewport: { width: 375, height: 700 }, colorScheme: 'dark' });
        tab.on('console', (message) => said.push(message.text()));
        tab.on('pageerror', (error) => said.push(error.message));
        tab.on('request', (request) =>
          said.push(...(request.url().startsWith('file:') ? [] : [request.url()])),
        );
        await tab.goto(pathToFileURL(join(folder, name, 'report.html')).href);
        await tab.locator('html[data-drawn]').waitFor({ state: 'attached' });
        expect(await tab.locator('.canvas canvas').count()).toBe(6);
        expect(await tab.evaluate('globalThis.broken')).toBeUndefined();
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(375);
      }
    } finally {
      await browser.close();
    }
    expect(said).toEqual([]);
  }, 120_000);
});
