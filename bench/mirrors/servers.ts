/**
 * The Redis and the Mongo that the bench has nubo mirror to: those that are given, else started from what is installed.
 * Whoever gave one finds it as it was: what nubo writes has a prefix, and a database, of its own, and is removed.
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { literalPattern } from '#src/storage/redis/keys.js';
import { mongoHere, startMongo } from '#test/support/mongo-server.js';
import { redisHere, startRedis } from '#test/support/redis-server.js';
import type { BenchContext } from '../run/scenario.js';

interface MirrorServer {
  /** For labels, as in `Redis 7.0.15`. */
  readonly name: string;
  /** nubo's, to use it. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface RedisHere extends MirrorServer {
  readonly url: string;
  readonly prefix: string;
}

/** undefined: there is none, and the bench has been told why. */
export async function benchRedis(bench: BenchContext): Promise<RedisHere | undefined> {
  const prefix = `nubo-bench-${randomBytes(4).toString('hex')}:`;
  const given = process.env.NUBO_BENCH_REDIS_URL ?? '';
  if (given !== '') {
    const name = `Redis ${await redisVersion(given)}`;
    return redisAs(given, { name, prefix, stop: () => removeKeys(given, prefix) });
  }
  const program = await redisHere();
  if (program === undefined) {
    bench.miss('Redis: give one in NUBO_BENCH_REDIS_URL, or put redis-server 7 or newer on the PATH');
    return undefined;
  }
  const server = await startRedis();
  return redisAs(server.url, { name: `Redis ${program.version}`, prefix, stop: () => server.stop() });
}

function redisAs(url: string, rest: Pick<RedisHere, 'name' | 'prefix' | 'stop'>): RedisHere {
  return { ...rest, url, settings: { NUBO_REDIS_URL: url, NUBO_REDIS_PREFIX: rest.prefix } };
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'of some version';
  } finally {
    redis.disconnect();
  }
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    for await (const keys of redis.scanStream({ match: `${literalPattern(prefix)}*`, count: 1_000 }))
      if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
  } finally {
    redis.disconnect();
  }
}

/** undefined: there is none, and the bench has been told why. */
export async function benchMongo(bench: BenchContext): Promise<MirrorServer | undefined> {
  const database = `nubo_bench_${randomBytes(4).toString('hex')}`;
  const given = process.env.NUBO_BENCH_MONGO_URL ?? '';
  if (given !== '') {
    const url = new URL(given);
    url.pathname = `/${database}`;
    const version = await withMongo(url.href, async (client) => {
      const about = await client.db('admin').command({ buildInfo: 1 });
      return String((about as { version?: string }).version);
    });
    return mongoAs(url.href, `Mongo ${version}`, () =>
      withMongo(url.href, (client) =>
        client
          .db()
          .dropDatabase()
          .then(() => {}),
      ),
    );
  }
  const here = await mongoHere();
  if (here === undefined) {
    bench.miss('Mongo: give one in NUBO_BENCH_MONGO_URL, or put mongod on the PATH');
    return undefined;
  }
  const server = await startMongo();
  return mongoAs(`${server.url}/${database}`, here.name, () => server.stop());
}

function mongoAs(url: string, name: string, stop: () => Promise<void>): MirrorServer {
  return { name, settings: { NUBO_MONGO_URL: url }, stop };
}

async function withMongo<Value>(url: string, use: (client: MongoClient) => Promise<Value>): Promise<Value> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 3_000 });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
