/** The parts of the Postgres store that need no server. */
import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { BinaryCopy } from '#src/storage/postgres/binary-copy.js';
import { Gatherer } from '#src/storage/postgres/gatherer.js';
import { outcomeOf } from '#src/storage/postgres/outcomes.js';
import { readUuids, uuidBytes, writeUuid } from '#src/uuid-bytes.js';

describe('uuids', () => {
  test('bytes are read back as the text they were written from', () => {
    const texts = Array.from({ length: 50 }, () => uuidv7());
    const bytes = new Uint8Array(texts.length * uuidBytes + 7);
    for (const [index, text] of texts.entries()) writeUuid(bytes, index * uuidBytes, text);
    expect(readUuids(bytes)).toEqual(texts);
    expect(readUuids(new Uint8Array(15))).toEqual([]);
  });

  test('P2 a uuid is its bytes', () => {
    const target = Buffer.alloc(20);
    for (let round = 0; round < 1_000; round += 1) {
      const id = uuidv7();
      writeUuid(target, 2, id);
      expect(target.subarray(2, 18).toString('hex')).toBe(id.replaceAll('-', ''));
    }
  });

  test.each([
    ['', 'empty'],
    ['01a1fc60-9d42-76e5-b35c-9da006edc02', 'short'],
    ['01a1fc60-9d42-76e5-b35c-9da006edc0299', 'long'],
    ['01A1FC60-9D42-76E5-B35C-9DA006EDC029', 'upper case'],
    ['01a1fc60-9d42-76e5-b35c-9da006edc02g', 'not hex'],
    ['01a1fc60-9d42-76e5-b35c-9da006edc0２9', 'full-width digit'],
  ])('W16 %j is none (%s)', (text) => {
    expect(() => writeUuid(Buffer.alloc(16), 0, text)).toThrow(RangeError);
  });
});

