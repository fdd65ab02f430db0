/** The janitor over months, under a virtual clock: with failures, deaths, and absences longer than it plans ahead. */
import { expect, test } from 'vitest';
import { retryMs, roundMs } from '#actors/janitor/janitor.js';
import { planRound } from '#actors/janitor/plan.js';
import type { JanitorReport } from '#actors/janitor/ports.js';
import { monthAt, monthName, startOfMonth } from '#src/months.js';
import { FaultyPartitions } from '../support/faulty-partitions.js';
import { startJanitor } from '../support/janitor.js';
import { createSimulation, simulationStartMs } from '../support/sim-clock.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

interface Life {
  readonly inserted: number[];
  readonly store: FaultyPartitions;
  readonly reports: JanitorReport[];
  readonly lateStrays: number[];
  readonly deaths: number;
  readonly trace: string;
}

/** Sixteen months, unless told otherwise, of one server that is killed, and of a database that will not make months now and then. */
function live(seed: number, { days = 490, retentionMonths = 0 } = {}): Life {
  const simulation = createSimulation(seed);
  const store = new FaultyPartitions(simulation);
  const reports: JanitorReport[] = [];
  const inserted: number[] = [];
  const lateStrays: number[] = [];
  let deaths = -1;
  let wellSince = Number.POSITIVE_INFINITY;
  let isUp = false;

  const start = (): void => {
    deaths += 1;
    isUp = true;
    const thread = simulation.thread();
    if (!store.isAway) for (const { month } of plannedNow()) store.memory.makeNow(month);
    const report = (told: JanitorReport) => {
      reports.push(told);
      if (told.kind === 'detached')
        expect(told.month).toBeLessThan(monthAt(simulation.now()) - retentionMonths);
      if (told.kind !== 'round over') return;
      wellSince = told.isWell ? Math.min(wellSince, simulation.now()) : Number.POSITIVE_INFINITY;
      if (told.isWell) expect(store.memory.strays).toEqual([]);
      // A bug in what follows a round: the janitor is started again and begins anew.
      if (simulation.random() < 0.001) throw new Error('planted');
    };
    const retention = { months: retentionMonths, isKept: true };
    startJanitor(thread.ports, { partitions: store, retention, report }).wake();
    simulation.schedule((5 + 60 * simulation.random()) * dayMs, () => {
      thread.kill();
      isUp = false;
      wellSince = Number.POSITIVE_INFINITY;
      simulation.schedule(simulation.random() * 4 * hourMs, start);
    });
  };
  const plannedNow = () =>
    planRound({ months: [...store.memory.leaves.keys()], strays: [] }, simulation.now(), 0);
  const write = (): void => {
    const now = simulation.now();
    const skewMs = simulation.random() < 0.5 ? 5 * 60_000 : -dayMs;
    const at = now + Math.floor(skewMs * simulation.random());
    if (isUp) {
      const before = store.memory.strays.length;
      store.memory.insert(at);
      inserted.push(at);
      if (store.memory.strays.length > before && now >= wellSince) lateStrays.push(at);
    }
    // Often about the turn of a month, where a row could come before its leaf.
    const turnMs = startOfMonth(monthAt(now) + 1) - now;
    const pauseMs = turnMs < 2 * hourMs ? 4 * 60_000 : Math.min(12 * hourMs, turnMs - hourMs);
    simulation.schedule(simulation.random() * pauseMs, write);
  };
  const leave = (): void => {
    store.isAway = true;
    simulation.schedule((70 + 60 * simulation.random()) * dayMs, () => {
      store.isAway = false;
    });
  };
  start();
  simulation.schedule(simulation.random() * hourMs, write);
  simulation.schedule((30 + simulation.random() * 100) * dayMs, leave);
  simulation.schedule((280 + simulation.random() * 60) * dayMs, leave);
  simulation.run({ untilMs: days * dayMs });
  return { inserted, store, reports, lateStrays, deaths, trace: simulation.traceHash() };
}

test('L15 over sixteen months with failures, deaths and absences, every row ends in its month', () => {
  const totals = { moved: 0, made: 0, deaths: 0, failures: 0 };
  for (const seed of [1, 2, 3]) {
    const { inserted, store, reports, lateStrays, deaths } = live(seed);
    const { leaves, strays } = store.memory;
    // Whatever the store was away for, the last months were quiet.
    expect({ seed, strays }).toEqual({ seed, strays: [] });
    expect({ seed, lateStrays }).toEqual({ seed, lateStrays: [] });
    const order = (one: number, other: number) => one - other;
    expect([...leaves.values()].flat().sort(order)).toEqual(inserted.toSorted(order));
    for (const [month, times] of leaves) {
      expect(times.filter((at) => at < startOfMonth(month) || at >= startOfMonth(month + 1))).toEqual([]);
    }
    totals.deaths += deaths;
    totals.failures += store.failures;
    for (const report of reports) {
      if (report.kind !== 'made') continue;
      totals.made += 1;
      totals.moved += report.moved;
    }
  }
  expect(totals.moved).toBeGreaterThan(50);
  expect(totals.made).toBeGreaterThan(20);
  expect(totals.deaths).toBeGreaterThan(10);
  expect(totals.failures).toBeGreaterThan(100);
});

