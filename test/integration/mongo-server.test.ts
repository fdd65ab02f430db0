/** The Mongo that tests start: what it must do right, what it can, and that it is killed, frozen and started again. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyBulkWriteOperation, MongoBulkWriteError, MongoClient, UUID } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MongoServer, mongoHere, startMongo } from '#test/support/mongo-server.js';

const here = await mongoHere();

interface Row {
  readonly _id: UUID;
  readonly conversation: UUID;
  readonly seq: number;
  readonly v: number;
}

function newRow(seq: number, conversation = new UUID()): Row {
  return { _id: new UUID(randomUUID()), conversation, seq, v: 1 };
}

const insert = (document: Row): AnyBulkWriteOperation<Row> => ({ insertOne: { document } });
const change = ({ _id }: Row, v: number): AnyBulkWriteOperation<Row> => ({
  updateOne: { filter: { _id, v: { $lt: v } }, update: { $set: { v } } },
});

describe.skipIf(here === undefined)(`a Mongo: ${here?.name}`, () => {
  let server: MongoServer;
  let client: MongoClient;
  const rows = (name: string) => client.db(server.database).collection<Row>(name);

  beforeAll(async () => {
    server = await startMongo();
    client = new MongoClient(server.url, { serverSelectionTimeoutMS: 10_000, w: 'majority' });
  });

  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  test('an unordered batch does all that can be done, and says what was there already', async () => {
    const [one, two, three] = [newRow(1), newRow(2), newRow(3)];
    await rows('batch').bulkWrite([insert(one), insert(two)], { ordered: false });
    const batch = [insert(one), change(one, 2), insert(three), insert(two), change(two, 1), change(three, 5)];
    const error = await rows('batch')
      .bulkWrite(batch, { ordered: false })
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (!(error instanceof MongoBulkWriteError)) throw new Error('no bulk write error');
    const errors = [error.writeErrors].flat();
    expect(errors.map(({ index, code }) => [index, code])).toEqual([
      [0, 11_000],
      [3, 11_000],
    ]);
    expect([error.insertedCount, error.modifiedCount]).toEqual([1, 2]);
    const stored = await rows('batch').find().sort({ seq: 1 }).toArray();
    expect(stored.map(({ v }) => v)).toEqual([2, 1, 5]);
  });

  test('ids come back as UUIDs, and a page by conversation and seq in order', async () => {
    const conversation = new UUID();
    const all = Array.from({ length: 50 }, (_, at) => newRow(at + 1, conversation));
    await rows('pages').createIndex({ conversation: 1, seq: 1 });
    await rows('pages').insertMany([...all, newRow(7)]);
    const filter = { conversation, seq: { $gte: 10, $lte: 40 } };
    const page = await rows('pages').find(filter).sort({ seq: -1 }).limit(3).toArray();
    expect(page.map(({ seq }) => seq)).toEqual([40, 39, 38]);
    expect(page.map(({ _id }) => _id.toString())).toEqual(
      [all[39], all[38], all[37]].map((row) => row?._id.toString()),
    );
    const ids = all.slice(0, 20).map(({ _id }) => _id);
    const { modifiedCount } = await rows('pages').updateMany({ _id: { $in: ids } }, { $max: { v: 2 } });
    expect(modifiedCount).toBe(20);
    expect(await rows('pages').countDocuments({ conversation, v: 2 })).toBe(20);
    expect((await rows('pages').deleteMany({ v: { $lt: 2 } })).deletedCount).toBe(31);
  });

  test('a position moves only from where it stands', async () => {
    const positions = client.db(server.database).collection<{ _id: string; at: number }>('positions');
    await positions.updateOne({ _id: 'log/0' }, { $set: { at: 5 } }, { upsert: true });
    const move = (from: number, at: number) =>
      positions.findOneAndUpdate({ _id: 'log/0', at: from }, { $set: { at } });
    expect(await move(5, 6)).toMatchObject({ at: 5 });
    expect(await move(5, 7)).toBeNull();
    expect(await positions.findOne()).toMatchObject({ at: 6 });
  });

  test.runIf(here?.which.kind === 'stand-in')('the stand-in claims nothing that it only accepts', () => {
    expect(here?.features).toEqual({
      ttl: false,
      text: false,
      pipelines: false,
      transactions: false,
      changeStreams: false,
    });
  });

  test.skipIf(here?.canGo !== true)('answers nobody while it is frozen, and everybody after', async () => {
    server.freeze();
    const answer = client.db('admin').command({ ping: 1 });
    expect(await Promise.race([answer, sleep(200, 'silence')])).toBe('silence');
    server.thaw();
    expect(await answer).toMatchObject({ ok: 1 });
  });

  test.skipIf(here?.canGo !== true)('is killed, and comes back on the same port', async () => {
    await rows('restart').insertOne(newRow(1));
    const { pid, url } = server;
    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.restart();
    expect(server.url).toBe(url);
    if (pid !== undefined) expect(server.pid).not.toBe(pid);
    expect(await rows('restart').countDocuments()).toBe(here?.survivesRestart === true ? 1 : 0);
  });

  test('each has a database of its own', async () => {
    const other = await startMongo();
    expect(other.database).not.toBe(server.database);
    await other.stop();
  });
});
