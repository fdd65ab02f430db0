import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import { changeOfEvent, eventOfFields, messages } from '#src/entities/messages.js';
import { decodeElement, decodeEvent, encodeElement } from '#src/storage/redis/codec.js';
import type { LogEvent } from '#src/wire/events.js';

const conv = uuidv7();
const texts = [
  '',
  'short',
  'é',
  '\ufeffmark',
  '日本語 🙂',
  'a\u0000b',
  'x'.repeat(31),
  'y'.repeat(90),
  'ü'.repeat(90),
];
texts.push('z'.repeat(40_000), '🙂'.repeat(30_000));
const numbers = [1, 127, 128, 255, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];

const eventOf = (text: string, seq: number): LogEvent<'message.new'> => ({
  ...{ ev: 'message.new', conv, seq, number: seq, id: uuidv7(), from: uuidv7() },
  ...{ at: 1_763_697_600_000 + seq, text },
});

/** What whoever looks at everything finds. */
function readWhole(id: string, value: Buffer): LogEvent | undefined {
  const element = decodeElement(messages, id, value);
  if (typeof element === 'string' || element.fields === undefined) return undefined;
  return eventOfFields(element.fields);
}

test('a message of text comes back as it was, by the short way and by the long one', () => {
  for (const text of texts)
    for (const seq of numbers) {
      const event = { ...eventOf(text, seq), at: 1_763_697_600_000 };
      const value = encodeElement(changeOfEvent(event, 2 ** 40 + seq / 2));
      expect(decodeEvent({ conv, seq }, value)).toEqual(event);
      expect(readWhole(event.id, value)).toEqual(event);
      expect(decodeEvent({ conv, seq: seq + 1 }, value)).toBe('foreign');
      expect(decodeEvent({ conv: uuidv7(), seq }, value)).toBe('foreign');
    }
});

test('what is more than text, or of another language of ids, goes the long way and comes back', () => {
  const event = eventOf('hello', 5);
  const others: LogEvent[] = [
    { ...event, type: 'image' },
    { ...event, metadata: { a: [1, 'b', null] } },
    { ...event, replyTo: uuidv7() },
    { ...event, id: 'é'.repeat(36) },
    { ...event, number: 1.5e300 },
    { ev: 'member.add', conv, seq: 5, number: 4, id: uuidv7(), from: uuidv7(), at: 1, user: uuidv7() },
  ];
  for (const other of others) {
    const value = encodeElement(changeOfEvent(other, 1));
    const found = readWhole(other.id, value);
    expect(decodeEvent({ conv, seq: 5 }, value)).toEqual(found ?? 'foreign');
    if (other.id !== 'é'.repeat(36) && other.number < 10) expect(found).toEqual(other);
  }
});

test('whatever byte is changed, cut off or added, the short way finds nothing that the long one does not', () => {
  const event = eventOf('päge, as long as people write them, more or less', 300);
  const value = encodeElement(changeOfEvent(event, 7));
  let found = 0;
  const check = (bytes: Buffer) => {
    const short = decodeEvent({ conv, seq: 300 }, bytes);
    if (short === undefined || typeof short === 'string') return;
    found += 1;
    expect(readWhole(short.id, bytes)).toEqual(short);
  };
  for (let at = 0; at < value.length; at += 1) {
    for (const byte of [0, 0x01, 0x41, 0x7f, 0x80, 0xa0, 0xc0, 0xc1, 0xcb, 0xd9, 0xda, 0xff]) {
      const bytes = Buffer.from(value);
      bytes[at] = byte;
      check(bytes);
    }
    check(value.subarray(0, at));
  }
  check(Buffer.concat([value, Buffer.from([0xc0])]));
  expect(found).toBeGreaterThan(300);
});
