/** How fast the memory watcher empties a Redis that is too full, against the bare commands. */
import { Redis } from 'ioredis';
import { MemoryWatcher, type MemoryWatcherMessage } from '#actors/memory-watcher/memory-watcher.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { RedisEviction } from '#src/storage/redis/eviction.js';
import { lruMember, redisKeys } from '#src/storage/redis/keys.js';
import { startScratchRedis } from '../limits/scratch-redis.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';

const keys = redisKeys('nubo:');
const node = 'messages';
const barePart = 'bare ZPOPMIN + HDEL';
const bareBatch = 1_000;
const fillBatch = 500;
const valueBytes = 200;

async function fill(redis: Redis, elements: number): Promise<void> {
  const value = Buffer.alloc(valueBytes, 1);
  for (let first = 0; first < elements; first += fillBatch) {
    const places = Array.from(
      { length: fillBatch },
      (_, index) => `${node}-of-a-conversation:${first + index}`,
    );
    await Promise.all([
      redis.hset(keys.cache(node), ...places.flatMap((place) => [place, value])),
      redis.zadd(keys.lru, ...places.flatMap((place, index) => [first + index, lruMember(node, place)])),
    ]);
  }
}

/** Elements a second, as the watcher does it in nubo: a limit that is passed by far, until nothing is left. */
function byWatcher(url: string): Promise<number> {
  const ports = nodeRuntimePorts();
  const connection = new RedisConnection({ url, ports });
  const evictable = new RedisEviction({ connection, keys });
  const system = createActorSystem({ ports });
  return new Promise((resolve) => {
    system.register<MemoryWatcherMessage>('memory-watcher', {
      create: (context) =>
        new MemoryWatcher(context, {
          ...{ ...ports, evictable, limitBytes: 1, marginBytes: 0 },
          report: (report) => {
            if (report.kind !== 'round over') return;
            system.stop();
            connection.close();
            resolve((report.evicted / report.ms) * 1_000);
          },
        }),
      ...{ mailboxItemsMax: 8, mailboxBytesMax: 65_536, onUndelivered: () => {} },
    });
    connection.onOpen(() => void system.tell('memory-watcher/redis', { kind: 'look due' }));
  });
}

/** Elements a second: the names are brought here and sent back. */
async function byBareCommands(redis: Redis, elements: number): Promise<number> {
  const begun = performance.now();
  for (let evicted = 0; evicted < elements; ) {
    const members = await redis.zpopmin(keys.lru, bareBatch);
    const places = members
      .filter((_, index) => index % 2 === 0)
      .map((member) => member.slice(node.length + 1));
    if (places.length === 0) throw new Error('there is nothing left to evict');
    await redis.hdel(keys.cache(node), ...places);
    evicted += places.length;
  }
  return (elements / (performance.now() - begun)) * 1_000;
}

async function rounds(bench: BenchContext, url: string): Promise<void> {
  const elements = bench.options.isSmoke ? 5_000 : 200_000;
  const redis = new Redis(url);
  try {
    await bench.rounds(async () => {
      const bare = async () => {
        bench.say('bare commands');
        await fill(redis, elements);
        bench.record({
          ...{ part: barePart, kind: 'limit', label: `bare ioredis: ZPOPMIN and HDEL of ${bareBatch}` },
          figures: { evictedPerSecond: await byBareCommands(redis, elements) },
        });
      };
      await bare();
      bench.say('the memory watcher');
      await fill(redis, elements);
      const evictedPerSecond = await byWatcher(url);
      const left = await redis.hlen(keys.cache(node));
      if (left > 0) bench.fault(`eviction: ${left} elements are left`);
      bench.record({
        ...{ part: 'nubo', kind: 'engine', label: 'the memory watcher, a script for 250 elements' },
        figures: { evictedPerSecond },
      });
      await bare();
    });
  } finally {
    redis.disconnect();
  }
}

export const eviction: Scenario = {
  name: 'eviction',
  title: 'elements of 200 bytes evicted from Redis until nothing is left',
  says: 'Elements evicted a second by the memory watcher, against bare ZPOPMIN and HDEL by ioredis',
  ...{ seconds: 60, rounds: 5, playSeconds: 1 },
  ratios: [
    {
      name: 'elements evicted/s ÷ bare ZPOPMIN + HDEL of 1,000 by ioredis',
      isHigherBetter: true,
      ...{ of: figureOf('nubo', 'evictedPerSecond'), to: figureOf(barePart, 'evictedPerSecond') },
    },
  ],
  async run(bench) {
    const redis = await startScratchRedis();
    if (redis === undefined) return bench.miss('eviction: there is no redis-server on the PATH');
    try {
      await rounds(bench, redis.url);
    } finally {
      await redis.stop();
    }
  },
};
