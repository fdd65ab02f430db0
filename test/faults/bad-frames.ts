/** Frames that break the bounds of the wire or its codec: `bad_frame`, then 4500 (W2). */
import { uuidv7 } from 'uuidv7';
import { type Codec, encodeOperations } from '#src/wire/codec.js';
import type { WireError } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { type Case, headOf, open, type Scene } from './bad-cases.js';

const bytes = (...values: number[]) => Buffer.from(values);
const repeated = (unit: Buffer, times: number, end: Buffer) =>
  Buffer.concat([...Array.from({ length: times }, () => unit), end]);

function validSend(conv: string, text = 'hello'): Buffer {
  return Buffer.from(encodeOperations('msgpack', [{ op: 'send', ref: 1, id: uuidv7(), conv, text }]));
}

/** A valid send whose text is replaced by these bytes, which must be as long. */
function sendWithText(conv: string, text: Buffer): Buffer {
  const frame = validSend(conv, '?'.repeat(text.length));
  text.copy(frame, frame.length - text.length);
  return frame;
}

const msgpackFrames: Readonly<Record<string, (conv: string) => Buffer>> = {
  'an unused byte': () => bytes(0xc1),
  noise: () => Buffer.from('d9ffc1c1ad00ff8eb3', 'hex'),
  'JSON instead of msgpack': () => Buffer.from('{"op":"ping","ref":1}'),
  'nothing at all': () => Buffer.alloc(0),
  'a number': () => bytes(7),
  'a map': () => bytes(0x81, 0xa2, 0x6f, 0x70, 0xa4, 0x70, 0x69, 0x6e, 0x67),
  'a string': () => Buffer.concat([bytes(0xa4), Buffer.from('ping')]),
  'arrays nested 10,000 deep': () => repeated(bytes(0x91), 10_000, bytes(0xc0)),
  'maps nested 10,000 deep': () => repeated(bytes(0x81, 0xa1, 0x61), 10_000, bytes(0xc0)),
  'arrays of 2^16 nested 10,000 deep': () => repeated(bytes(0xdc, 0xff, 0xff), 10_000, bytes(0xc0)),
  'an array of 1 M declared elements': () => bytes(0xdd, 0x00, 0x0f, 0x42, 0x40),
  'an array of 4 G declared elements': () => bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
  'a map of 1 M declared pairs': () => bytes(0xdf, 0x00, 0x0f, 0x42, 0x40),
  'a string of 4 G declared bytes': () => bytes(0x92, 0x02, 0xdb, 0xff, 0xff, 0xff, 0xff),
  'binary of 4 G declared bytes': () => bytes(0x92, 0x02, 0xc6, 0xff, 0xff, 0xff, 0xff),
  '257 operations': () => repeated(bytes(0x92, 0x02, 0x01), 257, bytes()).subarray(0),
  'an extension of one byte': () => bytes(0x92, 0x02, 0xd4, 0x01, 0x00),
  'a timestamp': () => bytes(0x92, 0x02, 0xd6, 0xff, 0, 0, 0, 0),
  'an extension of 255 declared bytes': () => bytes(0x92, 0x02, 0xc7, 0xff, 0x72),
  'a record definition': () => bytes(0x92, 0x02, 0xd4, 0x72, 0x40),
  '2^53': () => bytes(0x92, 0x02, 0xcf, 0x00, 0x20, 0, 0, 0, 0, 0, 0),
  '2^64 − 1': () => bytes(0x92, 0x02, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  '−2^63': () => bytes(0x92, 0x02, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0),
  '−2^53': () => bytes(0x92, 0x02, 0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 0),
  '2^53 as a double': () => bytes(0x92, 0x02, 0xcb, 0x43, 0x40, 0, 0, 0, 0, 0, 0),
  'not a number': () => bytes(0x92, 0x02, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
  infinity: () => bytes(0x92, 0x02, 0xca, 0x7f, 0x80, 0, 0),
  'a byte too much': () => bytes(0x92, 0x02, 0x01, 0x00),
  'a key that is no string': () => bytes(0x92, 0x02, 0x81, 0x01, 0x02),
  'a lone high surrogate': (conv) => sendWithText(conv, bytes(0xed, 0xa0, 0x80)),
  'a lone low surrogate': (conv) => sendWithText(conv, bytes(0xed, 0xb0, 0x80)),
  'a pair of surrogates in six bytes': (conv) =>
    sendWithText(conv, bytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)),
  'an overlong NUL': (conv) => sendWithText(conv, bytes(0xc0, 0x80)),
  'an overlong slash': (conv) => sendWithText(conv, bytes(0xe0, 0x80, 0xaf)),
  'beyond U+10FFFF': (conv) => sendWithText(conv, bytes(0xf4, 0x90, 0x80, 0x80)),
  'half a character': (conv) => sendWithText(conv, bytes(0xe2, 0x82)),
  '64 KiB and a byte': (conv) =>
    validSend(
      conv,
      'x'.repeat(wireLimits.frameBytesMax + 1 - validSend(conv, 'x'.repeat(40_000)).length + 40_000),
    ),
};

const jsonFrames: Readonly<Record<string, () => string>> = {
  'not JSON': () => 'ping',
  'nothing at all': () => '',
  'half an object': () => '{"op":"ping","ref":',
  'two objects': () => '{"op":"ping","ref":1}{"op":"ping","ref":2}',
  'a number': () => '42',
  null: () => 'null',
  'a trailing comma': () => '{"op":"ping","ref":1,}',
  'single quotes': () => "{'op':'ping','ref':1}",
  'arrays nested 10,000 deep': () => '['.repeat(10_000),
  'objects nested 10,000 deep': () => '{"a":'.repeat(10_000),
  '1 M declared commas, as far as a frame holds': () => `[${'0,'.repeat(32_000)}0]`,
  '257 operations': () => `[${Array.from({ length: 257 }, () => '{"op":"ping","ref":1}').join(',')}]`,
  '2^53 + 1': () => '{"op":"ping","ref":9007199254740993}',
  '1e400': () => '{"op":"ping","ref":1e400}',
  'a number of 10,000 digits': () => `{"op":"ping","ref":${'9'.repeat(10_000)}}`,
  'not a number': () => '{"op":"ping","ref":NaN}',
  'a byte order mark': () => '\ufeff{"op":"ping","ref":1}',
  '64 KiB and a byte': () => {
    const frame = '{"op":"ping","ref":1}';
    return frame + ' '.repeat(wireLimits.frameBytesMax + 1 - frame.length);
  },
};

/** Every frame on a socket of its own. */
export function badFrameCases(): Case[] {
  return [
    ...Object.entries(msgpackFrames).map(([name, make]) => badFrame('msgpack', name, make)),
    ...Object.entries(jsonFrames).map(([name, make]) => badFrame('json', name, make)),
  ];
}

function badFrame(codec: Codec, name: string, make: (conv: string) => Buffer | string): Case {
  return { name: `${codec}, ${name}`, run: (scene) => refusedWithItsSocket(scene, codec, make(scene.room)) };
}

async function refusedWithItsSocket(
  scene: Scene,
  codec: Codec,
  frame: Buffer | string,
): Promise<string | undefined> {
  const socket = await open(scene, scene.alice, codec);
  const refused = socket.until((message) => ('err' in message ? message : undefined), 3_000);
  refused.catch(() => {});
  socket.postFrame(frame);
  const error: WireError | undefined = await refused.catch(() => undefined);
  if (error?.code !== 'bad_frame') {
    socket.close();
    return `was told ${JSON.stringify(error)}`;
  }
  const { code } = await socket.closed;
  if (error.err !== null) return `the error is about ref ${error.err}`;
  return code === 4500 ? undefined : `closed with ${code}`;
}

/** Every beginning of a frame is not a frame. */
export function truncatedCases(short: boolean): Case[] {
  const length = validSend('00000000-0000-7000-8000-000000000000').length;
  const step = short ? 12 : 1;
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => ({
    name: `the first ${index * step} bytes of a send`,
    run: (scene) => refusedWithItsSocket(scene, 'msgpack', validSend(scene.room).subarray(0, index * step)),
  }));
}

