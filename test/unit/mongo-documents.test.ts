import { BSON, type Db, type Document, MongoServerError, UUID } from 'mongodb';
import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import { bulkBytesMax, bulkItemsMax, bulksOf } from '#src/storage/mongo/bulk.js';
import { insertAll } from '#src/storage/mongo/commands.js';
import { Beside, shapeOf } from '#src/storage/mongo/document.js';
import { isOfId, isOutage, isRefusal, sentenceOf } from '#src/storage/mongo/failures.js';
import { isPlainJson } from '#src/storage/mongo/plain-json.js';
import { changeOf, goneChange, pairs, sampleFields, samples } from '../support/mirrors.js';

const now = 1_763_697_600_000;
/** What a server gives back of a document that it took. */
const throughBson = (document: Document) => BSON.deserialize(BSON.serialize(document));

const nested = (depth: number): Record<string, unknown> => (depth === 0 ? {} : { inner: nested(depth - 1) });

test('JSON that BSON or a server would change comes back as it was', () => {
  const odd: Array<Record<string, unknown>> = [
    { $ref: 'a', $id: 'b' },
    { $ref: 'a', $id: 'b', $db: 'c', more: 1 },
    { _bsontype: 'ObjectId', id: 'x' },
    { deep: [{ _bsontype: 'Binary' }] },
    JSON.parse('{"__proto__": {"a": 1}}'),
    { 'a.b': { $gt: 1 }, '': 2, $: 3 },
    { rows: [[1, [2]], []] },
    nested(150),
    { 'nul\u0000key': 'nul\u0000value' },
  ];
  for (const details of odd) {
    expect(isPlainJson(details)).toBe(false);
    const fields = sampleFields({ details });
    const document = shapeOf(samples).documentOf(changeOf(samples, fields, 1), now);
    expect(shapeOf(samples).elementOf(throughBson(document))?.fields).toStrictEqual(fields);
  }
  for (const details of [{}, nested(50), { a: [1, -2.5, null, { b: '$a.b' }], ü: 2 ** 53 - 1 }]) {
    expect(isPlainJson(details)).toBe(true);
    const fields = sampleFields({ details });
    const document = shapeOf(samples).documentOf(changeOf(samples, fields, 1), now);
    expect(document.details).toBe(details);
    expect(shapeOf(samples).elementOf(throughBson(document))?.fields).toStrictEqual(fields);
  }
});

test('a key of several parts is a text, and its parts are columns', () => {
  const fields = { left: uuidv7(), right: 'ä:b', weight: 3 };
  const document = shapeOf(pairs).documentOf(changeOf(pairs, fields, 1), now);
  expect(document).toMatchObject({ _id: `${fields.left}:ä:b`, right_name: 'ä:b', weight: 3, v: 1 });
  expect(shapeOf(pairs).elementOf(throughBson(document))).toStrictEqual({
    id: `${fields.left}:ä:b`,
    version: 1,
    fields,
  });
});

test('a document that lacks a column, or has another type there, is none of the entity', () => {
  const shape = shapeOf(samples);
  const document = () => throughBson(shape.documentOf(changeOf(samples, sampleFields(), 1), now));
  expect(shape.elementOf(document())).toBeDefined();
  for (const column of ['label', 'friend_id', 'grade', 'seen_at', 'details', 'friends', '_id', 'v']) {
    const lacking = document();
    delete lacking[column];
    expect(shape.elementOf(lacking), column).toBeUndefined();
    for (const value of [Symbol('none'), new Date(Number.NaN), ['', 1], 1.5])
      expect(shape.elementOf({ ...document(), [column]: value }), column).toBeUndefined();
  }
  const id = uuidv7();
  const gone = throughBson(shape.documentOf(goneChange(samples, id, 7), now));
  expect(shape.elementOf(gone)).toEqual({ id, version: 7, fields: undefined });
  expect(gone.last_use).toEqual(new Date(now));
});

