/** Peers that cannot be run: their rows come from an earlier measurement, say so, and never beat a real one. */
import { expect, test } from 'vitest';
import type { Measurement, Target } from '#bench/contract.js';
import { earlierLimits, earlierRows } from '#bench/peers/earlier.js';
import { peers } from '#bench/peers/index.js';
import { earlierMeasurements, earlierRowsOf } from '#bench/run/earlier.js';
import { figureOf, ratiosOf } from '#bench/run/ratios.js';
import { scenarios } from '#bench/scenarios/index.js';

const absent = peers.filter(({ name }) => name === 'centrifugo') as readonly Target[];
const half = earlierLimits['raw COPY at 1000'].perSecond / 2;

function measured(part: string, figures: Readonly<Record<string, number>>): Measurement {
  return { part, kind: 'peer', label: part, figures };
}

const round = [
  measured('nubo', { ackedPerSecond: 47_000 }),
  measured('raw COPY at 1000', { rowsPerSecond: half }),
];
const plan = {
  ...{ name: 'nubo ÷ centrifugo', isHigherBetter: true },
  of: figureOf('nubo', 'ackedPerSecond'),
  to: figureOf('centrifugo', 'ackedPerSecond'),
};

test('a row is scaled by the limit of the run, and says where it is from', () => {
  const rows = earlierRowsOf('rooms', absent);
  const [row, ...others] = earlierMeasurements(rows, round, absent);
  expect(others).toEqual([]);
  expect(row).toMatchObject({ part: 'centrifugo (not run here)', kind: 'peer', ack: 'in memory' });
  expect(row?.figures.ackedPerSecond).toBeCloseTo(47_000 / 2);
  expect(row?.label).toMatch(/^not run here: .* 47,000 acked\/s where raw COPY at 1000 gave 185,000 rows\/s/);
  expect(row?.play).toBeUndefined();
});

test('without the limit in the round, or with all peers here, there is no row', () => {
  expect(earlierMeasurements(earlierRowsOf('rooms', absent), round.slice(0, 1), absent)).toEqual([]);
  expect(earlierRowsOf('rooms', [])).toEqual([]);
});

test('a ratio takes it only when no round has the real peer, and is named accordingly', () => {
  const rows = earlierMeasurements(earlierRowsOf('rooms', absent), round, absent);
  const [ratio] = ratiosOf([plan], [[...round, ...rows]]);
  expect(ratio?.name).toBe('nubo ÷ centrifugo (the peer: not run here)');
  expect(ratio?.median).toBeCloseTo(2);
  const real = measured('centrifugo', { ackedPerSecond: 94_000 });
  const [better] = ratiosOf(
    [plan],
    [
      [...round, ...rows],
      [...round, ...rows, real],
    ],
  );
  expect(better).toMatchObject({ name: 'nubo ÷ centrifugo', perRound: [0.5] });
});

test('every row names a scenario, and a peer that there is', () => {
  for (const [scenario, rows] of Object.entries(earlierRows)) {
    expect(scenarios.map(({ name }) => name)).toContain(scenario);
    for (const { peer, part } of rows) {
      expect(peers.map(({ name }) => name)).toContain(peer);
      expect(part.startsWith(peer)).toBe(true);
    }
  }
});
