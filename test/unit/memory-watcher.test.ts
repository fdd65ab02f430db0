/** The watcher of memory under a virtual clock: writers that push, tiers that are away or frozen, a process too large. */
import { expect, test } from 'vitest';
import {
  hostRestMs,
  MemoryWatcher,
  type MemoryWatcherMessage,
  silentMsMax,
} from '#actors/memory-watcher/memory-watcher.js';
import {
  callsAtOnceMax,
  callsFor,
  elementsPerCall,
  goalOf,
  lookAgainMs,
  marksOf,
} from '#actors/memory-watcher/plan.js';
import type { ProcessMemory, Watched, WatcherReport } from '#actors/memory-watcher/ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { createSimulation, type Simulation, simulationStartMs } from '../support/sim-clock.js';
import { SimulatedEvictable } from '../support/sim-evictable.js';

const mebibyte = 1024 * 1024;
const limit = 64 * mebibyte;
const marginBytes = 200 * mebibyte;

type Told = WatcherReport & { readonly at: number };

/** A watcher in an actor system of the simulation, and all that it reports. */
function watch(
  simulation: Simulation,
  evictable: SimulatedEvictable,
  options: Partial<Watched> & { onReport?: (report: WatcherReport) => void } = {},
): Told[] {
  const reports: Told[] = [];
  const { onReport, ...watched } = options;
  const system = createActorSystem({ ports: simulation.ports });
  system.register<MemoryWatcherMessage>('memory-watcher', {
    create: (context) =>
      new MemoryWatcher(context, {
        ...simulation.ports,
        ...{ evictable, limitBytes: 0, marginBytes },
        ...watched,
        report: (report) => {
          reports.push({ ...report, at: simulation.now() - simulationStartMs });
          onReport?.(report);
        },
      }),
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: () => {},
  });
  system.tell('memory-watcher/it', { kind: 'look due' });
  return reports;
}

function ofKind<Kind extends WatcherReport['kind']>(
  reports: readonly Told[],
  kind: Kind,
): Array<Extract<WatcherReport, { kind: Kind }> & { at: number }> {
  return reports.filter((report): report is Extract<Told, { kind: Kind }> => report.kind === kind);
}

function evictedIn(reports: readonly Told[]): number {
  return ofKind(reports, 'evicted').reduce(
    (sum, { byNode }) => sum + [...byNode.values()].reduce((all, count) => all + count, 0),
    0,
  );
}

test('the margin is what was configured, and at most a tenth of the limit; the smaller limit counts', () => {
  const gibibyte = 1024 * mebibyte;
  const thresholdOf = (configured: number, detected: number | undefined) =>
    marksOf({ configured, detected }, marginBytes)?.threshold;
  expect(thresholdOf(8 * gibibyte, undefined)).toBe(8 * gibibyte - marginBytes);
  expect(thresholdOf(0, 8 * gibibyte)).toBe(8 * gibibyte - marginBytes);
  expect(thresholdOf(0, 64_000_000)).toBe(57_600_000);
  expect(thresholdOf(64_000_000, 8 * gibibyte)).toBe(57_600_000);
  expect(thresholdOf(8 * gibibyte, 64_000_000)).toBe(57_600_000);
  expect(thresholdOf(0, undefined)).toBeUndefined();
  expect(thresholdOf(0, 0)).toBeUndefined();
  expect(marksOf({ configured: 1_000, detected: undefined }, 100)).toEqual({
    ...{ limit: 1_000, threshold: 900, lowWater: 880 },
  });
});

test('it looks once a second far below a large limit, and more often the nearer it is', () => {
  const marks = marksOf({ configured: limit, detected: undefined }, marginBytes);
  const large = marksOf({ configured: 100 * limit, detected: undefined }, marginBytes);
  expect(lookAgainMs({ tier: { used: 0, marks: large } })).toBe(1_000);
  expect(lookAgainMs({ tier: { used: 0, marks } })).toBe(67);
  expect(lookAgainMs({ tier: { used: 0.9 * limit, marks } })).toBe(6);
  expect(lookAgainMs({ tier: { used: 2 * limit, marks } })).toBe(5);
  expect(lookAgainMs({ tier: { used: 2 * limit, marks: undefined } })).toBe(1_000);
  expect(lookAgainMs({ tier: { used: 0, marks: large }, host: { used: limit, marks } })).toBe(5);
});

