/** How large the tiers are and whether they answer, on real servers. */
import { register } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { type TierChecks, watchTiers } from '#workers/tier-watch.js';
import { mongoHere, startMongo } from '../support/mongo-server.js';
import { openRedisMirror } from '../support/redis-mirror.js';
import { redisHere, startRedis } from '../support/redis-server.js';

const undo: Array<() => unknown> = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  register.clear();
});

function watch(config: { redisUrl?: string; mongoUrl?: string }) {
  const told: TierChecks[] = [];
  const end = watchTiers({
    config: { redisUrl: undefined, mongoUrl: undefined, redisPrefix: 'nubo:', ...config },
    onChecks: (checks) => told.push(checks),
  });
  undo.push(end);
  return told;
}

const metrics = () => register.metrics();

describe.skipIf((await redisHere()) === undefined)('Redis', () => {
  test('O2 O3 its elements and its memory are told, and that it is away, at once, and back', async () => {
    const server = await startRedis();
    undo.push(() => server.stop());
    const { client, close } = await openRedisMirror(server.url);
    undo.push(close);
    await client.zadd('nubo:lru', 1, 'users a', 2, 'users b');
    const told = watch({ redisUrl: server.url });
    await expect.poll(metrics, { timeout: 3_000 }).toContain('nubo_tier_elements{tier="redis"} 2');
    expect(await metrics()).toMatch(/nubo_tier_bytes\{tier="redis"\} \d{6,}/);
    expect(told.at(-1)).toEqual({ redis: 'ok' });
    await server.kill();
    await expect.poll(() => told.at(-1)?.redis, { timeout: 3_000 }).not.toBe('ok');
    await server.restart();
    await expect.poll(() => told.at(-1)?.redis, { timeout: 8_000 }).toBe('ok');
  });
});

describe.skipIf((await mongoHere()) === undefined)('Mongo', () => {
  test('O3 its documents are counted', async () => {
    const server = await startMongo();
    undo.push(() => server.stop());
    const url = new URL(server.url);
    url.pathname = `/${server.database}`;
    const connection = new MongoConnection({ url: url.href });
    undo.push(() => connection.close());
    await connection.database.collection('users_recent').insertMany([{ v: 1 }, { v: 2 }, { v: 3 }]);
    const told = watch({ mongoUrl: url.href });
    await expect.poll(metrics, { timeout: 3_000 }).toContain('nubo_tier_elements{tier="mongo"} 3');
    expect(told.at(-1)).toEqual({ mongo: 'ok' });
  });
});

test('O2 a tier that is not there is told in a sentence, and without tiers there is nothing to tell', async () => {
  expect(watch({})).toEqual([]);
  register.clear();
  const told = watch({ redisUrl: 'redis://127.0.0.1:1' });
  await expect.poll(() => told.at(-1)?.redis).toContain('nothing listens at NUBO_REDIS_URL');
  expect(await metrics()).not.toContain('nubo_tier_elements{');
});