describe('binary copy', () => {
  function row(copy: BinaryCopy, text: string): Buffer {
    copy.begin('copy');
    copy.beginRows();
    copy.beginRow(1, text.length * 3);
    copy.text(text);
    copy.endRows();
    const { bytes, release } = copy.take();
    setImmediate(release);
    return bytes;
  }

  test('P1 bytes the socket still holds are never written over', async () => {
    const copy = new BinaryCopy();
    const first = row(copy, 'first');
    const before = Buffer.from(first);
    row(copy, 'other');
    expect(first.equals(before)).toBe(true);
    await new Promise(setImmediate);
    const second = row(copy, 'second');
    await new Promise(setImmediate);
    expect(row(copy, 'third').buffer).toBe(second.buffer);
  });

  test('P1 every message has its length, also when the buffer grows in the middle of a row', () => {
    const copy = new BinaryCopy();
    copy.begin('copy');
    copy.beginRows();
    for (let size = 1; size < 2 ** 20; size *= 2) {
      copy.beginRow(2, size * 3);
      copy.text('ü'.repeat(size));
      copy.int64(-size, 256);
    }
    copy.endRows();
    const { bytes } = copy.take();
    const kinds: string[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      kinds.push(String.fromCharCode(bytes.readUInt8(offset)));
      offset += 1 + bytes.readInt32BE(offset + 1);
    }
    expect(offset).toBe(bytes.length);
    expect(kinds.join('')).toMatch(/^Qd{2,}c$/);
  });

  test('P2 64-bit integers, whole and in halves', () => {
    const copy = new BinaryCopy();
    const values = [0, 1, -1, 2 ** 31, 2 ** 32, -(2 ** 32), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    copy.begin('');
    for (const value of values) copy.int64(value);
    copy.int64(7, 5 * 2 ** 8);
    const { bytes } = copy.take();
    const read = (index: number) => bytes.readBigInt64BE(6 + index * 12 + 4);
    expect(values.map((_, index) => read(index))).toEqual(values.map(BigInt));
    expect(read(values.length)).toBe((5n << 40n) + 7n);
    expect(() => copy.int64(2 ** 53)).toThrow(RangeError);
    expect(() => copy.int64(Number.NaN)).toThrow(RangeError);
    expect(() => copy.int64(0.5)).toThrow(RangeError);
  });
});

test.each([
  ['23505', 'conversation_log_2026_11_pkey', 'duplicate'],
  ['23505', 'conversation_log_default_pkey', 'duplicate'],
  ['23505', 'conversation_log_2026_11_seq', 'broken'],
  ['23505', 'conversation_log_default_seq', 'broken'],
  ['23505', 'users_pkey', 'bad'],
  ['NB001', undefined, 'fenced'],
  ['NB002', undefined, 'broken'],
  ['40001', undefined, 'retry'],
  ['40P01', undefined, 'retry'],
  ['57014', undefined, 'retry'],
  ['57P01', undefined, 'retry'],
  ['57P02', undefined, 'retry'],
  ['57P03', undefined, 'retry'],
  ['53100', undefined, 'retry'],
  ['53300', undefined, 'retry'],
  ['55P03', undefined, 'retry'],
  ['25006', undefined, 'retry'],
  ['42P01', undefined, 'retry'],
  ['XX000', undefined, 'retry'],
  ['23514', undefined, 'retry'],
  ['23514', 'conversation_log_seq_check', 'bad'],
  ['22021', undefined, 'bad'],
  ['22P02', undefined, 'bad'],
  ['22P05', undefined, 'bad'],
  ['23502', undefined, 'bad'],
])('L10 SQLSTATE %s on %s is %s', (code, constraint, kind) => {
  expect(outcomeOf({ code, message: 'x', constraint }).kind).toBe(kind);
});

describe('gathering', () => {
  test('A8 questions of one turn are one query, each gets its own answer, and a failure is told to all', async () => {
    const asked: number[][] = [];
    let isAway = false;
    const gatherer = new Gatherer<number, string>({
      ask: async (keys) => {
        asked.push(keys);
        if (isAway) throw new Error('away');
        return keys.map((key) => `answer ${key}`);
      },
      ...{ keysMax: 3, queriesMax: 1, answerMs: 1_000 },
    });
    const ask = (key: number) =>
      new Promise<string>((resolve) => {
        gatherer.add({ key, done: (answer, failure) => resolve(answer ?? failure) });
      });
    expect(await Promise.all([1, 2, 3, 4].map(ask))).toEqual([
      'answer 1',
      'answer 2',
      'answer 3',
      'answer 4',
    ]);
    expect(asked).toEqual([[1, 2, 3], [4]]);
    isAway = true;
    expect(await Promise.all([5, 6].map(ask))).toEqual(['away', 'away']);
    isAway = false;
    expect(await ask(7)).toBe('answer 7');
  });

  test('A9 no more queries are under way than are allowed, and what waits is asked as they are answered', async () => {
    const underWay: Array<() => void> = [];
    let most = 0;
    const gatherer = new Gatherer<number, number>({
      ask: (keys) =>
        new Promise((resolve) => {
          underWay.push(() => resolve(keys));
          most = Math.max(most, underWay.length);
        }),
      ...{ keysMax: 2, queriesMax: 3, answerMs: 10_000 },
    });
    const answers: number[] = [];
    for (let key = 0; key < 20; key += 1)
      gatherer.add({ key, done: (answer) => answers.push(answer ?? Number.NaN) });
    while (answers.length < 20) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay.shift()?.();
    }
    expect(answers).toEqual(Array.from({ length: 20 }, (_, key) => key));
    expect(most).toBe(3);
  });

  test('L10 a query that is never answered fails in time, and the next one is asked', async () => {
    let isHanging = true;
    const gatherer = new Gatherer<number, string>({
      ask: () => (isHanging ? new Promise(() => {}) : Promise.resolve(['there'])),
      ...{ keysMax: 1, queriesMax: 1, answerMs: 20 },
    });
    const ask = () =>
      new Promise<string>((resolve) => {
        gatherer.add({ key: 0, done: (answer, failure) => resolve(answer ?? failure) });
      });
    expect(await ask()).toMatch(/no answer/);
    isHanging = false;
    expect(await ask()).toBe('there');
  });
});
