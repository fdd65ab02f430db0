/** What the special load understands of the server's frames, in both codecs, against what was said. */
import { expect, test } from 'vitest';
import { keyOf, refOfKey, senderOfKey } from '#bench/generator/order.js';
import { markedText, readMark } from '#bench/generator/special/marked-text.js';
import { type Hearer, readMessages } from '#bench/generator/special/messages.js';
import { Walker } from '#bench/generator/special/walker.js';
import { type Codec, encodeMessages } from '#src/wire/codec.js';
import type { LogEvent, ServerMessage } from '#src/wire/events.js';
import { begin, take, writeValue } from '#src/wire/msgpack-writer.js';

const conv = '01a1fc64-70c3-771f-88f9-ee10d5aa97ee';
const base = { conv, number: 3, id: conv, from: conv, at: 1_795_235_803_335 };

function message(seq: number, text: string, more: Partial<LogEvent<'message.new'>> = {}): LogEvent {
  return { ev: 'message.new', ...base, seq, text, ...more };
}

/** Writes down every call as `name argument …`. */
function heardIn(codec: Codec, messages: readonly ServerMessage[]): string[] {
  const calls: string[] = [];
  const names = [
    'hello',
    'ack',
    'refused',
    'event',
    'gap',
    'resumed',
    'typing',
    'presence',
    'receipts',
    'unsubscribed',
  ] as const;
  const hearer = Object.fromEntries(
    names.map((name) => [
      name,
      (...values: unknown[]) => calls.push([name, ...values].map(String).join(' ')),
    ]),
  );
  const frame = encodeMessages(codec, messages);
  readMessages(codec, Buffer.from(frame as string), hearer as unknown as Hearer);
  return calls;
}

const marked = markedText(5, 77, 60);

const said: readonly ServerMessage[] = [
  { ev: 'hello', session: 's', user: 'u', at: 1, heartbeatMs: 30_000, limits: { frameBytesMax: 65_536 } },
  { ack: 7, id: conv, seq: 300, at: 1_795_235_803_335, conv },
  { ack: 70_000, conv, head: 70_001 },
  { ack: 9 },
  { ack: 1, conv, head: 4, events: [message(3, marked), { ev: 'member.join', ...base, seq: 4 }] },
  { err: 3, code: 'overloaded', message: 'No room.', retryMs: 200 },
  { err: null, code: 'bad_frame', message: 'No frame.' },
  message(300, marked),
  message(301, '≈ no mark', {
    type: 'text',
    metadata: { action: [1, -2.5, null, { deep: true }] },
    replyTo: conv,
  }),
  {
    ev: 'conversation.create',
    ...base,
    seq: 1,
    type: 'group',
    title: 'x'.repeat(300),
    members: [conv, conv],
  },
  { ev: 'member.remove', ...base, seq: 2 ** 33, user: conv },
  { ev: 'gap', conv, have: 5, head: 700 },
  { ev: 'resumed', conv, upTo: 700 },
  { ev: 'typing.start', conv, from: 'u' },
  { ev: 'presence.update', user: 'u', status: 'away' },
  { ev: 'read.update', conv, marks: [['u', 3, 4]] },
  { ev: 'conversation.update', conv, head: 3 },
  { ev: 'unsubscribed', conv },
];

const heard = [
  'hello',
  'ack 7 300 undefined',
  'ack 70000 undefined 70001',
  'ack 9 undefined undefined',
  `event ${conv} 3 ${keyOf(5, 77)} true`,
  `event ${conv} 4 undefined true`,
  'ack 1 undefined 4',
  'refused 3 overloaded 200',
  'refused undefined bad_frame undefined',
  `event ${conv} 300 ${keyOf(5, 77)} false`,
  `event ${conv} 301 -1 false`,
  `event ${conv} 1 undefined false`,
  `event ${conv} ${2 ** 33} undefined false`,
  `gap ${conv} 5 700`,
  `resumed ${conv} 700`,
  `typing ${conv}`,
  'presence',
  'receipts',
  `unsubscribed ${conv}`,
];

test.each(['msgpack', 'json'] as const)(
  'a frame of everything the server says is understood, %s',
  (codec) => {
    expect(heardIn(codec, said)).toEqual(heard);
  },
);

test.each(['msgpack', 'json'] as const)('a message that stands alone is understood, %s', (codec) => {
  expect(said.flatMap((one) => heardIn(codec, [one]))).toEqual(heard);
});

test('the walker steps over whatever msgpack there is', () => {
  const values = [
    null,
    true,
    0,
    127,
    128,
    65_536,
    2 ** 40,
    -1,
    -200,
    -70_000,
    -(2 ** 40),
    1.5,
    '',
    'x'.repeat(40),
    'x'.repeat(300),
    'x'.repeat(70_000),
    [],
    Array.from({ length: 20 }, (_, index) => index),
    {},
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key ${index}`, [index]])),
  ];
  for (const value of values) {
    begin();
    writeValue([value, 42]);
    const walker = new Walker();
    walker.begin(take());
    expect(walker.array()).toBe(2);
    walker.skip();
    expect(walker.integer()).toBe(42);
    expect(walker.isAtEnd).toBe(true);
  }
});

test('a mark says who wrote a text and as which of theirs', () => {
  const text = Buffer.from(markedText(65_535, 4_000_000_000, 100));
  expect(text.length).toBe(100);
  const mark = readMark(text, 0, text.length);
  expect([senderOfKey(mark), refOfKey(mark)]).toEqual([65_535, 4_000_000_000]);
  expect(Number.isSafeInteger(mark)).toBe(true);
  expect(readMark(Buffer.from('no mark at all'), 0, 14)).toBe(-1);
  expect(readMark(text, 0, 5)).toBe(-1);
});
