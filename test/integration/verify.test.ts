/** `nubo verify` and `nubo rebuild` on real servers: every planted difference is found, and equal tiers have none. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rebuildMongo } from '#cli/rebuild/mongo.js';
import { MongoTier } from '#cli/verify/mongo-tier.js';
import { RedisTier } from '#cli/verify/redis-tier.js';
import { openSources, standingOf } from '#cli/verify/standing.js';
import type { VerifiedTier } from '#cli/verify/tier.js';
import { verifyTier } from '#cli/verify/verify-tier.js';
import { entities } from '#src/entities/index.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { messages } from '#src/entities/messages.js';
import { changeOfMoment } from '#src/entities/snapshots.js';
import { users } from '#src/entities/users.js';
import { projectRoot } from '#src/project-root.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { nothing } from '#src/storage/facts.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { shapeOf } from '#src/storage/mongo/document.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { batchNumber } from '#src/storage/postgres/log-changes.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { PostgresTruth } from '#src/storage/postgres/truth.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import { startMirrors } from '#workers/mirrors.js';
import { startChild } from '../support/children.js';
import { Asker, Script } from '../support/log-events.js';
import { MirrorAsker } from '../support/mirrors.js';
import { type MongoServer, mongoHere, startMongo } from '../support/mongo-server.js';
import { addUsers, createDatabase, type TestDatabase } from '../support/postgres.js';
import { openRedisMirror, type TestMirror } from '../support/redis-mirror.js';
import { type RedisServer, redisHere, startRedis } from '../support/redis-server.js';

const messageCount = 60;
const all = Number.POSITIVE_INFINITY;

let database: TestDatabase;
let store: PostgresLogStore;
let asker: Asker;
let sources: readonly ChangeSource[];
let closeSources: () => Promise<void>;
const script = new Script();
const [friend, gone] = [uuidv7(), uuidv7()];
let first: ReturnType<Script['message']>;

beforeAll(async () => {
  database = await createDatabase();
  store = new PostgresLogStore({ url: database.url, shard: 3, readConnections: 1 });
  asker = new Asker(store);
  await asker.own();
  await addUsers(database.sql, [script.owner, friend, gone]);
  await database.sql`
    insert into sessions (id, user_id, created_at, last_used_at, expires_at)
    values (${uuidv7()}, ${friend}, now(), now(), now() + interval '1 day')`;
  first = script.message('the first', { metadata: { b: [1, { c: 'ü' }], a: null } });
  await asker.write([script.create([friend], 'group', 'a title'), first, script.join(gone)]);
  await asker.write(Array.from({ length: messageCount }, (_, index) => script.message(`message ${index}`)));
  await asker.write([script.leave(gone)]);
  const opened = openSources(database.url, [3]);
  sources = opened.sources;
  closeSources = opened.close;
});
afterAll(async () => {
  await closeSources();
  await store.close();
  await database.close();
});

const verify = (tier: VerifiedTier, sample = all) =>
  verifyTier(tier, { truth: new PostgresTruth(database.sql), sample, momentMs: 1 });
const standing = (tier: VerifiedTier) => standingOf(tier, sources);

async function changesOfAll() {
  const pages = await Promise.all(
    sources.map(
      (source) =>
        new Promise<Parameters<Parameters<ChangeSource['walk']>[1]>[0]>((resolve) =>
          source.walk({ cursor: undefined, limit: 1_000 }, resolve),
        ),
    ),
  );
  return pages.flatMap((page) => (page.kind === 'page' ? page.changes : []));
}

/** Runs the command; its first line is enough to be told apart. */
async function nubo(env: Record<string, string>, ...args: string[]) {
  const child = startChild(process.execPath, [join(projectRoot, 'build/cli/main.js'), ...args], {
    env: { NUBO_POSTGRES_URL: database.url, ...env },
  });
  const code = await child.ended;
  return { code, output: child.output() };
}

