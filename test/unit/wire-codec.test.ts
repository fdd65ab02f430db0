import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import {
  type Codec,
  type DecodedItem,
  decodeMessages,
  decodeOperations,
  encodeFrames,
  encodeMessages,
  encodeOperations,
  firstDurableSeq,
} from '#src/wire/codec.js';
import { writeByPlaces } from '#src/wire/encode-messages.js';
import { logEvents, type ServerMessage } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { MsgpackReader } from '#src/wire/msgpack-reader.js';
import { begin, take } from '#src/wire/msgpack-writer.js';
import { type Operation, operations } from '#src/wire/operations.js';
import { eventByName, logCodeMin, messageByCode, operationByName } from '#src/wire/places.js';
import { metadata, operation, serverMessage, text, uuid, uuid7 } from './wire-arbitraries.js';

const codecs: Codec[] = ['msgpack', 'json'];
const id = '018f4e2a-7b1c-7000-8000-0123456789ab';
const send: Operation<'send'> = { op: 'send', ref: 7, id, conv: id, text: 'Grüße' };
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

const asBytes = (frame: string | Uint8Array) =>
  typeof frame === 'string' ? new TextEncoder().encode(frame) : frame;

function items(codec: Codec, frame: string | Uint8Array): readonly DecodedItem[] {
  const decoded = decodeOperations(codec, asBytes(frame));
  if (decoded.kind === 'bad') throw new Error(decoded.message);
  return decoded.items;
}

/** The same wrong or right thing in both codecs: fields by name, packed in the order of the schema. */
function frames(name: string, fields: Record<string, unknown>): Array<[Codec, Uint8Array]> {
  const form = operationByName.get(name);
  const places = (form?.keys ?? ['ref', 'id']).map((key) => fields[key] ?? null);
  return [
    ['json', asBytes(JSON.stringify({ op: name, ...fields }))],
    ['msgpack', packr.pack([form?.code ?? 99, ...places])],
  ];
}

function problem(codec: Codec, frame: Uint8Array): Extract<DecodedItem, { kind: 'invalid' }> {
  const [item] = items(codec, frame);
  if (item?.kind !== 'invalid') throw new Error(`it was taken: ${JSON.stringify(item)}`);
  return item;
}

