/** The mirror in Mongo on a server over a real socket. What a stand-in lacks is skipped by feature, and counted. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UUID } from 'mongodb';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Entity } from '#src/entities/entity.js';
import { changeOfEvent } from '#src/entities/messages.js';
import { UserError } from '#src/errors.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { checkMongo, prepareIndexes, refusalLines } from '#src/storage/mongo/indexes.js';
import { claimMongo, dropAll, removeUnused, walkCollection } from '#src/storage/mongo/upkeep.js';
import { mirrorContract } from '../contract/tier.js';
import { Script } from '../support/log-events.js';
import { changeOf, goneChange, MirrorAsker, sampleFields, samples } from '../support/mirrors.js';
import { mirroredEntities as entities, MongoFixture } from '../support/mongo-mirror.js';
import { mongoHere, startMongo } from '../support/mongo-server.js';

const here = await mongoHere();
/** Nobody else has the same name, or the same mail if there is one. */
const people = {
  name: 'people',
  table: 'people',
  collection: 'people_recent',
  key: ['id'],
  indexes: [
    { keys: { name: 1 }, isUnique: true },
    { keys: { mail: 1 }, isUnique: true },
  ],
  fields: {
    id: { column: 'id', type: 'uuid', schema: z.uuid(), shownTo: 'everybody' },
    name: { column: 'name', type: 'text', schema: z.string(), shownTo: 'everybody' },
    mail: { column: 'mail', type: 'text', schema: z.string(), isNullable: true, shownTo: 'owner' },
  },
} as const satisfies Entity;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe.runIf(here !== undefined)(`on ${here?.name}`, () => {
  const open = async () => MongoFixture.open(await startMongo());

  mirrorContract({
    name: 'mongo',
    findsMessagesById: true,
    takesAnyKey: true,
    poisons: [
      { seenAt: 8.65e15 },
      { friend: 'nobody' },
      { details: { 'a\u0000b': 'x'.repeat(17 * 1024 * 1024) } },
    ],
    open,
  });

  let fixture: MongoFixture;
  let asker: MirrorAsker;
  beforeAll(async () => {
    fixture = await open();
    asker = new MirrorAsker(fixture.mirror);
  });
  beforeEach(() => fixture.wipe());
  afterAll(() => fixture.close());

  const stored = (name: string) => fixture.direct.database.collection(name);
  const put = async (...changes: Parameters<MirrorAsker['put']>[0]) =>
    expect(await asker.put(changes)).toEqual({ kind: 'applied', poisoned: [] });

  test('documents have columns, UUIDs as such, dates, a version and their last use', async () => {
    const fields = sampleFields({ friend: null });
    await put(changeOf(samples, fields, 2 ** 40));
    const document = await stored('samples_recent').findOne();
    expect(document).toMatchObject({
      v: 2 ** 40,
      friend_id: null,
      is_active: true,
      seen_at: new Date(fields.seenAt as number),
      last_use: expect.any(Date),
      details: fields.details,
    });
    expect(document?._id).toEqual(new UUID(String(fields.id)));
    await put(goneChange(samples, String(fields.id), 2 ** 41));
    const gone = await stored('samples_recent').findOne();
    expect(Object.keys(gone ?? {}).toSorted()).toEqual(['_id', 'gone', 'last_use', 'v']);
  });

  test("somebody else's documents and malformed ones are as if absent", async () => {
    const script = new Script();
    const events = [script.message('one'), script.message('two')];
    const fields = sampleFields();
    await put(...events.map((event) => changeOfEvent(event, 1)), changeOf(samples, fields, 1));
    await stored('samples_recent').updateOne({}, { $set: { grade: 'seven' } });
    expect(await asker.elements(samples, [String(fields.id)])).toEqual([undefined]);
    for (const broken of [{ content: 7 }, { seq: 1 }, { event: 'no.event' }, { v: 'x' }]) {
      const last = { conversation_id: { $exists: true }, number: 2 };
      const before = await stored('messages_recent').findOne(last);
      await stored('messages_recent').updateOne(last, { $set: broken });
      expect(await asker.events({ conv: script.conv, from: 1, to: 2 })).toEqual({ kind: 'absent' });
      if (before !== null) await stored('messages_recent').replaceOne({ _id: before._id }, before);
      expect(await asker.events({ conv: script.conv, from: 1, to: 2 })).toEqual({ kind: 'events', events });
    }
  });

  test('what is read counts as used, once an hour at most', async () => {
    const fields = sampleFields();
    const script = new Script();
    const event = script.message('read');
    await put(changeOf(samples, fields, 1), changeOfEvent(event, 1));
    const used = async (name: string) => (await stored(name).findOne())?.last_use.getTime();
    const [first, second] = [await used('samples_recent'), await used('messages_recent')];
    const read = async () => {
      await asker.elements(samples, [String(fields.id)]);
      await asker.events({ conv: script.conv, from: 1, to: 1 });
      await fixture.mirror.flush();
    };
    fixture.clock.ms = hourMs - 5_000;
    await read();
    expect([await used('samples_recent'), await used('messages_recent')]).toEqual([first, second]);
    fixture.clock.ms = hourMs + 5_000;
    await read();
    for (const name of ['samples_recent', 'messages_recent'])
      expect(await used(name)).toBeGreaterThanOrEqual((first ?? 0) + hourMs);
    fixture.clock.ms = 0;
  });

  test('what was not used for 30 days is removed, what was stays', async () => {
    const [old, recent] = [sampleFields(), sampleFields()];
    await put(changeOf(samples, old, 1), changeOf(samples, recent, 1));
    const now = Date.now();
    const idOfOld = (await stored('samples_recent').find().sort({ _id: 1 }).toArray())[0]?._id;
    await stored('samples_recent').updateOne(
      { _id: idOfOld },
      { $set: { last_use: new Date(now - 30 * dayMs - 1_000) } },
    );
    const removed = await removeUnused(fixture.connection, { entities, now });
    expect(removed).toContainEqual({ collection: 'samples_recent', documents: 1 });
    expect(removed).toHaveLength(entities.length);
    expect(await asker.elements(samples, [String(old.id), String(recent.id)])).toMatchObject([
      undefined,
      { version: 1 },
    ]);
  });

  test('indexes are made, again without harm, and kinds that the server lacks are named once', async (context) => {
    const report = await prepareIndexes(fixture.connection, { entities, language: 'none' });
    expect(await prepareIndexes(fixture.connection, { entities, language: 'none' })).toEqual(report);
    expect(refusalLines(report)).toHaveLength(report.refused.size);
    const keysOf = async (name: string) =>
      (await stored(name).indexes()).map((index) => JSON.stringify(index.key)).toSorted();
    const plain = [{ _id: 1 }, { conversation_id: 1, created_at: -1 }, { conversation_id: 1, seq: 1 }];
    const withoutWords = [...plain, { last_use: 1 }].map((key) => JSON.stringify(key)).toSorted();
    const isPlain = (key: string) => !key.includes('text');
    expect((await keysOf('messages_recent')).filter(isPlain)).toEqual(withoutWords);
    const lacks = (['ttl', 'text'] as const).filter((feature) => here?.features[feature] !== true);
    if (lacks.length > 0) context.skip(`${here?.name} lacks ${lacks.join(' and ')}`);
    expect(report.refused).toEqual(new Map());
    const indexes = await stored('samples_recent').indexes();
    for (const index of [
      { key: { last_use: 1 }, expireAfterSeconds: 2_592_000 },
      { key: { friend_id: 1 }, sparse: true },
      { key: { _fts: 'text', _ftsx: 1 }, default_language: 'none' },
    ])
      expect(indexes).toContainEqual(expect.objectContaining(index));
    // Another language, and then none: a collection has one text index at most.
    expect((await prepareIndexes(fixture.connection, { entities, language: 'french' })).refused.size).toBe(0);
    const french = { key: { _fts: 'text', _ftsx: 1 }, default_language: 'french' };
    expect(await stored('messages_recent').indexes()).toContainEqual(expect.objectContaining(french));
    await prepareIndexes(fixture.connection, { entities });
    expect(await keysOf('messages_recent')).toEqual(withoutWords);
  });

  test.skipIf(here?.features.ttl !== true)(
    'a server that can removes by itself what was not used for 30 days',
    async () => {
      await prepareIndexes(fixture.connection, { entities });
      const [old, recent] = [sampleFields({ grade: 1 }), sampleFields({ grade: 2 })];
      await put(changeOf(samples, old, 1), changeOf(samples, recent, 1));
      const last_use = (days: number) => ({ $set: { last_use: new Date(Date.now() - days * dayMs) } });
      await stored('samples_recent').updateOne({ grade: 1 }, last_use(31));
      await stored('samples_recent').updateOne({ grade: 2 }, last_use(29));
      const grades = async () => (await stored('samples_recent').find().toArray()).map(({ grade }) => grade);
      // Servers look once a minute.
      await expect.poll(grades, { timeout: 150_000, interval: 500 }).toEqual([2]);
    },
    160_000,
  );

  test.skipIf(here?.features.text !== true)('words are found by a text index', async () => {
    await prepareIndexes(fixture.connection, { entities, language: 'none' });
    const all = ['a hidden pearl', 'pearls', 'nothing'].map((label, index) =>
      changeOf(samples, sampleFields({ label }), index + 1),
    );
    await put(...all);
    const found = await stored('samples_recent')
      .find({ $text: { $search: 'Pearl' } })
      .toArray();
    // Without a language words are taken as they are.
    expect(found.map(({ label }) => label)).toEqual(['a hidden pearl']);
  });

  test('a collection is walked in pages, with what is malformed', async () => {
    const all = Array.from({ length: 25 }, (_, index) => changeOf(samples, sampleFields(), index + 1));
    await put(...all);
    await stored('samples_recent').updateOne({ v: 3 }, { $set: { label: 7 } });
    const seen: Array<number | undefined> = [];
    let after: Parameters<typeof walkCollection>[1]['after'];
    do {
      const page = await walkCollection(fixture.connection, { entity: samples, after, limit: 10 });
      for (const { change, id, document } of page.documents) {
        seen.push(change?.version);
        expect(all.some((one) => one.id === id || change === undefined)).toBe(true);
        if (change === undefined) expect(document.v).toBe(3);
        else expect(change).toEqual(all[change.version - 1]);
      }
      after = page.next;
    } while (after !== undefined);
    expect(seen).toHaveLength(25);
    expect(seen.filter((version) => version === undefined)).toHaveLength(1);
  });

  test('what is there of another database goes, what is there of this one stays', async () => {
    const claim = (database: string) => claimMongo(fixture.connection, { entities, database });
    expect(await claim('one')).toBe(false);
    await put(changeOf(samples, sampleFields(), 1));
    await asker.apply({ source: 'entities', from: undefined, to: 3, changes: [] });
    expect(await claim('one')).toBe(false);
    expect(await asker.position('entities')).toEqual({ kind: 'position', position: 3 });
    expect(await claim('another')).toBe(true);
    expect(await stored('samples_recent').countDocuments()).toBe(0);
    expect(await asker.position('entities')).toEqual({ kind: 'position', position: undefined });
    expect(await claim('another')).toBe(false);
  });

  test("all that is nubo's is dropped, and nothing else", async () => {
    await put(changeOf(samples, sampleFields(), 1));
    await stored('of_somebody_else').deleteMany({});
    await stored('of_somebody_else').insertOne({ kept: true });
    await asker.apply({ source: 'entities', from: undefined, to: 3, changes: [] });
    await dropAll(fixture.connection, entities);
    await dropAll(fixture.connection, entities);
    expect(await stored('samples_recent').countDocuments()).toBe(0);
    expect(await asker.position('entities')).toEqual({ kind: 'position', position: undefined });
    expect(await stored('of_somebody_else').countDocuments()).toBe(1);
    await stored('of_somebody_else').drop();
    await asker.clear();
  });

  test('a server that freezes is left alone after one wait, and used again when it thaws', async () => {
    await asker.position('entities');
    fixture.moves.length = 0;
    fixture.freeze();
    const begun = performance.now();
    const results = await Promise.all(Array.from({ length: 1_000 }, () => asker.get(samples, [uuidv7()])));
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['failed']));
    const later = performance.now();
    for (let index = 0; index < 100; index += 1)
      expect(await asker.get(samples, [uuidv7()])).toMatchObject({ kind: 'failed' });
    // A wait for each would be minutes.
    expect(performance.now() - later).toBeLessThan(5_000);
    // Long enough for some probes to fail: a driver that could not connect would never try again.
    const thawAt = performance.now() + 2_000;
    while (performance.now() < thawAt) {
      expect(await asker.get(samples, [uuidv7()])).toMatchObject({ kind: 'failed' });
      await sleep(20);
    }
    fixture.thaw();
    await expect
      .poll(() => asker.position('entities'), { timeout: 8_000, interval: 50 })
      .toEqual({ kind: 'position', position: undefined });
    expect(fixture.moves).toEqual(['away', 'back']);
  });

  test('where somebody made an index unique, a value goes to whom it was given last', async () => {
    const [ann, bob] = [uuidv7(), uuidv7()];
    const person = (id: string, name: string, version: number) =>
      changeOf(people, { id, name, mail: null }, version);
    await prepareIndexes(fixture.connection, { entities: [people] });
    await stored(people.collection).deleteMany({});
    await put(person(ann, 'ann', 1), person(bob, 'ann', 2));
    expect(await asker.elements(people, [ann, bob])).toMatchObject([{ version: 1 }, { version: 2 }]);
    await stored(people.collection).drop();
    await stored(people.collection).createIndex({ name: 1 }, { unique: true });
    await put(person(ann, 'ann', 1));
    await put(person(bob, 'ann', 3));
    expect(await asker.elements(people, [ann, bob])).toMatchObject([
      undefined,
      { version: 3, fields: { name: 'ann', mail: null } },
    ]);
    await put(person(ann, 'anna', 2));
    expect(await asker.elements(people, [ann, bob])).toMatchObject([{ version: 2 }, { version: 3 }]);
    await put(goneChange(people, bob, 4), person(ann, 'ann', 5));
    expect(await asker.elements(people, [ann])).toMatchObject([{ version: 5 }]);
  });

  test('of an answer that was lost it is known at the next step whether the step was applied', async () => {
    const fields = sampleFields();
    const step = {
      source: 'entities',
      from: undefined as number | undefined,
      to: 5,
      changes: [changeOf(samples, fields, 1)],
    };
    expect(await asker.apply(step)).toEqual({ kind: 'applied', poisoned: [] });
    expect(await asker.apply({ ...step, from: 4, to: 6 })).toEqual({ kind: 'lost' });
    expect(await asker.apply({ ...step, from: 5, to: 7 })).toEqual({ kind: 'applied', poisoned: [] });
  });
});

test('what is no Mongo, or none at all, is told in one sentence', async () => {
  const told = async (port: number) => {
    const connection = new MongoConnection({ url: `mongodb://somebody:secret@127.0.0.1:${port}` });
    const error = await checkMongo(connection).catch((reason: Error) => reason);
    await connection.close();
    if (!(error instanceof UserError)) throw new Error('it was taken for a Mongo');
    return error.message;
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await told(port)).toMatch(/^What listens at NUBO_MONGO_URL does not answer as a MongoDB/);
  await new Promise((resolve) => server.close(resolve));
  expect(await told(port)).toMatch(/^Mongo cannot be reached: .*ECONNREFUSED/);
  const wrong = () => new MongoConnection({ url: 'mongodb://somebody:secret@' });
  expect(wrong).toThrow(/^NUBO_MONGO_URL is no address/);
  expect(wrong).not.toThrow(/secret/);
  expect(() => new MongoConnection({ url: 'http://nobody' })).toThrow(/^NUBO_MONGO_URL is no address/);
});