test('a process that is too large wants its excess back, from what the tier has', () => {
  const marks = { lowWater: 880, threshold: 900, limit: 1_000 };
  expect(goalOf({ tier: { used: 900, marks } })).toBeUndefined();
  expect(goalOf({ tier: { used: 901, marks } })).toBe(880);
  expect(goalOf({ tier: { used: 300, marks }, host: { used: 900, marks } })).toBeUndefined();
  expect(goalOf({ tier: { used: 300, marks }, host: { used: 980, marks } })).toBe(200);
  expect(goalOf({ tier: { used: 50, marks }, host: { used: 980, marks } })).toBe(0);
  expect(goalOf({ tier: { used: 950, marks }, host: { used: 901, marks } })).toBe(880);
});

test('a round takes what is too much, and at least what lies between the marks, in few calls', () => {
  const marks = { lowWater: 880, threshold: 900, limit: 1_000 };
  const level = { used: 950, elements: 950, marks };
  expect(callsFor(level, { goal: 880, callsAtOnce: 2 })).toEqual([70]);
  expect(callsFor({ ...level, used: 881, elements: 881 }, { goal: 880, callsAtOnce: 2 })).toEqual([20]);
  expect(callsFor({ ...level, elements: 9_500 }, { goal: 880, callsAtOnce: 4 })).toEqual([250, 250, 200]);
  expect(callsFor({ ...level, elements: 95_000 }, { goal: 880, callsAtOnce: 2 })).toEqual([250, 250]);
  expect(callsFor({ ...level, elements: 0 }, { goal: 880, callsAtOnce: 2 })).toEqual([1]);
  // Nobody has counted: then it is as many as may be.
  expect(callsFor({ used: 950, marks }, { goal: 880, callsAtOnce: 2 })).toEqual([250, 250]);
});

test('large elements are not evicted by the hundred, and no burst of them passes the limit', () => {
  const simulation = createSimulation(11);
  const elementBytes = 40_000;
  const tier = new SimulatedEvictable(simulation, { limit, elementBytes });
  const reports = watch(simulation, tier);
  // From silence at the threshold to half a gigabyte a second, and back.
  for (let at = 1_000; at < 20_000; at += 1_000)
    simulation.schedule(at, () => {
      const stop = tier.grow(500_000);
      simulation.schedule(300, stop);
    });
  simulation.run({ untilMs: 22_000 });
  expect(tier.evicted).toBeGreaterThan(10 * elementsPerCall);
  expect(tier.usedMax).toBeLessThan(limit);
  const usedAfter = ofKind(reports, 'used').filter(({ at }) => at > 3_000);
  expect(Math.min(...usedAfter.map(({ usedBytes }) => usedBytes))).toBeGreaterThan(0.8 * limit);
});

test.each([1, 20, 100, 160, 400])(
  'writers of %d kB a millisecond never push it over the limit',
  (kilobytes) => {
    const simulation = createSimulation(kilobytes);
    const tier = new SimulatedEvictable(simulation, { limit });
    const reports = watch(simulation, tier);
    simulation.schedule(700, () => tier.grow(kilobytes * 1_000));
    simulation.run({ untilMs: 80_000 });
    expect(tier.usedMax).toBeGreaterThan(0.9 * limit);
    expect(tier.usedMax).toBeLessThan(1.05 * limit);
    expect(evictedIn(reports)).toBe(tier.evicted);
    expect(tier.evicted).toBeGreaterThan(10_000);
    expect(ofKind(reports, 'failed')).toEqual([]);
    expect(tier.pendingMax).toBeLessThanOrEqual(callsAtOnceMax);
  },
);

test('T7 a round goes from above the threshold to the low water, and no further than a few calls', () => {
  const simulation = createSimulation(5);
  const tier = new SimulatedEvictable(simulation, { limit });
  const reports = watch(simulation, tier);
  tier.add(0.93 * limit);
  simulation.run({ untilMs: 1_000 });
  expect(ofKind(reports, 'round over').length).toBe(1);
  expect(tier.used).toBeLessThanOrEqual(0.88 * limit);
  expect(tier.used).toBeGreaterThan(0.86 * limit);
});