test('L16 with a retention of four months, what is older leaves the log, nothing else does, and nothing is lost', () => {
  for (const seed of [6, 7]) {
    const { inserted, store, reports } = live(seed, { retentionMonths: 4 });
    const { leaves, strays, detached } = store.memory;
    const last = monthAt(simulationStartMs + 490 * dayMs);
    const order = (one: number, other: number) => one - other;
    expect([...leaves.values(), strays, detached].flat().sort(order)).toEqual(inserted.toSorted(order));
    expect([...leaves.keys()].filter((month) => month < last - 4)).toEqual([]);
    expect(detached.filter((at) => monthAt(at) >= last - 4)).toEqual([]);
    expect(reports.filter(({ kind }) => kind === 'detached').length).toBeGreaterThan(8);
  }
});

test('L15 the same seed is the same life', () => {
  expect(live(4, { days: 60 }).trace).toBe(live(4, { days: 60 }).trace);
  expect(live(4, { days: 60 }).trace).not.toBe(live(5, { days: 60 }).trace);
});

test('L15 a round makes last month to two months ahead, and the months of rows that have none', () => {
  const now = Date.UTC(2026, 0, 31, 23, 59);
  const names = (months: readonly number[], strays: readonly number[]) =>
    planRound({ months, strays: strays.map((month) => ({ month, rows: 1 })) }, now, 0).map(({ month }) =>
      monthName(month),
    );
  expect(names([], [])).toEqual(['2025-12', '2026-01', '2026-02', '2026-03']);
  const january = monthAt(now);
  expect(names([january - 1, january, january + 1], [january + 9, january - 30])).toEqual([
    '2023-07',
    '2026-03',
    '2026-10',
  ]);
});

test('L16 a month past its retention is detached after the new ones are made, and never made again', () => {
  const now = Date.UTC(2026, 4, 1);
  const may = monthAt(now);
  const months = [3, 2, 1, 0].map((back) => may - back);
  const plan = (retentionMonths: number, horizon?: number) =>
    planRound(
      { months, strays: [{ month: may - 6, rows: 1 }], ...(horizon === undefined ? {} : { horizon }) },
      now,
      retentionMonths,
    ).map(({ kind, month }) => `${kind} ${monthName(month)}`);
  const ahead = ['make 2026-06', 'make 2026-07'];
  expect(plan(0)).toEqual(['make 2025-11', ...ahead]);
  expect(plan(2)).toEqual(['make 2025-11', ...ahead, 'detach 2026-02']);
  expect(plan(1, may - 4)).toEqual([...ahead, 'detach 2026-02', 'detach 2026-03']);
});

test('L15 rounds follow each other, sooner after one that failed, and none begins while one is under way', () => {
  const simulation = createSimulation(5);
  const store = new FaultyPartitions(simulation);
  store.isAway = true;
  const ends: Array<{ at: number; isWell: boolean }> = [];
  const janitor = startJanitor(simulation.ports, {
    partitions: store,
    report: (told) => {
      if (told.kind === 'round over') ends.push({ at: simulation.now(), isWell: told.isWell });
    },
  });
  for (let again = 0; again < 5; again += 1) janitor.wake();
  simulation.run({ untilMs: 3 * retryMs });
  expect(ends.length).toBeGreaterThanOrEqual(2);
  expect(ends.every(({ isWell }) => !isWell)).toBe(true);
  expect((ends[1]?.at ?? 0) - (ends[0]?.at ?? 0)).toBeGreaterThanOrEqual(retryMs);
  store.isAway = false;
  const later = ends.length;
  simulation.run({ untilMs: 3 * retryMs + 40 * roundMs });
  const gaps = ends.slice(later).flatMap(({ at, isWell }, index, all) => {
    const next = all[index + 1];
    return next === undefined ? [] : [{ isWell, ms: next.at - at }];
  });
  expect(gaps.some(({ isWell }) => isWell)).toBe(true);
  expect(gaps.filter(({ isWell, ms }) => ms < (isWell ? roundMs : retryMs))).toEqual([]);
  expect(ends.at(-1)?.at).toBeLessThanOrEqual(simulationStartMs + 3 * retryMs + 40 * roundMs);
  janitor.stop();
});