describe.skipIf((await mongoHere()) === undefined)('Mongo', () => {
  let server: MongoServer;
  let url: string;
  let connection: MongoConnection;
  let mirror: MongoMirror;
  let tier: MongoTier;
  beforeAll(async () => {
    server = await startMongo();
    const address = new URL(server.url);
    address.pathname = `/${server.database}`;
    url = address.href;
    connection = new MongoConnection({ url });
    mirror = new MongoMirror({ connection, entities });
    tier = await MongoTier.open(url);
  });
  beforeEach(rebuild);
  afterAll(async () => {
    await tier.close();
    mirror.close();
    await connection.close();
    await server.stop();
  });

  let stamp = 0;
  function rebuild() {
    stamp += 1;
    return rebuildMongo({ mirror, sources, onRows: () => {}, stamp });
  }
  const collection = (entity: { collection: string }) => connection.database.collection(entity.collection);
  const idOf = (id: string) => ({ _id: shapeOf(messages).idOf(id) as never });

  test('T9 a Mongo that was filled has no differences, whole and in samples, and does not lag', async () => {
    const whole = await verify(tier);
    expect(whole.told).toEqual([]);
    expect(whole.seen).toBeGreaterThan(messageCount + 5);
    expect(whole.sought).toBeGreaterThan(messageCount + 5);
    const sample = await verify(tier, 30);
    expect(sample.told).toEqual([]);
    // About so many: a random part may begin near the end of the ids, and is short then.
    expect(sample.seen).toBeGreaterThan(10);
    expect(sample.seen).toBeLessThan(messageCount);
    expect(await standing(tier)).toEqual([]);
  });

  test.each([
    ['a field', { $set: { content: 'another' } }, 'content is "another", in Postgres "the first"'],
    ['a version too high', { $set: { v: 2 ** 52 } }, 'is of version'],
    ['a value of another type', { $set: { seq: 'two' } }, 'is no document'],
    ['one said to be gone', { $set: { gone: true } }, 'is said to be gone'],
  ])('T9 a document with %s is found, and T10 healed', async (_name, update, words) => {
    await collection(messages).updateOne(idOf(first.id), update);
    const { told, counts } = await verify(tier);
    expect(told).toEqual([expect.stringContaining(words)]);
    expect(told[0]).toContain(first.id);
    expect([...counts]).toEqual([['messages', 1]]);
    await rebuild();
    expect((await verify(tier)).told).toEqual([]);
  });

  test('T9 a document that is missing is found, and one that Postgres does not have', async () => {
    await collection(messages).deleteOne(idOf(first.id));
    await collection(users).deleteOne(idOf(friend));
    const stranger = await collection(messages).findOne({});
    const id = uuidv7();
    await collection(messages).insertOne({ ...stranger, ...idOf(id), seq: 9_999 });
    const { told, counts } = await verify(tier);
    expect(told.toSorted()).toEqual(
      [
        `messages ${first.id}: is not there, and Postgres has it`,
        `messages ${id}: is there, and not in Postgres`,
        `users ${friend}: is not there, and Postgres has it`,
      ].toSorted(),
    );
    expect(counts).toEqual(new Map([...counts].toSorted()));
    await rebuild();
    expect((await verify(tier)).told).toEqual([]);
  });

  test('T9 what was changed a moment ago and heard of between two looks is no difference, but lag is said', async () => {
    await database.sql`update users set first_name = 'Ada' where id = ${friend}`;
    const { told } = await verify(tier);
    expect(told).toEqual([expect.stringContaining('firstName is null, in Postgres "Ada"')]);
    expect(await standing(tier)).toEqual([expect.stringContaining('mongo lags behind entities')]);
    const truth = new PostgresTruth(database.sql);
    // Heard of after the first look is over.
    const onStep = (name: string) => ({
      add: () => {},
      end: () => {
        if (name.startsWith('sessions'))
          setTimeout(() => void changesOfAll().then((changes) => new MirrorAsker(mirror).put(changes)), 200);
      },
    });
    const late = verifyTier(tier, { truth, sample: all, momentMs: 1_000, onStep });
    expect((await late).told).toEqual([]);
  });

  test('T9 a session that was merely used, what is past its 30 days, and what left the log are no differences', async () => {
    await database.sql`update sessions set last_used_at = last_used_at + interval '1 millisecond'`;
    const forgotten = uuidv7();
    await database.sql`insert into users (id, created_at, updated_at)
      values (${forgotten}, now() - interval '60 days', now() - interval '60 days')`;
    await database.sql`update entity_changes set version = 1 where id = ${forgotten}`;
    const expired = uuidv7();
    const stranger = await collection(messages).findOne({});
    await collection(messages).insertOne({ ...stranger, ...idOf(expired), seq: 9_999 });
    expect((await verify(tier)).told).toEqual([`messages ${expired}: is there, and not in Postgres`]);
    await database.sql`insert into log_horizon (until) values (now() + interval '1 day')`;
    const { told } = await verify(tier);
    await database.sql`delete from log_horizon`;
    await database.sql`delete from users where id = ${forgotten}`;
    expect(told).toEqual([]);
  });

  test('T10 who began to fill it while it was being dropped begins anew', async () => {
    const other = new MongoMirror({ connection: new MongoConnection({ url }), entities });
    let lists = 0;
    const half = new Proxy(connection, {
      get(target, name) {
        if (name !== 'run') return Reflect.get(target, name, target) as unknown;
        return async (...args: Parameters<MongoConnection['run']>) => {
          if (args[0] === 'read') lists += 1;
          if (args[0] === 'read' && lists === 2)
            await new MirrorAsker(other).apply({ source: 'log/3', from: undefined, to: -1, changes: [] });
          return target.run(...args);
        };
      },
    });
    const beside = new MongoMirror({ connection: half, entities });
    const rebuilt = await rebuildMongo({ mirror: beside, sources, onRows: () => {}, stamp: 77 });
    expect(lists).toBeGreaterThanOrEqual(2);
    expect(rebuilt.isServed).toBe(false);
    expect(await standing(tier)).toEqual([]);
  });

  test('T10 a server that runs meanwhile fills it too, and goes on: nothing is missing', async () => {
    const ports = nodeRuntimePorts();
    const system = createActorSystem({ ports });
    const server2 = new MongoMirror({ connection: new MongoConnection({ url }), entities });
    let levels = 0;
    const level = {
      now: () => Date.now(),
      reached: () => {
        levels += 1;
      },
    };
    const [log, watched] = sources as [ChangeSource, ChangeSource];
    const feed = startMirrors(system, ports, {
      ...{ mirrors: [server2], log, others: [{ source: watched, pollMs: 50, level }] },
      changesOf: (events, batch) => changesOfEvents(events, batchNumber(3, batch)),
    });
    const write = async (text: string) => {
      const events = [script.message(text)];
      await asker.write(events);
      feed(asker.batch, events);
    };
    try {
      await expect.poll(() => levels).toBeGreaterThan(1);
      const rebuilding = rebuild();
      for (let index = 0; index < 40; index += 1) await write(`meanwhile ${index}`);
      await rebuilding;
      await write('afterwards');
      await expect.poll(() => standing(tier), { timeout: 10_000 }).toEqual([]);
      expect((await verify(tier)).told).toEqual([]);
    } finally {
      system.stop();
      server2.close();
    }
  });

  test('T10 a rebuild that was cut stands nowhere; run again it ends right', async () => {
    const cut = new Error('cut');
    const onRows = () => {
      throw cut;
    };
    await expect(rebuildMongo({ mirror, sources, onRows, stamp: -1 })).rejects.toBe(cut);
    expect(await standing(tier)).toContainEqual(expect.stringContaining('knows nothing of log/3'));
    expect((await verify(tier)).counts.size).toBeGreaterThan(0);
    await rebuild();
    expect((await verify(tier)).told).toEqual([]);
    expect(await standing(tier)).toEqual([]);
  });

  test('T10 the commands: verify and rebuild by themselves, with their exit codes', async () => {
    const env = { NUBO_MONGO_URL: url };
    await collection(messages).deleteOne(idOf(first.id));
    const bad = await nubo(env, 'verify', '--all', 'mongo');
    expect(bad).toMatchObject({ code: 1, output: expect.stringContaining(first.id) });
    const refused = await nubo(env, 'rebuild', 'mongo');
    expect(refused).toMatchObject({ code: 2, output: expect.stringContaining('--yes') });
    const rebuilt = await nubo(env, 'rebuild', 'mongo', '--yes');
    expect(rebuilt).toMatchObject({ code: 0, output: expect.stringContaining('filled with') });
    expect(await nubo(env, 'verify')).toMatchObject({
      code: 0,
      output: expect.stringContaining('no differences'),
    });
    expect(await nubo(env, 'verify', 'redis')).toMatchObject({ code: 2 });
    expect(await nubo({ NUBO_MONGO_URL: 'mongodb://127.0.0.1:1' }, 'verify')).toMatchObject({ code: 3 });
  });
});