/** Far beyond the limit the frame is not even read: the connection ends. */
export const hugeFrame: Case = {
  name: 'a frame of 1 MB',
  async run(scene) {
    const socket = await open(scene, scene.alice);
    socket.postFrame(Buffer.alloc(1024 * 1024, 0xc0));
    const { code } = await socket.closed;
    return code >= 1000 ? undefined : `closed with ${code}`;
  },
};

/** What is exactly as large as allowed is taken. */
export const largestFrame: Case = {
  name: 'a frame of exactly 64 KiB',
  async run(scene) {
    const socket = await open(scene, scene.alice);
    const before = await headOf(socket, scene.room);
    const make = (last: number) =>
      encodeOperations(
        'msgpack',
        [30_000, 30_000, last].map((length, index) => ({
          op: 'send',
          ref: 100 + index,
          id: uuidv7(),
          conv: scene.room,
          text: 'x'.repeat(length),
        })),
      );
    const frame = make(1_000 + wireLimits.frameBytesMax - make(1_000).length);
    const answers = Promise.all([100, 101, 102].map((ref) => socket.answerOf(ref)));
    socket.postFrame(frame as Uint8Array);
    const refused = (await answers).find((answer) => 'err' in answer);
    const head = await headOf(socket, scene.room);
    socket.close();
    if (frame.length !== wireLimits.frameBytesMax) return `the frame has ${frame.length} bytes`;
    if (refused !== undefined) return `was told ${JSON.stringify(refused)}`;
    return head === before + 3 ? undefined : `the head went from ${before} to ${head}`;
  },
};
