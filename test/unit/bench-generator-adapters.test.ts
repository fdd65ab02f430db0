/** The generator's adapters of nubo, against the codec of the server. */
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { adapters } from '#bench/generator/adapters/index.js';
import { opcodes } from '#bench/generator/frames.js';
import { markBytes, writeMark } from '#bench/generator/mark.js';
import { Texts } from '#bench/generator/texts.js';
import { decodeOperations, encodeMessages } from '#src/wire/codec.js';
import type { ServerMessage } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import { fakeSink, serverFrame, upgradeAnswer } from './bench-generator-fakes.js';

const codecs = ['msgpack', 'json'] as const;
type Codec = (typeof codecs)[number];

const rooms = Array.from({ length: 300 }, () => uuidv7());
/** A server's frame of these messages. */
function frameOf(codec: Codec, messages: readonly ServerMessage[]): Buffer {
  const payload = Buffer.from(encodeMessages(codec, messages));
  return serverFrame(codec === 'json' ? opcodes.text : opcodes.binary, payload);
}

/** What a client wrote, as the server reads it. */
function operationsIn(codec: Codec, bytes: Buffer): { frames: number; operations: Operation[] } {
  const unmasked: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = (bytes[at + 1] as number) & 0x7f;
    const lengthBytes = short < 126 ? 0 : 2;
    const length = short < 126 ? short : bytes.readUInt16BE(at + 2);
    const payload = at + 2 + lengthBytes + 4;
    expect([...bytes.subarray(payload - 4, payload)]).toEqual([0, 0, 0, 0]);
    unmasked.push(bytes.subarray(payload, payload + length));
    at = payload + length;
  }
  const operations = unmasked.flatMap((payload) => {
    const decoded = decodeOperations(codec, payload);
    if (decoded.kind === 'bad') throw new Error(decoded.message);
    return decoded.items.map((item) => {
      if (item.kind !== 'operation') throw new Error(item.message);
      return item.operation;
    });
  });
  return { frames: unmasked.length, operations };
}

const hello: ServerMessage = {
  ...{ ev: 'hello', session: 's', user: 'u', at: 1_795_235_803_301, heartbeatMs: 30_000 },
  limits: { frameBytesMax: 65_536 },
};

/** A connection that hears these rooms and is ready. */
function connected(codec: Codec, hears: readonly number[]) {
  const sink = fakeSink();
  const adapter = adapters.nubo?.({ address: { host: 'h', port: 1, options: { codec } }, rooms });
  if (adapter === undefined) throw new Error('there is no adapter of nubo');
  const connection = adapter.connect({ token: 'the token', user: 'u', hears, sends: [0] }, sink);
  connection.opened();
  const request = sink.written().toString();
  sink.forget();
  connection.received(upgradeAnswer(request));
  connection.received(frameOf(codec, [hello]));
  const asked: Operation[] = [];
  for (;;) {
    const { operations } = operationsIn(codec, sink.written());
    sink.forget();
    if (operations.length === 0) break;
    expect(sink.isReady()).toBe(false);
    asked.push(...operations);
    for (const operation of operations) {
      if (operation.op !== 'subscribe') throw new Error(operation.op);
      const { ref: ack, conv } = operation;
      connection.received(
        frameOf(codec, [
          { ack, conv, head: 7 },
          { ev: 'resumed', conv, upTo: 7 },
        ]),
      );
    }
  }
  return { sink, connection, request, asked };
}

function markedText(text: string, ref = 1): Buffer {
  const bytes = Buffer.from(' '.repeat(markBytes) + text);
  writeMark(bytes, 0, 3, ref);
  return bytes;
}

const real = 'Grüß "Gott" \\ 😀\u2028 tab\tend';