describe.skipIf((await redisHere()) === undefined)('Redis', () => {
  let server: RedisServer;
  let opened: TestMirror;
  let tier: RedisTier;
  let redis: Redis;
  const place = () => `${script.conv}:${first.seq}`;
  beforeAll(async () => {
    server = await startRedis();
    opened = await openRedisMirror(server.url);
    tier = await RedisTier.open(server.url, 'nubo:');
    redis = opened.client;
  });
  beforeEach(async () => {
    await redis.flushall();
    const result = await new MirrorAsker(opened.mirror).put(await changesOfAll());
    expect(result).toEqual({ kind: 'applied', poisoned: [] });
  });
  afterAll(async () => {
    await tier.close();
    opened.close();
    await server.stop();
  });

  test('T9 a Redis that holds what Postgres says has no differences, whole and in samples', async () => {
    const whole = await verify(tier);
    expect(whole.told).toEqual([]);
    expect(whole.seen).toBeGreaterThan(messageCount + 5);
    const sample = await verify(tier, 40);
    expect(sample.told).toEqual([]);
    expect(sample.seen).toBeGreaterThan(10);
    expect(sample.seen).toBeLessThan(messageCount);
  });

  test('T9 snapshots are in Redis alone, and no difference', async () => {
    const last = { seq: 9, number: 7, id: uuidv7(), at: 1 };
    const info = {
      conv: script.conv,
      type: 'group',
      creator: friend,
      state: 'active',
      createdAt: 1,
    } as const;
    const change = changeOfMoment({
      info,
      last,
      members: [{ user: friend, role: 'owner' }],
      standing: nothing,
    });
    if (change === undefined) throw new Error('nobody would keep it');
    await new MirrorAsker(opened.mirror).put([change]);
    expect(await redis.hlen('nubo:cache:snapshots')).toBe(1);
    expect((await verify(tier)).told).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['foreign bytes', () => redis.hset('nubo:cache:messages', place(), 'foreign'), 'is no value of nubo'],
    [
      'a version too high',
      () => redis.hset('nubo:cache:users', friend, Buffer.from('00100000000000', 'hex')),
      'is no value of nubo',
    ],
    [
      'a tombstone of a later version',
      () => redis.hset('nubo:cache:users', friend, Buffer.from('0010000000000000', 'hex')),
      'is of version',
    ],
    [
      'another element in its place',
      async () => {
        const other = await redis.hgetBuffer('nubo:cache:messages', `${script.conv}:${first.seq + 2}`);
        await redis.hset('nubo:cache:messages', place(), other ?? '');
      },
      'is no value of nubo',
    ],
    [
      'an element that is not in the LRU',
      () => redis.zrem('nubo:lru', `messages ${place()}`),
      'has no entry in the LRU',
    ],
    [
      'an entry of the LRU without its element',
      () => redis.hdel('nubo:cache:messages', place()),
      'is not in its hash',
    ],
    ['a hash that is something else', () => redis.set('nubo:cache:nobody', 'x'), 'is of no entity'],
    ['an LRU entry of nobody', () => redis.zadd('nubo:lru', 1, 'nobody x'), 'is of no entity'],
  ])('T9 %s is found', async (_name, plant, words) => {
    await plant();
    const { told } = await verify(tier);
    expect(told).toEqual([expect.stringContaining(words)]);
  });

  test('T9 a field that differs is found by its name', async () => {
    await database.sql`update users set first_name = 'Grace' where id = ${script.owner}`;
    const { told } = await verify(tier);
    expect(told).toEqual([
      expect.stringMatching(/users .*: firstName is null, in Postgres "Grace".*version/),
    ]);
  });

  test('T10 Redis is emptied of what is nubo’s by the command, and of nothing else', async () => {
    await redis.set('somebody', 'else');
    await redis.set('nubo:node:one', '1');
    await redis.hset('nubo:positions', 'log/3', '1');
    const env = { NUBO_REDIS_URL: server.url };
    expect(await nubo(env, 'rebuild', 'redis', '--yes')).toMatchObject({
      code: 0,
      output: expect.stringContaining('redis: empty'),
    });
    expect((await redis.keys('*')).toSorted()).toEqual(['nubo:node:one', 'somebody']);
    expect(await nubo(env, 'verify')).toMatchObject({ code: 0 });
  });
});
