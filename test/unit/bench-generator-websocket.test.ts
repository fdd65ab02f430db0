/** The generator's WebSocket, on bytes that are cut anywhere. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, opcodes } from '#bench/generator/frames.js';
import { clientFrame, frameHeadBytes, WebSocketLink, writeFrameHead } from '#bench/generator/websocket.js';
import { fakeSink, serverFrame, upgradeAnswer } from './bench-generator-fakes.js';

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (one, other) => one - other,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

function reading() {
  const messages: string[] = [];
  const controls: Array<[number, string]> = [];
  const boundaries: Array<[number, boolean]> = [];
  const broken: string[] = [];
  let before = 0;
  const reader = new FrameReader({
    message: (bytes, start, end) => messages.push(Buffer.from(bytes.subarray(start, end)).toString('hex')),
    control: (opcode, bytes, start, end) =>
      controls.push([opcode, Buffer.from(bytes.subarray(start, end)).toString('hex')]),
    boundary: (end, isControl) => boundaries.push([before + end, isControl]),
    broken: (why) => broken.push(why),
  });
  const read = (pieces: readonly Buffer[]) => {
    for (const piece of pieces) {
      // The memory is lent: what is read later must not depend on it.
      const lent = Buffer.from(piece);
      reader.read(lent, 0);
      lent.fill(0xee);
      before += piece.length;
    }
  };
  return { messages, controls, boundaries, broken, read };
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 140 }),
  fc.integer({ min: 65_530, max: 65_540 }).map((length) => new Uint8Array(length).fill(length & 0xff)),
);
const message = fc.record({
  payload,
  parts: fc.integer({ min: 1, max: 3 }),
  ping: fc.option(fc.uint8Array({ maxLength: 20 })),
});

test('every message is read once, whole and in order, however its bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (sent, places) => {
        const frames: Buffer[] = [];
        const ends: Array<[number, boolean]> = [];
        const push = (frame: Buffer, isControl: boolean) => {
          frames.push(frame);
          ends.push([(ends.at(-1)?.[0] ?? 0) + frame.length, isControl]);
        };
        for (const { payload: whole, parts, ping } of sent) {
          const size = Math.ceil(whole.length / parts);
          for (let part = 0; part < parts; part++) {
            const piece = whole.subarray(part * size, (part + 1) * size);
            push(serverFrame(part === 0 ? 2 : 0, piece, part === parts - 1), false);
            // Control frames may come between the frames of one message.
            if (ping !== null && part === 0) push(serverFrame(opcodes.ping, ping), true);
          }
        }
        const { messages, controls, boundaries, read } = reading();
        read(cut(Buffer.concat(frames), places));
        expect(messages).toEqual(sent.map(({ payload: whole }) => Buffer.from(whole).toString('hex')));
        expect(controls).toEqual(
          sent.flatMap(({ ping }) =>
            ping === null ? [] : [[opcodes.ping, Buffer.from(ping).toString('hex')]],
          ),
        );
        expect(boundaries).toEqual(ends);
      },
    ),
    { numRuns: 300 },
  );
});

test('byte by byte is no different', () => {
  const frames = [
    serverFrame(2, Buffer.alloc(300, 7)),
    serverFrame(1, Buffer.from('x')),
    serverFrame(2, Buffer.alloc(0)),
  ];
  const { messages, read } = reading();
  const bytes = Buffer.concat(frames);
  read(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
  expect(messages).toEqual([Buffer.alloc(300, 7).toString('hex'), '78', '']);
});

test('a masked frame and an endless one end the reading', () => {
  for (const [bytes, why] of [
    [clientFrame('masked'), /masked/],
    [Buffer.from('827f00ffffffffffffff', 'hex'), /bytes/],
  ] as const) {
    const { messages, broken, read } = reading();
    read([bytes, serverFrame(2, Buffer.from('later'))]);
    expect(messages).toEqual([]);
    expect(broken).toEqual([expect.stringMatching(why)]);
  }
});

test('client frames of every length are masked with zeros, which changes nothing', () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const frame = clientFrame(new Uint8Array(length).fill(5));
    const head = frameHeadBytes(length);
    expect(frame.length).toBe(head + length);
    expect((frame[1] as number) & 0x80).toBe(0x80);
    expect([...frame.subarray(head - 4, head)]).toEqual([0, 0, 0, 0]);
    expect(writeFrameHead(new Uint8Array(20), 0, 2, length)).toBe(head);
    // Without its mask it is what a server would send, so the reader must find the same length.
    const unmasked = Buffer.concat([frame.subarray(0, head - 4), frame.subarray(head)]);
    unmasked[1] = (unmasked[1] as number) & 0x7f;
    const { messages, read } = reading();
    read([unmasked]);
    expect(messages[0]?.length).toBe(2 * length);
  }
});

function linked() {
  const sink = fakeSink();
  const heard: string[] = [];
  const link = new WebSocketLink(
    sink,
    {
      upgraded: () => heard.push('upgraded'),
      message: (bytes, start, end) => heard.push(Buffer.from(bytes.subarray(start, end)).toString()),
    },
    {
      address: { host: 'h', port: 1 },
      path: '/ws?a=b',
      protocol: 'p',
      headers: { Authorization: 'Bearer t' },
    },
  );
  link.opened();
  const request = sink.written().toString();
  return { sink, heard, link, request };
}

test('it upgrades by a head that is cut anywhere, with frames right behind it, and answers pings', () => {
  const { request } = linked();
  expect(request).toMatch(
    /^GET \/ws\?a=b HTTP\/1\.1\r\nHost: h:1\r\n[\s\S]*Sec-WebSocket-Protocol: p\r\nAuthorization: Bearer t\r\n\r\n$/,
  );
  const head = upgradeAnswer(request);
  const bytes = Buffer.concat([
    head,
    serverFrame(1, Buffer.from('one')),
    serverFrame(opcodes.ping, Buffer.from('hi')),
    serverFrame(1, Buffer.from('two')),
  ]);
  for (let place = 0; place <= bytes.length; place++) {
    const { sink, heard, link } = linked();
    sink.forget();
    link.received(bytes.subarray(0, place));
    link.received(bytes.subarray(place));
    expect(heard).toEqual(['upgraded', 'one', 'two']);
    expect(sink.written()).toEqual(clientFrame(Buffer.from('hi'), opcodes.pong));
    expect(sink.boundaries).toEqual([
      [head.length, true],
      [head.length + 5, true],
      [head.length + 9, false],
      [bytes.length, true],
    ]);
  }
});

test('a refused upgrade and a wrong accept are told with what the server said', () => {
  const wrong = upgradeAnswer('Sec-WebSocket-Key: another').toString();
  for (const answer of ['HTTP/1.1 401 Unauthorized\r\n\r\nno token', wrong]) {
    const { sink, heard, link } = linked();
    link.received(Buffer.from(answer));
    expect(heard).toEqual([]);
    expect(sink.failures[0]).toContain(answer.split('\r\n')[0]);
  }
});

test('the close of a server is told with its code', () => {
  const { request, link, sink } = linked();
  link.received(upgradeAnswer(request));
  link.received(serverFrame(opcodes.close, Buffer.from([0x11, 0x94, 0x62, 0x79, 0x65])));
  expect(sink.failures).toEqual(['The server closed the connection with 4500 bye']);
});