describe.each(codecs)('%s', (codec) => {
  test('a connection authenticates in its header and is ready once it hears all its rooms', () => {
    const { sink, request, asked } = connected(codec, [...rooms.keys()]);
    expect(request).toContain('Authorization: Bearer the token\r\n');
    expect(request).toContain(`Sec-WebSocket-Protocol: nubo.v1.${codec}\r\n`);
    expect(asked.map((operation) => 'conv' in operation && operation.conv)).toEqual(rooms);
    expect(sink.isReady()).toBe(true);
    expect(connected(codec, []).sink.isReady()).toBe(true);
    expect(sink.failures).toEqual([]);
    expect(sink.acks).toEqual([]);
  });

  test('what is sent in one turn travels in one frame that the server takes', () => {
    const { sink, connection } = connected(codec, []);
    for (const count of [1, 2, 15, 16, 200]) {
      for (let ref = 1; ref <= count; ref++) connection.send(ref, ref % 5, markedText(real, ref));
      connection.flush?.();
      const { frames, operations } = operationsIn(codec, sink.written());
      sink.forget();
      expect(frames).toBe(1);
      expect(operations).toEqual(
        Array.from({ length: count }, (_, index) => ({
          ...{ op: 'send', ref: index + 1, conv: rooms[(index + 1) % 5] },
          ...{ id: expect.stringMatching(/-7/), text: markedText(real, index + 1).toString() },
        })),
      );
      const ids = operations.map((operation) => ('id' in operation ? (operation.id ?? '') : ''));
      expect(new Set(ids).size).toBe(count);
      for (const id of ids) {
        const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
        expect(Math.abs(time - Date.now())).toBeLessThan(10_000);
      }
    }
  });

  test('more than a frame may hold goes in several, and a long text whole', () => {
    const { sink, connection } = connected(codec, []);
    const long = 'ä'.repeat(10_000);
    for (let ref = 1; ref <= 500; ref++)
      connection.send(ref, 0, markedText(ref % 50 === 0 ? long : 'short', ref));
    connection.flush?.();
    const { frames, operations } = operationsIn(codec, sink.written());
    expect(frames).toBeGreaterThan(3);
    expect(operations.map((operation) => operation.ref)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
    expect(operations[49]).toMatchObject({ text: markedText(long, 50).toString() });
  });

  test('acks, refusals, deliveries and gaps are told, however the bytes are cut', () => {
    const event = (room: number, seq: number, text: string): ServerMessage => ({
      ...{ ev: 'message.new', conv: rooms[room] ?? '', seq, number: seq - 1, id: uuidv7(), from: uuidv7() },
      ...{ at: 1_795_235_803_301, text },
    });
    const messages: ServerMessage[] = [
      { ack: 1, id: uuidv7(), seq: 70_000, at: 1_795_235_803_301, conv: rooms[0] ?? '' },
      event(2, 5, markedText(real).toString()),
      {
        ...event(1, 2 ** 33, markedText('short').toString()),
        type: 'image',
        metadata: { a: [1, { b: 'c' }] },
      } as ServerMessage,
      { err: 2, code: 'rate_limited', message: 'Too much "at" once.', retryMs: 100 },
      { ev: 'member.join', conv: rooms[1] ?? '', seq: 6, number: 4, id: uuidv7(), from: uuidv7(), at: 1 },
      { ev: 'typing.start', conv: rooms[1] ?? '', from: uuidv7() },
      { ev: 'gap', conv: rooms[2] ?? '', have: 5, head: 90 },
      { ack: 70_000, id: uuidv7(), seq: 3, at: 1_795_235_803_301 },
      event(2, 91, markedText('x'.repeat(300)).toString()),
    ];
    const alone = Buffer.concat(messages.map((message) => frameOf(codec, [message])));
    const together = frameOf(codec, messages);
    fc.assert(
      fc.property(fc.constantFrom(alone, together), fc.array(fc.nat()), (bytes, places) => {
        const { sink, connection } = connected(codec, [0, 1, 2]);
        const cuts = [
          0,
          ...places.map((place) => place % bytes.length).toSorted((a, b) => a - b),
          bytes.length,
        ];
        for (let index = 1; index < cuts.length; index++) {
          const lent = Buffer.from(bytes.subarray(cuts[index - 1], cuts[index]));
          connection.received(lent);
          lent.fill(0x22);
        }
        expect(sink.acks).toEqual([1, 70_000]);
        expect(sink.refusals).toEqual([[2, expect.stringContaining('rate_limited')]]);
        expect(sink.gaps).toEqual([[2, 6, 90]]);
        expect(sink.failures).toEqual([]);
        expect(sink.deliveries.map(([room, , seq]) => [room, seq])).toEqual([
          [2, 5],
          [1, 2 ** 33],
          [2, 91],
        ]);
        for (const [, text] of sink.deliveries)
          expect(text.slice(0, markBytes)).toBe(markedText('').toString());
      }),
      { numRuns: 100 },
    );
  });

  test('what is shown is known as what was sent', () => {
    const texts = new Texts([real]);
    const text = Buffer.from(texts.marked(0, 1)).toString();
    const frame = frameOf(codec, [
      {
        ...{
          ev: 'message.new',
          conv: rooms[0] ?? '',
          seq: 1,
          number: 1,
          id: uuidv7(),
          from: uuidv7(),
          at: 1,
        },
        text,
      },
    ]);
    const { sink, connection } = connected(codec, [0]);
    connection.received(frame);
    const shown = Buffer.from(sink.deliveries[0]?.[1] ?? '', 'latin1');
    expect(texts.isSame(0, 1, shown, 0)).toBe(true);
    expect(new Texts([`${real.slice(0, -1)}D`]).isSame(0, 1, shown, 0)).toBe(false);
  });

  test('refused subscriptions, refused frames and ended subscriptions end the connection', () => {
    const ends: ServerMessage[] = [
      { err: 0xf000_0000, code: 'not_found', message: 'no such conversation' },
      { err: null, code: 'bad_frame', message: 'what is this' },
      { ev: 'unsubscribed', conv: rooms[0] ?? '' },
    ];
    for (const message of ends) {
      const { sink, connection } = connected(codec, [0]);
      connection.received(frameOf(codec, [message]));
      expect(sink.failures).toHaveLength(1);
    }
  });

  test('each frame is told as a boundary', () => {
    const { sink, connection } = connected(codec, [0]);
    const before = sink.boundaries.length;
    const frame = frameOf(codec, [{ ev: 'typing.stop', conv: rooms[0] ?? '', from: 'f' }]);
    connection.received(Buffer.concat([frame, frame]));
    const [last = [0, true], next = [0, true]] = sink.boundaries.slice(before);
    expect(next[0] - last[0]).toBe(frame.length);
  });
});
