/** Ratios over rounds, and which rounds count. */
import { expect, test } from 'vitest';
import type { Measurement } from '#bench/contract.js';
import { cpuOf, figureOf, ratiosOf } from '#bench/run/ratios.js';
import { voidsOf, withVoids, yardstick } from '#bench/run/void.js';

function measured(part: string, rate: number, extra: Partial<Measurement> = {}): Measurement {
  return { part, kind: 'limit', label: part, figures: { rowsPerSecond: rate }, ...extra };
}

const plan = {
  ...{ name: 'engine ÷ limit', isHigherBetter: true, reach: 0.25, aim: 0.38 },
  of: figureOf('engine', 'rowsPerSecond'),
  to: figureOf('limit', 'rowsPerSecond'),
};

test('a ratio is of the same round, against the mean of the limit before and after', () => {
  const rounds = [
    [measured('limit', 100), measured('engine', 60), measured('limit', 140)],
    [measured('limit', 200), measured('engine', 60), measured('limit', 200)],
    [measured('limit', 100), measured('engine', 40), measured('limit', 100)],
  ];
  const [ratio] = ratiosOf([plan], rounds);
  expect(ratio?.perRound).toEqual([0.5, 0.3, 0.4]);
  expect(ratio).toMatchObject({ median: 0.4, reach: 0.25, aim: 0.38, isHigherBetter: true });
  expect(ratio?.interval).toBeUndefined();
});

test('five rounds have an interval, and it holds the median', () => {
  const rounds = [1, 2, 3, 4, 5].map((rate) => [measured('limit', 10), measured('engine', rate)]);
  const [ratio] = ratiosOf([plan], rounds);
  expect(ratio?.median).toBe(0.3);
  expect(ratio?.interval?.[0]).toBeLessThanOrEqual(0.3);
  expect(ratio?.interval?.[1]).toBeGreaterThanOrEqual(0.3);
});

test('rounds with a void measurement, and rounds that lack one of the two, make no ratio', () => {
  const rounds = [
    [measured('limit', 100, { void: 'too slow' }), measured('engine', 90)],
    [measured('engine', 80)],
    [measured('limit', 100), measured('engine', 70)],
  ];
  expect(ratiosOf([plan], rounds)[0]?.perRound).toEqual([0.7]);
  expect(ratiosOf([plan], rounds.slice(0, 2))).toEqual([]);
});

test('a figure may stand for itself, and CPU is that of server and database', () => {
  const cpu = { server: 6, database: 3, generator: 50 };
  const [alone] = ratiosOf(
    [{ name: 'CPU', isHigherBetter: false, of: cpuOf('engine') }],
    [[measured('engine', 1, { cpu })]],
  );
  expect(alone?.median).toBe(9);
});

test('a limit that swings by more than a fifth within a round is void, the engine never is', () => {
  const engine = (rate: number) => measured('engine', rate, { kind: 'engine' });
  const rounds = [
    [measured('limit', 100), engine(1), measured('limit', 81)],
    [measured('limit', 100), engine(50), engine(1), measured('limit', 79), measured('other limit', 5)],
  ];
  const [calm = [], wild = []] = withVoids(rounds);
  expect(voidsOf(calm)).toEqual([]);
  expect(wild.map((one) => one.void !== undefined)).toEqual([true, false, false, true, false]);
  expect(voidsOf(wild)).toHaveLength(1);
});

test('raw COPY at 800 more than a fifth below the run’s best makes its round void; other limits may drift', () => {
  const rates = [130_000, 200_000, 165_000];
  const rounds = rates.map((rate) => [measured(yardstick, rate), measured('limit', rate)]);
  expect(withVoids(rounds).map((round) => voidsOf(round).length)).toEqual([1, 0, 0]);
  expect(withVoids(rounds.slice(0, 1)).map((round) => voidsOf(round).length)).toEqual([0]);
});
