/**
 * Memory under pressure: with a limit, and far more written than fits, Redis never holds more than the limit and a
 * twentieth, and what leaves it was used longest ago.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { MemoryWatcher, type MemoryWatcherMessage } from '#actors/memory-watcher/memory-watcher.js';
import type { WatcherReport } from '#actors/memory-watcher/ports.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { RedisEviction } from '#src/storage/redis/eviction.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { touchIntervalMs } from '#src/storage/redis/touches.js';
import { type EvictedThen, type LoadVerdict, startEvictionLoad } from '#test/faults/eviction-load.js';
import { type RedisServer, redisHere, startRedis } from '#test/support/redis-server.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const mebibyte = 1024 * 1024;
const limitBytes = 64 * mebibyte;
const marginBytes = 200 * mebibyte;
const prefix = 'nubo:';
const keys = redisKeys(prefix);
const sampleMs = 10;
/** What took long in that time; it lies in the memory of Redis, so it is taken away with each sample. */
const slowMax = 20;

/** Never more than so much of the limit. */
const usedMax = 1.05;
/** Of what was evicted, so much would an exact order have evicted, too. */
const rightMin = 0.99;
/** And it is so much closer to it than to an order that hears of no reads; else the reads would have proved nothing. */
const deafMax = 0.25;
/**
 * Microseconds that Redis works at a call of ours. On a machine that does other things more of them take longer, but of
 * those that evict hardly more than of those that write beside them.
 */
const callMicrosecondsMax = 2_000;
const slowCallsMax = 0.05;

interface Run {
  readonly name: string;
  readonly textBytes: readonly [number, number];
  /** Of the limit. */
  readonly written: number;
}

const short: readonly Run[] = [{ name: 'messages', textBytes: [50, 350], written: 1.5 }];
const full: readonly Run[] = [
  { name: 'messages', textBytes: [50, 350], written: 3 },
  { name: 'short ones', textBytes: [1, 20], written: 1 },
  { name: 'long ones', textBytes: [1_000, 8_000], written: 6 },
  { name: 'documents', textBytes: [20_000, 60_000], written: 12 },
];

interface Outcome {
  readonly verdict: LoadVerdict;
  readonly samples: number;
  readonly usedMost: number;
  readonly evictedReported: number;
  readonly failures: number;
  /** Those that evicted. */
  readonly calls: number;
  /** Of these, those that held up Redis for long, in microseconds. */
  readonly slowCalls: readonly number[];
  /** Of those that write. */
  readonly slowPuts: readonly number[];
}

async function runOnce({ textBytes, written }: Run, seed: number): Promise<Outcome> {
  const server = await startRedis();
  const observer = new Redis(server.url);
  try {
    await observer.config('SET', 'slowlog-log-slower-than', String(callMicrosecondsMax));
    await observer.config('SET', 'slowlog-max-len', String(slowMax));
    const watch = watchRedis(server);
    const sampler = sample(observer);
    const load = startEvictionLoad({
      ...{ url: server.url, prefix, seed },
      bytes: written * limitBytes,
      textBytes,
    });
    try {
      await load.written;
      await sleep(500);
      watch.stop();
      const usage = await sampler.stop();
      const verdict = await load.judge(watch.evictions);
      const counts = watch.reports.flatMap((report) =>
        report.kind === 'evicted' ? [...report.byNode.values()] : [],
      );
      return {
        ...{ verdict, ...usage, calls: counts.length },
        evictedReported: counts.reduce((sum, count) => sum + count, 0),
        failures: watch.reports.filter(({ kind }) => kind === 'failed' || kind === 'nothing left').length,
      };
    } finally {
      watch.stop();
      await load.end();
    }
  } finally {
    observer.disconnect();
    await server.stop();
  }
}

/** The watcher as it runs in nubo, and when it heard of what it had removed. */
function watchRedis(server: RedisServer) {
  const reports: WatcherReport[] = [];
  const evictions: EvictedThen[] = [];
  const ports = nodeRuntimePorts();
  const connection = new RedisConnection({ url: server.url, ports });
  const eviction = new RedisEviction({ connection, keys });
  const system = createActorSystem({ ports });
  system.register<MemoryWatcherMessage>('memory-watcher', {
    create: (context) =>
      new MemoryWatcher(context, {
        ...{ ...ports, evictable: eviction, limitBytes, marginBytes },
        report: (report) => {
          reports.push(report);
          if (report.kind !== 'evicted') return;
          const count = [...report.byNode.values()].reduce((sum, one) => sum + one, 0);
          evictions.push({ at: performance.timeOrigin + performance.now(), count });
        },
      }),
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: () => {},
  });
  connection.onOpen(() => void system.tell('memory-watcher/redis', { kind: 'look due' }));
  return {
    reports,
    evictions,
    stop: () => {
      system.stop();
      connection.close();
    },
  };
}

