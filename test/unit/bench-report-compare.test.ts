import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '#bench/contract.js';
import { compareResults } from '#bench/report/compare.js';
import { UserError } from '#src/errors.js';
import { type FixtureOptions, fixtureResult, withPlay } from './bench-report-fixture.js';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'nubo-bench-compare-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function folderOf(result: Result | FixtureOptions): string {
  const folder = mkdtempSync(join(home, 'result-'));
  const whole = 'scenario' in result ? result : fixtureResult({ seconds: 1, ...result });
  writeFileSync(join(folder, 'result.json'), JSON.stringify(whole));
  return folder;
}

/** The line of a figure, without the rest. */
function lineOf(text: string, start: RegExp): string {
  return text.split('\n').find((line) => start.test(line)) ?? '';
}

test('an engine that lost a fifth is worse, with an interval that says so', () => {
  const { text, isWorse } = compareResults([folderOf({ seed: 1 })], [folderOf({ seed: 2, factor: 0.8 })]);
  expect(isWorse).toBe(true);
  const line = lineOf(text, /^durable acked\/s ÷ raw COPY/);
  expect(line).toMatch(/−\d+ % \(−\d+ … −[\d.]+ %\)\s+worse$/);
  expect(text).toMatch(/WORSE\.$/);
});

test('an engine that gained a third is better', () => {
  const { text, isWorse } = compareResults([folderOf({ seed: 3 })], [folderOf({ seed: 4, factor: 1.33 })]);
  expect(isWorse).toBe(false);
  expect(lineOf(text, /^durable acked\/s ÷ raw COPY/)).toMatch(/\sbetter$/);
  expect(text).toMatch(/Better, and nothing worse\.$/);
});

test('of the same engine few comparisons say that it is worse', () => {
  const folders = Array.from({ length: 20 }, (_, seed) => folderOf({ seed: 100 + seed, rounds: 6 }));
  let worse = 0;
  for (let index = 0; index < folders.length; index += 2) {
    if (compareResults(folders.slice(index, index + 1), folders.slice(index + 1, index + 2)).isWorse)
      worse += 1;
  }
  expect(worse).toBeLessThanOrEqual(2);
});

test('on a slower machine ratios still decide, and figures of the engine are doubted', () => {
  const before = folderOf({ seed: 5, rounds: 8 });
  const { text, isWorse } = compareResults([before], [folderOf({ seed: 6, rounds: 8, machine: 0.6 })]);
  expect(isWorse).toBe(false);
  expect(lineOf(text, /^nubo\s+acked/)).toContain('unclear: worse, but so moved the machine');
  expect(text).toContain('raw COPY');
  expect(text).toContain('moved as well: the machine was not the same');
});

test('with fewer than five rounds a side there is no verdict, and it says how many are needed', () => {
  const { text, isWorse } = compareResults([folderOf({ rounds: 1 })], [folderOf({ rounds: 3, factor: 0.1 })]);
  expect(isWorse).toBe(false);
  expect(text).toContain('no verdict: needs 4 more rounds before and 2 more rounds after');
  expect(text).toMatch(/No verdict: there are too few rounds\.$/);
  expect(text).not.toMatch(/worse|better/i);
});

test('several results a side are taken together', () => {
  const side = (factor: number) =>
    [7, 8].map((seed) => folderOf({ seed: seed + 10 * factor, rounds: 3, factor }));
  const { text, isWorse } = compareResults(side(1), side(0.7));
  expect(isWorse).toBe(true);
  expect(text).toContain('(2 × run, 6 rounds)');
});

test('rounds that are void and results with faults do not count', () => {
  const clean = fixtureResult({ rounds: 5, seconds: 1 });
  const voided = clean.rounds.map((round, index) =>
    round.map((one) => (index < 2 ? { ...one, void: 'it swung' } : one)),
  );
  const ratios = clean.ratios.map((ratio) => ({ ...ratio, perRound: ratio.perRound.slice(2) }));
  const before = folderOf({ ...clean, rounds: voided, ratios });
  const { text } = compareResults([before], [folderOf({ seed: 2 })]);
  expect(text).toContain('round 1 is void (');
  expect(lineOf(text, /^nubo\s+acked/)).toContain('needs 2 more rounds before');

  const lossy = clean.rounds.map((round) =>
    round.map((one) => withPlay(one, (play) => ({ ...play, checks: { ...play.checks, lost: 1 } }))),
  );
  const faulty = compareResults([folderOf({ ...clean, rounds: lossy })], [folderOf({ seed: 2 })]);
  expect(faulty.text).toContain('faults were found, so nothing of it counts');
  expect(faulty.text).toMatch(/Nothing to compare/);
});

test('where there are no ratios, figures of the engine decide, and CPU counts the other way round', () => {
  const without = (options: FixtureOptions): Result => {
    const result = fixtureResult({ seconds: 1, ...options });
    const rounds = result.rounds.map((round) =>
      round.map((one) =>
        one.part === 'nubo' && one.cpu !== undefined && options.factor !== undefined
          ? { ...one, cpu: { ...one.cpu, server: one.cpu.server * options.factor } }
          : one,
      ),
    );
    return { ...result, rounds, ratios: [] };
  };
  const before = folderOf(without({ seed: 1, rounds: 8 }));
  const { text, isWorse } = compareResults(
    [before],
    [folderOf(without({ seed: 2, rounds: 8, factor: 1.5 }))],
  );
  expect(lineOf(text, /^nubo\s+acked/)).toMatch(/\sbetter$/);
  expect(lineOf(text, /CPU of server/)).toMatch(/\sworse$/);
  expect(isWorse).toBe(true);
});

test('what cannot be compared is refused in a sentence', () => {
  const good = folderOf({ seed: 1 });
  const other = folderOf({ ...fixtureResult({ seconds: 1 }), scenario: 'fanout' });
  const smoke = folderOf({ ...fixtureResult({ seconds: 1 }), options: { isSmoke: true } });
  const broken = folderOf({ seed: 1 });
  writeFileSync(join(broken, 'result.json'), '{"scenario": 3}');
  for (const folder of [other, smoke, broken, join(home, 'nowhere')]) {
    expect(() => compareResults([good], [folder])).toThrow(UserError);
  }
  expect(() => compareResults([], [good])).toThrow(UserError);
  expect(() => compareResults([good], [`${good}/`])).toThrow(/named twice/);
});

test('it can be Markdown, and has escape sequences only when asked', () => {
  const sides = [[folderOf({ seed: 1 })], [folderOf({ seed: 2 })]] as const;
  const markdown = compareResults(...sides, { format: 'markdown' }).text;
  expect(markdown).toContain('| figure | before | after | change (95 %) | verdict |');
  expect(compareResults(...sides).text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(compareResults(...sides, { isColoured: true }).text).toContain('\u001b[');
});
