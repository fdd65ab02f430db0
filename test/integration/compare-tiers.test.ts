/** The comparison of stores sees each thing that can be wrong with a mirror. */
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { uuidBinary } from '#src/storage/mongo/values.js';
import { batchNumber } from '#src/storage/postgres/log-changes.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import type { Mirror } from '#src/storage/tiers/ports.js';
import { compareMongo, compareRedis, differencesOf } from '#test/support/compare-tiers.js';
import { Asker, Script } from '#test/support/log-events.js';
import { type MongoServer, mongoHere, startMongo } from '#test/support/mongo-server.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';
import { openRedisMirror, type TestMirror } from '#test/support/redis-mirror.js';
import { type RedisServer, redisHere, startRedis } from '#test/support/redis-server.js';

const shard = 7;
const rows = 8;
let database: TestDatabase;
const script = new Script();
const events = [
  script.create(),
  ...Array.from({ length: rows - 1 }, (_, index) =>
    script.message(`message ${index} ☕`, { replyTo: script.conv }),
  ),
];
const changes = events.map((event) => changeOfEvent(event, batchNumber(shard, 1)));

beforeAll(async () => {
  database = await createDatabase();
  const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
  const asker = new Asker(store);
  await asker.own();
  expect(await asker.write(events)).toMatchObject({ kind: 'committed' });
  await store.close();
});
afterAll(() => database.close());

function put(mirror: Mirror): Promise<unknown> {
  return new Promise((resolve) => mirror.put(changes, resolve));
}

describe.skipIf((await redisHere()) === undefined)('of a Redis', () => {
  let server: RedisServer;
  let opened: TestMirror;
  const compare = () => compareRedis(database.sql, server.url);
  beforeAll(async () => {
    server = await startRedis();
    opened = await openRedisMirror(server.url);
    await put(opened.mirror);
  });
  afterAll(async () => {
    opened.close();
    await server.stop();
  });

  test('what was written is equal', async () => {
    expect(await compare()).toMatchObject({ compared: rows, details: [] });
  });

  test('foreign bytes, another text, an element of nowhere and one without its place are seen', async () => {
    const { client, keys } = opened;
    const key = keys.cache(messages.name);
    const place = (seq: number) => `${script.conv}:${seq}`;
    const third = await client.hgetBuffer(key, place(3));
    await client.hset(key, place(2), 'somebody else');
    await client.hset(key, place(4), third ?? '');
    await client.hset(key, `${script.conv}:99`, third ?? '', 'no place at all', third ?? '');
    const seen = await compare();
    // Two elements came without a place in the order of last use, which is told once.
    expect(seen).toMatchObject({ compared: rows + 2, missing: 0, extra: 2, different: 3 });
    expect(differencesOf(seen)).toBe(5);
  });
});

describe.skipIf((await mongoHere()) === undefined)('of a Mongo', () => {
  let server: MongoServer;
  let url: string;
  let client: MongoClient;
  beforeAll(async () => {
    server = await startMongo();
    url = `${server.url}/${server.database}`;
    client = new MongoClient(url);
    const connection = new MongoConnection({ url });
    await put(new MongoMirror({ connection, entities: [messages] }));
    await connection.close();
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  test('what was written is equal', async () => {
    expect(await compareMongo(database.sql, url)).toMatchObject({ compared: rows, details: [] });
  });

  test('what is lacking, too much, of another version, changed, or no document of ours is seen', async () => {
    const documents = client.db().collection(messages.collection);
    const of = (index: number) => ({ _id: uuidBinary(events[index]?.id ?? '') as never });
    await documents.deleteOne(of(1));
    await documents.updateOne(of(2), { $set: { v: 3 } });
    await documents.updateOne(of(3), { $set: { content: 'another' } });
    await documents.updateOne(of(4), { $set: { seq: 'five' } });
    await documents.insertOne({ _id: 'nobody' as never });
    const seen = await compareMongo(database.sql, url);
    expect(seen).toMatchObject({ compared: rows, missing: 1, extra: 1, different: 3 });
  });
});