/** Every 10 ms what is used, what Redis itself says was the most after any command, and which commands took long. */
function sample(redis: Redis) {
  let isOver = false;
  let samples = 0;
  let usedMost = 0;
  const slowCalls: number[] = [];
  const slowPuts: number[] = [];
  const ended = (async () => {
    while (!isOver) {
      const next = sleep(sampleMs);
      const [text, slow] = await Promise.all([redis.info('memory'), redis.slowlog('GET', slowMax)]);
      for (const name of ['used_memory', 'used_memory_peak'])
        usedMost = Math.max(usedMost, Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]));
      slowCalls.push(...scriptsAmong(slow as SlowCommand[], keys.lru));
      slowPuts.push(...scriptsAmong(slow as SlowCommand[], keys.positions));
      samples += 1;
      await redis.slowlog('RESET');
      await next;
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await ended;
      return { samples, usedMost, slowCalls, slowPuts };
    },
  };
}

/** Number, time, microseconds, the command. */
type SlowCommand = readonly [number, number, number, readonly string[]];

/** Microseconds of scripts by their first key: the LRU for those that evict, positions for those that write. */
function scriptsAmong(commands: readonly SlowCommand[], firstKey: string): number[] {
  return commands.flatMap(([, , microseconds, [command, , , key]]) =>
    /^eval/i.test(command ?? '') && key === firstKey ? [microseconds] : [],
  );
}

async function run({ short: isShort, log }: ProofOptions): Promise<ProofResult> {
  if ((await redisHere()) === undefined) {
    log('skipped: there is no redis-server here');
    return { trials: { 'skipped, no redis-server': 1 }, passed: isShort };
  }
  const faults: string[] = [];
  const trials: Record<string, number> = {};
  const details: Record<string, unknown> = {};
  for (const [index, one] of (isShort ? short : full).entries()) {
    const outcome = await runOnce(one, index + 1);
    const figures = figuresOf(outcome);
    details[one.name] = figures;
    for (const [name, value] of Object.entries(figures)) trials[`${one.name}: ${name}`] = value;
    log(`${one.name}: ${JSON.stringify(figures)}`);
    faults.push(...faultsOf(outcome).map((fault) => `${one.name}: ${fault}`));
  }
  for (const fault of faults) log(fault);
  return { trials, passed: faults.length === 0, details: { touchIntervalMs, faults, ...details } };
}

function figuresOf({
  verdict,
  samples,
  usedMost,
  evictedReported,
  calls,
  slowCalls,
  slowPuts,
}: Outcome): Record<string, number> {
  const { elementsWritten, bytesWritten, seconds, reads, misses, evicted, evictedRightly, evictedDeafly } =
    verdict;
  return {
    'elements written': elementsWritten,
    'MB written': Math.round(bytesWritten / 1e6),
    'MB written a second': Math.round(bytesWritten / 1e5 / seconds) / 10,
    'elements read': reads,
    'of these missing': misses,
    evicted: evictedReported,
    'evicted a second': Math.round(evictedReported / seconds),
    'evicted and seen to be': evicted,
    'of these as an exact order would, %': percent(evictedRightly, evicted),
    'as an order that hears of no reads would, %': percent(evictedDeafly, evicted),
    'samples of used_memory': samples,
    'most used, % of the limit': percent(usedMost, limitBytes),
    'calls that evict': calls,
    'of these over 2 ms': slowCalls.length,
    'slowest of them, µs': Math.max(0, ...slowCalls),
    'calls that write': verdict.puts,
    'of those over 2 ms': slowPuts.length,
  };
}

function faultsOf(outcome: Outcome): string[] {
  const { verdict, usedMost, evictedReported, failures, calls, slowCalls, slowPuts } = outcome;
  const { evicted, evictedRightly, evictedDeafly, touchesDropped, halves, elementsWritten } = verdict;
  const claims: ReadonlyArray<readonly [boolean, string]> = [
    [usedMost <= usedMax * limitBytes, `used_memory was ${percent(usedMost, limitBytes)} % of the limit`],
    [evictedRightly >= rightMin * evicted, 'what was evicted was not what was used longest ago'],
    [
      evicted - evictedRightly <= (evicted - evictedDeafly) * deafMax,
      'what was evicted is not far from what would be without any reads: reads do not keep elements',
    ],
    [evictedReported > elementsWritten / 20, 'hardly anything was evicted'],
    [evicted === evictedReported, `${evictedReported} were reported evicted, ${evicted} are`],
    [halves === 0, `${halves} elements are in the LRU or in a node only`],
    [touchesDropped === 0, `${touchesDropped} touches were dropped`],
    [failures === 0, `${failures} looks or evictions failed`],
    [
      slowCalls.length / calls <= slowPuts.length / verdict.puts + slowCallsMax,
      `${slowCalls.length} of ${calls} calls that evict held up Redis for more than ${callMicrosecondsMax} µs`,
    ],
  ];
  return [...verdict.faults, ...claims.flatMap(([holds, fault]) => (holds ? [] : [fault]))];
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.round((part / whole) * 100_00) / 100;
}

export const proof: Proof = { item: 'eviction', command: 'npm run proof -- eviction', run };