test('bulks are bounded in items and bytes, and hold the newest change of an element', () => {
  const cut = (changes: Parameters<typeof bulksOf>[0]) => {
    const poisoned: string[] = [];
    const bulks = [...bulksOf(changes, { now, onPoisoned: ({ message }) => poisoned.push(message) })];
    return { sizes: bulks.map(({ items }) => items.length), bulks, poisoned };
  };
  const many = Array.from({ length: 2 * bulkItemsMax + 1 }, () => changeOf(samples, sampleFields(), 1));
  expect(cut(many).sizes).toEqual([bulkItemsMax, bulkItemsMax, 1]);
  const large = Array.from({ length: 5 }, () =>
    changeOf(samples, sampleFields({ label: 'ü'.repeat(bulkBytesMax / 5) }), 1),
  );
  expect(cut(large).sizes).toEqual([2, 2, 1]);
  const fields = sampleFields();
  const newest = cut([3, 1, 2].map((version) => changeOf(samples, { ...fields, grade: version }, version)));
  expect(newest.bulks[0]?.items.map(({ change }) => change.version)).toEqual([3]);
  const bad = cut([changeOf(samples, sampleFields({ label: 'ü'.repeat(9 * 1_024 * 1_024) }), 1)]);
  expect(bad).toMatchObject({ sizes: [], poisoned: [expect.stringMatching(/bytes are more than Mongo/)] });
});

test('a document is written byte for byte as the driver would write it', () => {
  const texts = ['', 'plain', 'é\u0000日本 🙂', '\ud800 alone', 'ü'.repeat(20_000)];
  const numbers = [
    0,
    -0,
    1,
    -1,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    1.5,
    Number.NaN,
  ];
  const jsons = [null, {}, { a: [1, 'ü', { ключ: null }] }, { $ref: 'a' }, nested(80)];
  const variants: Array<Record<string, unknown>> = [
    ...texts.map((label) => ({ label })),
    ...numbers.map((grade) => ({ grade })),
    ...jsons.map((details) => ({ details })),
    ...[-1, 0, 1_763_697_600_123, 8.64e15].map((seenAt) => ({ seenAt })),
    ...[[], [uuidv7(), uuidv7()]].map((friends) => ({ friends })),
    ...Object.keys(sampleFields()).map((name) => (name === 'id' ? {} : { [name]: null })),
    // No value of its type, and taken all the same.
    ...[{ label: 5 }, { label: true }],
  ];
  for (const variant of variants)
    for (const version of [1, 2 ** 41 + 7]) {
      const change = changeOf(samples, sampleFields(variant), version);
      const document = shapeOf(samples).documentOf(change, now);
      const expected = Buffer.from(BSON.serialize(document, { ignoreUndefined: true }));
      expect(shapeOf(samples).encodedOf(change, now).bytes.equals(expected), JSON.stringify(variant)).toBe(
        true,
      );
    }
  const fields = { left: uuidv7(), right: 'ä:b', weight: 3 };
  for (const change of [changeOf(pairs, fields, 1), goneChange(samples, uuidv7(), 7)]) {
    const expected = Buffer.from(BSON.serialize(shapeOf(change.entity).documentOf(change, now)));
    expect(shapeOf(change.entity).encodedOf(change, now).bytes.equals(expected)).toBe(true);
  }
  const unfit = [{ friend: 'none' }, { seenAt: 1.5 }, { seenAt: Number.NaN }, { friends: ['none'] }];
  for (const variant of unfit)
    expect(() => shapeOf(samples).encodedOf(changeOf(samples, sampleFields(variant), 1), now)).toThrow();
});

/** Refuses a whole command because of one document, as some servers do. */
function strictServer(isBad: (document: Document) => boolean): {
  database: Db;
  calls: () => number;
  taken: Document[];
} {
  const taken: Document[] = [];
  let calls = 0;
  const command = async ({ documents }: Document) => {
    calls += 1;
    if (documents.some(isBad)) throw new MongoServerError({ message: 'invalid key', code: 2, ok: 0 });
    taken.push(...documents);
    return { ok: 1 };
  };
  return { database: { command } as unknown as Db, calls: () => calls, taken };
}

test('of a call that is refused as a whole, only the document at fault is left out', async () => {
  const documents = Array.from({ length: 1_000 }, (_, index) => ({ _id: index }));
  const { database, calls, taken } = strictServer(({ _id }) => _id === 0 || _id === 617);
  const faults = await insertAll(database, 'samples_recent', documents);
  expect(faults.map(({ index, code, message }) => [index, code, message])).toEqual([
    [0, 2, 'invalid key'],
    [617, 2, 'invalid key'],
  ]);
  expect(taken).toHaveLength(998);
  expect(calls()).toBeLessThan(50);
});

