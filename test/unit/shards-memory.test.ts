/** The memory of all shards, as main sees and empties it: threads that answer, are busy, die, and are there again. */
import { expect, test } from 'vitest';
import { messages } from '#src/entities/messages.js';
import { MemoryMirror } from '#src/storage/memory/mirror.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import { createSimulation } from '#test/support/sim-clock.js';
import type { MemoryRequest } from '#workers/control.js';
import { answerMemory } from '#workers/shard-memory.js';
import { ShardsMemory } from '#workers/shards-memory.js';

type Usage = Parameters<Parameters<Evictable['usage']>[0]>[0];
type Evicted = Parameters<Parameters<Evictable['evict']>[1]>[0];

/** Milliseconds that a message takes from thread to thread. */
const wayMs = 1;

/** Shards with so many elements each, about equally large. */
function createShards(...sizes: number[]) {
  const simulation = createSimulation(1);
  const { timers, turns } = simulation.ports;
  const mirrors = sizes.map((size) => filled(size));
  const state = sizes.map(() => ({ isUp: true, isBusy: false, held: [] as Array<() => void> }));
  const told: Array<MemoryRequest & { shard: number }> = [];
  const memory: ShardsMemory = new ShardsMemory({
    timers,
    shards: () => state.flatMap(({ isUp }, shard) => (isUp ? [shard] : [])),
    tell: (shard, request) => {
      told.push({ ...request, shard });
      const hear = () =>
        answerMemory(mirrors[shard], request, (answer) =>
          simulation.schedule(wayMs, () => memory.onAnswer(shard, answer)),
        );
      if (state[shard]?.isBusy) state[shard]?.held.push(hear);
      else simulation.schedule(wayMs, hear);
    },
  });

  function filled(size: number): MemoryMirror {
    const mirror = new MemoryMirror({ limitBytes: 1_000_000, turns });
    const changes = Array.from({ length: size }, (_, seq) => ({
      ...{ entity: messages, id: `${seq}`, version: 1 },
      fields: { conversation: 'c', seq: 1_000 + seq, content: 'x'.repeat(100) },
    }));
    mirror.fill(changes);
    return mirror;
  }

  /** Runs the world until it is answered; how long that took. */
  function ask<Result>(call: (done: (result: Result) => void) => void): { result: Result; ms: number } {
    const begun = simulation.now();
    let answer: { result: Result; ms: number } | undefined;
    call((result) => {
      if (answer !== undefined) throw new Error('answered twice');
      answer = { result, ms: simulation.now() - begun };
    });
    simulation.run({ untilMs: begun + 5_000 });
    if (answer === undefined) throw new Error('not answered');
    return answer;
  }

  return {
    ...{ told, state, mirrors },
    usage: () => ask<Usage>((done) => memory.usage(done)),
    evict: (count: number) => ask<Evicted>((done) => memory.evict(count, done)),
    thaw(shard: number) {
      const { held } = state[shard] ?? { held: [] };
      for (const hear of held.splice(0)) hear();
      simulation.run({ untilMs: simulation.now() + 100 });
    },
    /** Another thread under the same number, empty. */
    restart(shard: number) {
      mirrors[shard] = filled(0);
      state[shard] = { isUp: true, isBusy: false, held: [] };
    },
  };
}

function used({ result }: { result: Usage }): number {
  if (result.kind === 'failed') throw new Error(result.message);
  return result.usedBytes;
}

test('what all shards use is their sum, and nothing is said to them unless somebody asks', () => {
  const one = used(createShards(100).usage());
  const { told, usage } = createShards(100, 100, 0);
  expect(told).toEqual([]);
  const { result, ms } = usage();
  expect(result).toEqual({ kind: 'usage', usedBytes: 2 * one, limitBytes: undefined });
  expect(ms).toBeLessThan(10);
  expect(told.map(({ kind, shard }) => `${kind} ${shard}`)).toEqual([
    'read memory 0',
    'read memory 1',
    'read memory 2',
  ]);
});

test('what is evicted is shared by their bytes, all of it, and counted by node', () => {
  const { told, usage, evict } = createShards(300, 100, 0);
  const before = used(usage());
  told.length = 0;
  const { result } = evict(100);
  expect(result).toEqual({ kind: 'evicted', byNode: new Map([['messages', 100]]) });
  expect(told.map((request) => request.kind === 'evict' && [request.shard, request.count])).toEqual([
    [0, 75],
    [1, 25],
  ]);
  expect(used(usage())).toBeCloseTo(before * 0.75, -3);
  // More than there is: all of it.
  expect(evict(1_000).result).toEqual({ kind: 'evicted', byNode: new Map([['messages', 300]]) });
  expect(used(usage())).toBe(0);
  told.length = 0;
  expect(evict(10).result).toEqual({ kind: 'evicted', byNode: new Map() });
  expect(told).toEqual([]);
});

test('shares add up to what is to be evicted, however it is divided', () => {
  for (const sizes of [
    [1, 1, 1],
    [7, 5, 3, 1],
    [1_000, 1],
  ]) {
    for (const count of [1, 2, 10, 250]) {
      const { told, usage, evict } = createShards(...sizes);
      usage();
      evict(count);
      const shares = told.map((request) => (request.kind === 'evict' ? request.count : 0));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(count);
      expect(Math.min(...shares.filter((share) => share !== 0))).toBeGreaterThan(0);
    }
  }
});

test('a shard that is busy is waited for for a second, and counts as it was', () => {
  const { state, usage, evict, thaw, mirrors } = createShards(100, 100);
  const both = used(usage());
  const [first, second] = state;
  if (first === undefined || second === undefined) throw new Error('two shards were made');
  second.isBusy = true;
  mirrors[1]?.wipe();
  const late = usage();
  expect(late.ms).toBe(1_000);
  expect(used(late)).toBe(both);
  expect(evict(20)).toMatchObject({ ms: 1_000, result: { byNode: new Map([['messages', 10]]) } });
  first.isBusy = true;
  expect(evict(20).result).toMatchObject({ kind: 'failed' });
  // What is said too late is known all the same, and done; nothing is answered twice.
  thaw(1);
  expect(used(usage())).toBe(both / 2);
  [first.isBusy, second.isBusy] = [false, false];
  thaw(0);
  expect(used(usage())).toBeCloseTo(both * 0.4, -3);
});

test('a shard that died counts no more, and one that is started again counts as it is', () => {
  const { state, usage, restart } = createShards(100, 100);
  const both = used(usage());
  const second = state[1];
  if (second === undefined) throw new Error('two shards were made');
  second.isUp = false;
  expect(used(usage())).toBe(both / 2);
  restart(1);
  expect(used(usage())).toBe(both / 2);
});

test('without a shard nothing is used, and nothing can be evicted', () => {
  const { usage, evict } = createShards();
  expect(used(usage())).toBe(0);
  expect(evict(5).result).toEqual({ kind: 'evicted', byNode: new Map() });
});