describe('operations', () => {
  test('W1 W3 come through both codecs as they were, alone and many in a frame', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 5 }), (list) => {
        for (const codec of codecs) {
          const expected = list.map((one) => ({ kind: 'operation', operation: one }));
          expect(items(codec, encodeOperations(codec, list))).toEqual(expected);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('W3 256 operations in a frame are taken, 257 are not', () => {
    const pings = (count: number): Operation[] =>
      Array.from({ length: count }, (_, ref) => ({ op: 'ping', ref }));
    for (const codec of codecs) {
      expect(items(codec, encodeOperations(codec, pings(256)))).toHaveLength(256);
      expect(decodeOperations(codec, asBytes(encodeOperations(codec, pings(257)))).kind).toBe('bad');
      expect(items(codec, encodeOperations(codec, []))).toEqual([]);
    }
  });

  test('W16 a wrong operation is named by ref, field and reason, and its neighbours are taken', () => {
    const wrong = { ...send, conv: 'nowhere' };
    for (const codec of codecs) {
      const [before, middle, after] = items(
        codec,
        encodeOperations(codec, [send, wrong, { op: 'ping', ref: 9 }]),
      );
      expect(before).toEqual({ kind: 'operation', operation: send });
      expect(middle).toEqual({
        kind: 'invalid',
        ref: 7,
        message: 'send: conv must be a lower-case UUID.',
      });
      expect(after).toEqual({ kind: 'operation', operation: { op: 'ping', ref: 9 } });
    }
  });

  test.each([
    ['send', { ...send, id: undefined }, 7, 'send: id is missing.'],
    ['send', { ...send, text: 5 }, 7, 'send: text: Invalid input: expected string, received number.'],
    ['send', { ...send, text: null }, 7, 'send: text is missing.'],
    ['send', { ...send, text: 'a\u0000' }, 7, 'send: text must not contain NUL or lone surrogates.'],
    ['send', { ...send, text: 'ä'.repeat(20_000) }, 7, 'send: text must be at most 32768 bytes of UTF-8.'],
    [
      'send',
      { ...send, id: '018f4e2a-7b1c-4000-8000-0123456789ab' },
      7,
      'send: id must be a lower-case UUIDv7.',
    ],
    ['send', { ...send, id: id.toUpperCase() }, 7, 'send: id must be a lower-case UUIDv7.'],
    ['send', { ...send, metadata: [] }, 7, 'send: metadata: Invalid input: expected object, received array.'],
    [
      'send',
      { ...send, metadata: { a: '\u0000' } },
      7,
      'send: metadata must not contain NUL or lone surrogates.',
    ],
    [
      'send',
      { ...send, metadata: { a: 'x'.repeat(8200) } },
      7,
      'send: metadata must be at most 8192 bytes as JSON.',
    ],
    ['send', { ...send, type: 'system' }, 7, undefined],
    ['send', { ...send, ref: undefined }, null, 'send: ref is missing.'],
    ['send', { ...send, ref: -1 }, null, undefined],
    ['send', { ...send, ref: 1.5 }, null, undefined],
    ['send', { ...send, ref: 2 ** 32 }, null, undefined],
    ['send', { ...send, ref: '7' }, null, undefined],
    ['history', { ref: 3, conv: id, limit: 0 }, 3, undefined],
    ['subscribe', { ref: 3, conv: id, have: -1 }, 3, undefined],
    [
      'create',
      { ref: 3, id, type: 'group', members: ['me'] },
      3,
      'create: members.0 must be a lower-case UUID.',
    ],
    ['typing.start', { conv: 'x' }, null, undefined],
    ['auth', { ref: 3, token: '' }, 3, undefined],
    ['constructor', { ref: 5 }, 5, undefined],
    ['__proto__', { ref: 5 }, 5, undefined],
  ] as Array<[string, Record<string, unknown>, number | null, string | undefined]>)(
    'W16 %s with wrong fields is invalid in both codecs (%#)',
    (name, fields, ref, message) => {
      const { op: _op, ...rest } = fields;
      for (const [codec, frame] of frames(name, rest)) {
        const found = problem(codec, frame);
        expect(found).toMatchObject({ ref });
        if (message !== undefined) expect(found.message).toBe(message);
        expect(found.message).toMatch(/^.{5,200}\.$/);
      }
    },
  );

  test('W16 lone surrogates in text and metadata are invalid in JSON; msgpack cannot say them', () => {
    for (const json of [
      `{"op":"send","ref":7,"id":"${id}","conv":"${id}","text":"a\\ud800"}`,
      `{"op":"send","ref":7,"id":"${id}","conv":"${id}","text":"a","metadata":{"k\\udc00":1}}`,
      `{"op":"send","ref":7,"id":"${id}","conv":"${id}","text":"a","metadata":{"k":["\\u0000"]}}`,
    ]) {
      expect(problem('json', asBytes(json))).toMatchObject({ ref: 7 });
    }
    const literal = `{"op":"send","ref":7,"id":"${id}","conv":"${id}","text":"\\\\u0000","metadata":{"k":"\\\\ud800"}}`;
    expect(items('json', asBytes(literal))[0]?.kind).toBe('operation');
  });

  test('W16 what is no operation at all is invalid, and its neighbours are taken', () => {
    const ping = { kind: 'operation', operation: { op: 'ping', ref: 1 } };
    for (const junk of [5, 'x', null, true]) {
      expect(items('msgpack', packr.pack([[2, 1], junk, [2, 1]]))).toEqual([
        ping,
        expect.objectContaining({ kind: 'invalid', ref: null }),
        ping,
      ]);
      expect(items('json', JSON.stringify([{ op: 'ping', ref: 1 }, junk]))).toEqual([
        ping,
        expect.objectContaining({ kind: 'invalid', ref: null }),
      ]);
    }
    expect(problem('json', asBytes('[[2,1]]')).ref).toBeNull();
    expect(problem('msgpack', packr.pack(['send', 4])).ref).toBe(4);
    expect(problem('msgpack', packr.pack([5.5, 4])).ref).toBe(4);
    expect(problem('msgpack', packr.pack([99, 4])).message).toBe('there is no operation with the code 99.');
    expect(problem('json', asBytes('{"op":"fly","ref":4}')).message).toBe('there is no operation "fly".');
    expect(decodeOperations('msgpack', packr.pack({ op: 'ping', ref: 1 })).kind).toBe('bad');
  });

  test('W16 duplicate and __proto__ keys are harmless and mean the same in both codecs', () => {
    const json = `{"op":"ping","op":"send","__proto__":{"conv":"x"},"ref":7,"id":"${id}","conv":"${id}","text":"a","metadata":{"a":1,"__proto__":{"polluted":true},"b":{"__proto__":1},"a":2}}`;
    const packed = packr.pack([5, 7, id, id, 'a', null, true]);
    // The last byte becomes a map of four pairs, by hand, since no encoder writes a key twice
    const map = [
      0x84,
      0xa1,
      0x61,
      1,
      0xa9,
      ...asBytes('__proto__'),
      0x81,
      0xa1,
      0x70,
      1,
      0xa1,
      0x62,
      0x81,
      0xa9,
      ...asBytes('__proto__'),
      1,
      0xa1,
      0x61,
      2,
    ];
    const frame = Uint8Array.from([...packed.subarray(0, packed.length - 1), ...map]);
    for (const [codec, bytes] of [
      ['json', asBytes(json)],
      ['msgpack', frame],
    ] as const) {
      const [item] = items(codec, bytes);
      expect(item).toEqual({
        kind: 'operation',
        operation: { ...send, text: 'a', metadata: { a: 2, b: {} } },
      });
      const kept = (item as { operation: Operation<'send'> }).operation.metadata as Record<string, unknown>;
      expect(Object.getOwnPropertyNames(kept)).toEqual(['a', 'b']);
      expect(kept.polluted).toBeUndefined();
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('W1 null is as good as absent, and fields of a later version are passed over', () => {
    expect(
      items('json', asBytes(`{"op":"subscribe","ref":1,"conv":"${id}","have":null,"new":[1]}`))[0],
    ).toEqual(items('msgpack', packr.pack([3, 1, id, null, 'new']))[0]);
  });

  test('W16 binary values are wrong types, not lost frames', () => {
    const frame = packr.pack([
      [5, 7, id, id, new Uint8Array([1, 2])],
      [2, 1],
    ]);
    expect(items('msgpack', frame).map((item) => item.kind)).toEqual(['invalid', 'operation']);
  });

  test('W16 the straight way and the schema take and refuse the same sends', () => {
    // Mostly right, each place wrong now and then; and with a nil at the end only the schema looks at it.
    const now = <T>(right: fc.Arbitrary<T>, ...wrong: unknown[]) =>
      fc.oneof(
        { weight: 8, arbitrary: right as fc.Arbitrary<unknown> },
        { weight: 1, arbitrary: fc.constantFrom(...wrong) },
      );
    const almostId = fc
      .tuple(uuid7, fc.nat(35), fc.constantFrom('g', 'A', '-', '7', 'é', '\u0000'))
      .map(([good, at, char]) => good.slice(0, at) + char + good.slice(at + 1));
    const place = fc.tuple(
      now(fc.nat(0xffffffff), -1, 2 ** 32, 1.5, null, 'x', 2 ** 40),
      fc.oneof(
        { weight: 4, arbitrary: now(uuid7, null, 5, '') },
        { weight: 1, arbitrary: fc.oneof(uuid, almostId) },
      ),
      fc.oneof({ weight: 4, arbitrary: now(uuid, null, 5, '') }, { weight: 1, arbitrary: almostId }),
      fc.oneof(
        { weight: 4, arbitrary: text },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'a\u0000b',
            'x'.repeat(32_768),
            'x'.repeat(32_769),
            'ä'.repeat(16_385),
            '\ufeff',
          ),
        },
        { weight: 1, arbitrary: fc.constantFrom(null, 5, [], {}) },
      ),
    );
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(place, (places) => {
        const straight = items('msgpack', packr.pack([operations.send.code, ...places]))[0];
        const bySchema = items('msgpack', packr.pack([operations.send.code, ...places, null]))[0];
        expect(straight).toEqual(bySchema);
        if (straight?.kind === 'operation') {
          taken += 1;
          expect(straight.operation).toEqual({
            op: 'send',
            ref: places[0],
            id: places[1],
            conv: places[2],
            text: places[3],
          });
        } else refused += 1;
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  test('W2 nothing decoded points into the frame, which is taken back after the handler', () => {
    const metadataOfMany = { long: 'y'.repeat(100), list: ['z'.repeat(50)] };
    for (const codec of codecs) {
      const list: Operation[] = [send, { ...send, text: 'x'.repeat(500), metadata: metadataOfMany }];
      const frame = Uint8Array.from(asBytes(encodeOperations(codec, list)));
      const decoded = items(codec, frame);
      structuredClone(frame.buffer, { transfer: [frame.buffer] });
      expect(frame.length).toBe(0);
      expect(decoded).toEqual(list.map((one) => ({ kind: 'operation', operation: one })));
    }
  });

  test('W1 decodes frames that stand in the middle of a larger buffer', () => {
    const frame = asBytes(
      encodeOperations('msgpack', [{ ...send, metadata: { a: 1.25, b: -70_000, c: 2 ** 40 } }]),
    );
    const larger = new Uint8Array(frame.length + 20).fill(0xff);
    larger.set(frame, 10);
    expect(items('msgpack', larger.subarray(10, 10 + frame.length))).toEqual(items('msgpack', frame));
  });
});

describe('messages', () => {
  test('W3 cut into frames they are the same, in the same order, and no frame could have held the next one', () => {
    const bytesMax = fc.integer({ min: 1, max: 2_000 });
    fc.assert(
      fc.property(fc.array(serverMessage, { maxLength: 20 }), bytesMax, (list, max) => {
        for (const codec of codecs) {
          const cut = encodeFrames(codec, list, max);
          const parts = cut.map((frame) => decodeMessages(codec, frame)) as ServerMessage[][];
          expect(parts.flat()).toEqual(list);
          for (const [index, part] of parts.entries()) {
            expect(cut[index]).toEqual(encodeMessages(codec, part));
            if (part.length > 1) expect(asBytes(cut[index] ?? '').length).toBeLessThanOrEqual(max);
            const next = parts[index + 1]?.[0];
            if (next === undefined) continue;
            // Room is kept for the longest header there may be.
            expect(asBytes(encodeMessages(codec, [...part, next])).length).toBeGreaterThan(max - 2);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('W3 a frame holds no more messages than a container may', () => {
    const many = Array.from({ length: 600 }, (_, ref): ServerMessage => ({ ack: ref }));
    for (const codec of codecs) {
      const parts = encodeFrames(codec, many, 1_000_000).map((frame) => decodeMessages(codec, frame));
      expect(parts.map((part) => part.length)).toEqual([256, 256, 88]);
      expect(parts.flat()).toEqual(many);
    }
  });

  test('W3 come through both codecs as they were, alone and many in a frame', () => {
    fc.assert(
      fc.property(fc.array(serverMessage, { maxLength: 5 }), (list) => {
        for (const codec of codecs) expect(decodeMessages(codec, encodeMessages(codec, list))).toEqual(list);
      }),
      { numRuns: 2000 },
    );
  });

  test('W3 the straight way and the places of the schema give the same bytes', () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        const form =
          'ev' in message ? eventByName.get(message.ev) : messageByCode.get('ack' in message ? 0 : 1);
        if (form === undefined) throw new Error('no form');
        begin();
        writeByPlaces(form, message as unknown as Record<string, unknown>);
        expect(take()).toEqual(encodeMessages('msgpack', [message]));
      }),
      { numRuns: 2000 },
    );
  });

  test('W4 hello with the limits of the wire is the same bytes as by its places, however often it is said', () => {
    const hello = {
      ev: 'hello',
      session: '0-1',
      user: id,
      at: 1_732_160_000_000,
      heartbeatMs: 30_000,
    } as const;
    const form = eventByName.get('hello');
    if (form === undefined) throw new Error('no form');
    begin();
    writeByPlaces(form, { ...hello, limits: { ...wireLimits } });
    const expected = take();
    for (let time = 0; time < 2; time += 1)
      expect(encodeMessages('msgpack', [{ ...hello, limits: wireLimits }])).toEqual(expected);
  });

  test('W1 another implementation reads our msgpack, and we read its', () => {
    fc.assert(
      fc.property(metadata, text, (extra, words) => {
        const event: ServerMessage = {
          ev: 'message.new',
          conv: id,
          seq: 2 ** 40,
          number: 3,
          id,
          from: id,
          at: 1_732_160_000_000,
          text: words,
          metadata: extra,
        };
        const places = unpackr.unpack(encodeMessages('msgpack', [event]) as Uint8Array);
        // It loses a leading byte order mark of long texts when it has no native part: compare what it kept.
        expect(places.slice(0, 7)).toEqual([40, id, 2 ** 40, 3, id, id, 1_732_160_000_000]);
        expect(places[7].replace(/^\ufeff/, '')).toBe(words.replace(/^\ufeff/, ''));
        const [read] = decodeMessages(
          'msgpack',
          packr.pack([40, id, 5, 3, id, id, 1_732_160_000_000, words, null, extra]),
        );
        expect(read).toEqual({ ...event, seq: 5 });
      }),
    );
  });

  test('W1 integers are written as integers in their shortest form, with nil for what JSON has no number for', () => {
    const hexOf = (value: number) => {
      const frame = encodeMessages('msgpack', [{ ev: 'resumed', conv: '', upTo: value }]) as Uint8Array;
      return Buffer.from(frame.subarray(3)).toString('hex');
    };
    expect([127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].map(hexOf)).toEqual([
      '7f',
      'cc80',
      'ccff',
      'cd0100',
      'cdffff',
      'ce00010000',
      'ceffffffff',
      'cf0000000100000000',
      'cf001fffffffffffff',
    ]);
    expect([-1, -32, -33, -129, -32_769, -(2 ** 31) - 1, -(2 ** 53) + 1, 0.5, Number.NaN].map(hexOf)).toEqual(
      [
        'ff',
        'e0',
        'd0df',
        'd1ff7f',
        'd2ffff7fff',
        'd3ffffffff7fffffff',
        'd3ffe0000000000001',
        'cb3fe0000000000000',
        'c0',
      ],
    );
  });

  test('W1 texts around every change of header come through, ASCII or not', () => {
    for (const unit of ['a', 'ä', '€', '😀']) {
      for (const count of [
        0, 1, 7, 8, 10, 11, 15, 16, 31, 32, 63, 64, 85, 86, 127, 128, 200, 201, 255, 256, 16_384, 21_845,
        21_846, 32_767, 32_768, 65_535, 65_536,
      ]) {
        const event: ServerMessage = {
          ev: 'message.new',
          conv: id,
          seq: 1,
          number: 1,
          id,
          from: id,
          at: 1,
          text: unit.repeat(count),
        };
        expect(decodeMessages('msgpack', encodeMessages('msgpack', [event]))).toEqual([event]);
      }
    }
  });

  test('W3 a frame that was given out is never written to again', () => {
    const frames = Array.from({ length: 2000 }, (_, seq) => {
      const event: ServerMessage = {
        ev: 'message.new',
        conv: id,
        seq,
        number: 1,
        id,
        from: id,
        at: 1,
        text: 'x'.repeat(seq % 300),
      };
      return { event, frame: encodeMessages('msgpack', [event]) };
    });
    for (const { event, frame } of frames) expect(decodeMessages('msgpack', frame)).toEqual([event]);
  });

  test('W3 what cannot be encoded throws, and the next frame is whole', () => {
    const wrong = {
      ev: 'message.new',
      conv: id,
      seq: 1,
      number: 1,
      id,
      from: id,
      at: 1,
      text: 'a',
      metadata: { big: 5n },
    };
    expect(() => encodeMessages('msgpack', [wrong as unknown as ServerMessage])).toThrow('bigint');
    expect(() => encodeMessages('msgpack', [{ ev: 'nothing' } as unknown as ServerMessage])).toThrow(
      'not a message',
    );
    expect(decodeMessages('msgpack', encodeMessages('msgpack', [{ ack: 1 }]))).toEqual([{ ack: 1 }]);
  });

  test('W3 a page of 100 long messages comes through, although no client may send as much', () => {
    const event: ServerMessage = {
      ev: 'message.new',
      conv: id,
      seq: 1,
      number: 1,
      id,
      from: id,
      at: 1,
      text: 'x'.repeat(32_768),
      metadata: { a: [[[[[1]]]]] },
    };
    const page: ServerMessage = { ack: 1, events: Array.from({ length: 100 }, () => event) };
    for (const codec of codecs)
      expect(decodeMessages(codec, encodeMessages(codec, [page, page]))).toEqual([page, page]);
  });

  test('W3 messages of a newer server are left out, but its durable events keep their place', () => {
    const json =
      '[{"ev":"sparkle","x":1},{"ev":"message.sparkle","conv":"c","seq":5,"id":"i"},{"ack":1,"new":2},{"what":1}]';
    const packed = packr.pack([
      [39, 1],
      [77, 'c', 5, 'i'],
      [0, 1, null, null, null, null, null, null, 2],
    ]);
    for (const [codec, frame] of [
      ['json', json],
      ['msgpack', packed],
    ] as const) {
      expect(decodeMessages(codec, frame)).toMatchObject([{ ev: 'unknown', conv: 'c', seq: 5 }, { ack: 1 }]);
    }
  });

  test('W3 every durable event begins with conv and seq, so that newer ones keep their place', () => {
    for (const [name, { code, schema }] of Object.entries(logEvents)) {
      expect(Object.keys(schema.shape).slice(0, 2), name).toEqual(['conv', 'seq']);
      expect(code).toBeGreaterThanOrEqual(logCodeMin);
    }
    const codes = [...Object.values(operations).map(({ code }) => code)];
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('W3 garbage is an error, never a hang or a wrong message', () => {
    for (const frame of [
      new Uint8Array(0),
      Uint8Array.of(0xc1),
      Uint8Array.of(0x92, 0x28),
      Uint8Array.of(0x05),
      Uint8Array.of(0x91, 0xc0),
    ]) {
      expect(() => decodeMessages('msgpack', frame)).toThrow();
    }
    for (const frame of ['', '{', '5', '[5]']) expect(() => decodeMessages('json', frame)).toThrow();
    expect(() => decodeMessages('msgpack', '{}')).toThrow('text');
  });

  test('W15 the first durable event of a frame is found, and nothing in frames without one', () => {
    const event = (seq: number): ServerMessage => ({
      ev: 'member.join',
      conv: id,
      seq,
      number: 0,
      id,
      from: id,
      at: 1,
    });
    for (const codec of codecs) {
      expect(firstDurableSeq(codec, asBytes(encodeMessages(codec, [event(4), event(5)])))).toEqual({
        conv: id,
        seq: 4,
      });
      expect(firstDurableSeq(codec, encodeMessages(codec, [event(4)]))).toEqual({ conv: id, seq: 4 });
      for (const other of [
        { ev: 'typing.start', conv: id, from: id },
        { ev: 'gap', conv: id, have: 1, head: 3 },
        { ack: 1, seq: 5, conv: id },
      ] as ServerMessage[]) {
        expect(firstDurableSeq(codec, encodeMessages(codec, [other]))).toBeUndefined();
      }
      expect(firstDurableSeq(codec, Uint8Array.of(0xc1, 0x7b))).toBeUndefined();
    }
  });

  test('W16 a __proto__ key in msgpack changes no prototype', () => {
    const map = [0x82, 0xa9, ...asBytes('__proto__'), 0x81, 0xa1, 0x70, 1, 0xa1, 0x61, 2];
    const before = packr.pack([40, id, 1, 1, id, id, 1, 'x', null, true]);
    const frame = Uint8Array.from([...before.subarray(0, before.length - 1), ...map]);
    const [message] = decodeMessages('msgpack', frame) as Array<{ metadata: object }>;
    expect(message?.metadata).toEqual({ a: 2 });
    expect(Object.getPrototypeOf(message?.metadata)).toBe(Object.prototype);
  });

  test('W2 binary values are copies', () => {
    const frame = packr.pack(new Uint8Array([1, 2, 3]));
    const value = new MsgpackReader(frame).value();
    frame.fill(0);
    expect(value).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('W7 an error about no operation keeps its null', () => {
    const message: ServerMessage = { err: null, code: 'bad_frame', message: 'no' };
    for (const codec of codecs)
      expect(decodeMessages(codec, encodeMessages(codec, [message]))).toEqual([message]);
  });
});