test('a server that takes nothing at all is at fault itself', async () => {
  const { database, calls } = strictServer(() => true);
  const documents = Array.from({ length: 1_000 }, (_, index) => ({ _id: index }));
  await expect(insertAll(database, 'samples_recent', documents)).rejects.toThrow('invalid key');
  expect(calls()).toBeLessThan(40);
});

test('what is refused without a reason is tried again, as long as the server answers at all', async () => {
  const documents = Array.from({ length: 5 }, (_, index) => ({ _id: index }));
  const serverWith = (troubles: number, isBad: (document: Document) => boolean, finds: boolean) => {
    const taken: Document[] = [];
    let calls = 0;
    const error = (message: string) => new MongoServerError({ message, code: 1, ok: 0 });
    const command = async ({ find, documents: sent }: Document) => {
      if (find !== undefined && !finds) throw error('Postgres is away');
      if (find !== undefined) return { ok: 1 };
      calls += 1;
      if (calls <= troubles) throw error('terminating connection');
      if (sent.some(isBad)) throw error('a bad document');
      taken.push(...sent);
      return { ok: 1 };
    };
    return { database: { command } as unknown as Db, taken };
  };
  // All five, the first two, the first alone.
  const passing = serverWith(3, () => false, true);
  expect(await insertAll(passing.database, 'samples_recent', documents)).toEqual([]);
  expect(new Set(passing.taken)).toEqual(new Set(documents));
  const bad = serverWith(0, ({ _id }) => _id === 3, true);
  const faults = await insertAll(bad.database, 'samples_recent', documents);
  expect(faults).toEqual([{ index: 3, code: 1, message: 'a bad document' }]);
  const gone = serverWith(100, () => false, false);
  await expect(insertAll(gone.database, 'samples_recent', documents)).rejects.toThrow('Postgres is away');
});

test('the id and another unique value that was there already are told apart, in the words of each server', () => {
  for (const index of ['_id_', 'mail_1', 'index_1']) {
    const words = [
      `E11000 duplicate key error collection: nubo.people_recent index: ${index} dup key: { mail: "an index: _id_" }`,
      `E11000 duplicate key error collection: nubo.people_recent index: nubo.people_recent.$${index} dup key: { : 1 }`,
      `Duplicate key violation on the requested collection: Index '${index}'`,
    ];
    expect(words.map(isOfId)).toEqual(words.map(() => index === '_id_'));
  }
  expect(isOfId('E11000 duplicate key error')).toBe(true);
});

test('what an error means is said in one sentence', () => {
  const server = (code: number, message: string) => new MongoServerError({ code, message, ok: 0 });
  expect(sentenceOf(server(18, 'Authentication failed.'))).toMatch(/^Mongo refuses the user or the password/);
  expect(sentenceOf(server(13, 'not authorized on nubo_recent'))).toMatch(/readWrite.*not authorized/);
  expect(sentenceOf(new Error('… reports maximum wire version 8, but …'))).toMatch(/MongoDB 4\.4 or newer/);
  expect([18, 13, 10_107, 121].map((code) => isOutage(server(code, 'x')))).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([18, 13, 10_107, 121].map((code) => isRefusal(server(code, 'x')))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('T13 what stands beside the columns is the same as BSON and as a document, and is no field', () => {
  const beside = new Beside({ sender_info: { username: 'ada', profile_picture_id: new UUID(uuidv7()) } });
  const change = changeOf(samples, sampleFields(), 1);
  const shape = shapeOf(samples);
  const document = shape.documentOf(change, now, beside);
  expect(document).toMatchObject(beside.fields);
  expect(shape.encodedOf(change, now, beside).bytes.equals(Buffer.from(BSON.serialize(document)))).toBe(true);
  expect(shape.elementOf(throughBson(document))?.fields).toEqual(change.fields);
  const gone = goneChange(samples, uuidv7(), 7);
  expect(shape.documentOf(gone, now, beside)).not.toHaveProperty('sender_info');
  expect(shape.encodedOf(gone, now, beside).bytes.equals(shape.encodedOf(gone, now).bytes)).toBe(true);
});