test('one that is frozen is asked once, reported once, and watched on as soon as it answers', () => {
  const simulation = createSimulation(6);
  const tier = new SimulatedEvictable(simulation, { limit });
  const reports = watch(simulation, tier);
  tier.grow(10_000);
  simulation.schedule(20_000, () => {
    tier.isFrozen = true;
  });
  simulation.schedule(20_100, () => {
    const { calls } = tier;
    simulation.schedule(29_000, () => expect(tier.calls).toBe(calls));
  });
  simulation.schedule(50_000, () => tier.thaw());
  simulation.run({ untilMs: 70_000 });
  const failures = ofKind(reports, 'failed');
  expect(failures.map(({ isNew }) => isNew)).toEqual([true]);
  expect(failures[0]?.at).toBeLessThan(20_000 + silentMsMax + 500);
  expect(ofKind(reports, 'well again').length).toBe(1);
  expect(evictedIn(reports.filter(({ at }) => at > 50_000))).toBeGreaterThan(100_000);
  expect(tier.usedMax).toBeLessThan(1.05 * limit);
});

test('one that is away is tried again every second, and reported as new once', () => {
  const simulation = createSimulation(7);
  const tier = new SimulatedEvictable(simulation, { limit });
  tier.isAway = true;
  const reports = watch(simulation, tier);
  simulation.schedule(30_500, () => {
    tier.isAway = false;
  });
  simulation.run({ untilMs: 60_000 });
  const failures = ofKind(reports, 'failed');
  expect(failures.filter(({ isNew }) => isNew).length).toBe(1);
  expect(failures.length).toBeGreaterThan(25);
  expect(failures.length).toBeLessThan(32);
  expect(ofKind(reports, 'well again').length).toBe(1);
  expect(tier.pendingMax).toBe(1);
});

test('what is full of something else is said once, and not asked without end', () => {
  const simulation = createSimulation(8);
  const tier = new SimulatedEvictable(simulation, { limit });
  tier.foreign = 2 * limit;
  tier.add(400 * 3_000);
  const reports = watch(simulation, tier);
  simulation.run({ untilMs: 30_000 });
  expect(tier.elements).toBe(0);
  const nothing = ofKind(reports, 'nothing left');
  expect(nothing.map(({ isNew }) => isNew).filter(Boolean)).toEqual([true]);
  expect(nothing.length).toBeGreaterThan(20);
  expect(nothing.length).toBeLessThan(35);
  expect(ofKind(reports, 'failed')).toEqual([]);
});

test('the tier of a process that is too large gives the excess back, and is left alone until it can be seen', () => {
  const simulation = createSimulation(9);
  const tier = new SimulatedEvictable(simulation, { name: 'memory' });
  const begun = 400 * 100_000;
  tier.add(begun);
  const memory = { usedBytes: 0.95 * limit, limitBytes: limit } satisfies ProcessMemory;
  let process: ProcessMemory = { ...memory, usedBytes: 0.5 * limit };
  const reports = watch(simulation, tier, { processMemory: () => process });
  simulation.run({ untilMs: 5_000 });
  expect(tier.evicted).toBe(0);
  process = memory;
  simulation.run({ untilMs: 5_000 + hostRestMs });
  const excess = (0.95 - 0.88) * limit;
  expect(tier.used).toBeLessThanOrEqual(begun - excess);
  expect(tier.used).toBeGreaterThan(begun - excess - mebibyte);
  // It never shrinks: in the end the tier has given all that it had, and is not asked every 25 ms for more.
  simulation.run({ untilMs: 200_000 });
  expect(tier.used).toBe(0);
  const { calls } = tier;
  simulation.run({ untilMs: 300_000 });
  expect(tier.calls - calls).toBeLessThan(110);
  expect(ofKind(reports, 'used').some(({ owner, usedBytes }) => owner === 'process' && usedBytes > 0)).toBe(
    true,
  );
});

test('a watcher that crashed goes on, and takes nothing of its predecessor for an answer', () => {
  const simulation = createSimulation(10);
  const tier = new SimulatedEvictable(simulation, { limit });
  tier.grow(3_000);
  let crashes = 0;
  const reports = watch(simulation, tier, {
    onReport: ({ kind }) => {
      if (kind !== 'evicted' || simulation.random() > 0.01) return;
      crashes += 1;
      throw new Error('planted');
    },
  });
  simulation.run({ untilMs: 120_000 });
  expect(crashes).toBeGreaterThan(5);
  expect(evictedIn(reports.filter(({ at }) => at > 100_000))).toBeGreaterThan(50_000);
  // Each crash costs a second or more without a watcher.
  expect(tier.usedMax).toBeLessThan(2 * limit);
});
