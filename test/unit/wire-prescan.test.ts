import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeOperations, encodeOperations } from '#src/wire/codec.js';
import type { Operation } from '#src/wire/operations.js';
import { prescan } from '#src/wire/prescan.js';
import { scanReasons } from '#src/wire/scan-msgpack.js';
import { text } from './wire-arbitraries.js';

const id = '018f4e2a-7b1c-7000-8000-0123456789ab';
const send: Operation = {
  op: 'send',
  ref: 7,
  id,
  conv: id,
  text: 'Grüße',
  metadata: { a: [1.5, null, 'x'] },
};

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (value: string) => new TextEncoder().encode(value);
const asBytes = (frame: string | Uint8Array) => (typeof frame === 'string' ? utf8(frame) : frame);
const packr = new Packr({ useRecords: false });

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function nested(header: number, depth: number): Uint8Array {
  const frame = new Uint8Array(depth + 1).fill(header);
  frame[depth] = 0xc0;
  return frame;
}

describe('the scan of msgpack', () => {
  test('W2 lets every good frame pass and refuses it truncated at any byte', () => {
    const frame = asBytes(encodeOperations('msgpack', [send, { op: 'ping', ref: 70_000 }]));
    expect(prescan('msgpack', frame)).toBeUndefined();
    for (let length = 0; length < frame.length; length++) {
      expect(prescan('msgpack', frame.subarray(0, length))).toBe(scanReasons.truncated);
      expect(decodeOperations('msgpack', frame.subarray(0, length)).kind).toBe('bad');
    }
  });

  test('W2 refuses anything after the end', () => {
    expect(prescan('msgpack', bytes(0x92, 2, 7, 0xc0))).toBe(scanReasons.trailing);
  });

  test('W2 allows a depth of 8 and refuses 9 and 10,000', () => {
    expect(prescan('msgpack', nested(0x91, 8))).toBeUndefined();
    expect(prescan('msgpack', nested(0x91, 9))).toBe(scanReasons.depth);
    expect(prescan('msgpack', nested(0x91, 10_000))).toBe(scanReasons.depth);
    const maps = join(...Array.from({ length: 9 }, () => bytes(0x81, 0xa1, 0x61)), bytes(1));
    expect(prescan('msgpack', maps)).toBe(scanReasons.depth);
  });

  test('W2 refuses the attack of nested array headers, 15 KB and 72 KB, in an instant', () => {
    for (const size of [15_000, 72_000]) {
      const headers = bytes(0xdd, 0xff, 0xff, 0xff, 0xff);
      const attack = join(...Array.from({ length: size / 5 }, () => headers));
      const times = Array.from({ length: 5 }, () => {
        const began = performance.now();
        expect(decodeOperations('msgpack', attack).kind).toBe('bad');
        return performance.now() - began;
      });
      // The quickest: a busy machine does not stop each of them.
      expect(Math.min(...times)).toBeLessThan(20);
      const small = join(...Array.from({ length: size / 3 }, () => bytes(0xdc, 0x01, 0x00)));
      expect(decodeOperations('msgpack', small).kind).toBe('bad');
    }
  });

  test('W2 refuses a million declared elements by their header alone', () => {
    for (const header of [0xdd, 0xdf]) {
      expect(prescan('msgpack', bytes(header, 0x00, 0x0f, 0x42, 0x40))).toBe(scanReasons.items);
    }
  });

  test('W2 allows 256 items in a container and refuses 257', () => {
    const array = (count: number) => join(bytes(0xdc, count >> 8, count & 0xff), new Uint8Array(count));
    expect(prescan('msgpack', array(256))).toBeUndefined();
    expect(prescan('msgpack', array(257))).toBe(scanReasons.items);
    const pairs = (count: number) => {
      const items = Array.from({ length: count }, () => bytes(0xa1, 0x61, 1));
      return join(bytes(0xde, count >> 8, count & 0xff), ...items);
    };
    expect(prescan('msgpack', pairs(256))).toBeUndefined();
    expect(prescan('msgpack', pairs(257))).toBe(scanReasons.items);
  });

  test('W2 refuses every extension type and the unused byte', () => {
    const extensions: Array<[number, number]> = [
      [0xd4, 1],
      [0xd5, 2],
      [0xd6, 4],
      [0xd7, 8],
      [0xd8, 16],
    ];
    for (let type = 0; type < 256; type++) {
      for (const [header, size] of extensions) {
        expect(prescan('msgpack', join(bytes(header, type), new Uint8Array(size)))).toBe(
          scanReasons.extension,
        );
      }
      expect(prescan('msgpack', bytes(0xc7, 1, type, 0))).toBe(scanReasons.extension);
      expect(prescan('msgpack', bytes(0xc8, 0, 1, type, 0))).toBe(scanReasons.extension);
      expect(prescan('msgpack', bytes(0xc9, 0, 0, 0, 1, type, 0))).toBe(scanReasons.extension);
    }
    expect(prescan('msgpack', bytes(0xc1))).toBe(scanReasons.unused);
  });

  test('W2 refuses numbers beyond ±(2^53 − 1), NaN and the infinities, whatever form they have', () => {
    const max = BigInt(Number.MAX_SAFE_INTEGER);
    for (const good of [max, -max]) expect(prescan('msgpack', int64(good))).toBeUndefined();
    for (const wrong of [max + 1n, -max - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(prescan('msgpack', int64(wrong))).toBe(scanReasons.number);
    }
    expect(prescan('msgpack', float64(Number.MAX_SAFE_INTEGER))).toBeUndefined();
    expect(prescan('msgpack', float64(-0.5))).toBeUndefined();
    for (const wrong of [2 ** 53, -(2 ** 53), 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(prescan('msgpack', float64(wrong))).toBe(scanReasons.number);
      expect(prescan('msgpack', float32(wrong))).toBe(scanReasons.number);
    }
    expect(prescan('msgpack', float32(1.5))).toBeUndefined();
    const uint64 = int64(-1n);
    uint64[0] = 0xcf;
    expect(prescan('msgpack', uint64)).toBe(scanReasons.number);
  });

  test('W2 refuses keys that are no strings', () => {
    expect(prescan('msgpack', bytes(0x81, 0xa1, 0x61, 5))).toBeUndefined();
    expect(prescan('msgpack', bytes(0x81, 5, 5))).toBe(scanReasons.key);
    expect(prescan('msgpack', bytes(0x81, 0x91, 0xc0, 5))).toBe(scanReasons.key);
    // After a container as a value comes a key again.
    expect(prescan('msgpack', bytes(0x82, 0xa1, 0x61, 0x91, 1, 0xa1, 0x62, 2))).toBeUndefined();
    expect(prescan('msgpack', bytes(0x82, 0xa1, 0x61, 0x91, 1, 0xc3, 2))).toBe(scanReasons.key);
  });

  test('W2 refuses strings that are not UTF-8 instead of replacing them: surrogates, overlong, cut, beyond', () => {
    const wrong = [
      [0x80],
      [0xc0, 0x80],
      [0xc3],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xff],
    ];
    for (const tail of wrong) {
      expect(prescan('msgpack', bytes(0xa0 + tail.length, ...tail))).toBe(scanReasons.utf8);
      expect(prescan('json', join(bytes(0x22), bytes(...tail), bytes(0x22)))).toBe(scanReasons.utf8);
    }
  });

  test('W2 judges UTF-8 as the platform does', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 31 }), mangled(text)), (content) => {
        let valid = true;
        try {
          decoder.decode(content);
        } catch {
          valid = false;
        }
        const frame = join(bytes(0xda, content.length >> 8, content.length & 0xff), content);
        expect(prescan('msgpack', frame)).toBe(valid ? undefined : scanReasons.utf8);
      }),
      { numRuns: 5000 },
    );
  });

  test('W2 refuses a frame of 64 KiB + 1 and takes one of 64 KiB', () => {
    const full = new Uint8Array(64 * 1024).fill(0x61);
    full.set([0xdb, 0, 0, 0xff, 0xfb]);
    expect(prescan('msgpack', full)).toBeUndefined();
    expect(prescan('msgpack', join(full, bytes(0x61)))).toBe(scanReasons.size);
    expect(prescan('json', utf8(`"${'a'.repeat(64 * 1024 - 2)}"`))).toBeUndefined();
    expect(prescan('json', utf8(`"${'a'.repeat(64 * 1024 - 1)}"`))).toBe(scanReasons.size);
  });

  test('W2 lets whatever another encoder makes of good values pass', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }), (value) => {
        fc.pre(!JSON.stringify(value).match(/\d{16}|e\+/));
        expect(prescan('msgpack', packr.pack(value))).toBeUndefined();
        expect(prescan('json', utf8(JSON.stringify(value)))).toBeUndefined();
      }),
    );
  });
});

describe('the scan of JSON', () => {
  test('W2 refuses good JSON truncated at any byte', () => {
    const frame = asBytes(encodeOperations('json', [send, { op: 'ping', ref: 70_000 }]));
    expect(decodeOperations('json', frame).kind).toBe('operations');
    for (let length = 0; length < frame.length; length++) {
      expect(decodeOperations('json', frame.subarray(0, length)).kind).toBe('bad');
    }
  });

  test('W2 allows a depth of 8 and refuses 9 and 10,000', () => {
    const deep = (depth: number) => utf8('['.repeat(depth) + ']'.repeat(depth));
    expect(prescan('json', deep(8))).toBeUndefined();
    expect(prescan('json', deep(9))).toBe(scanReasons.depth);
    expect(prescan('json', deep(10_000))).toBe(scanReasons.depth);
    expect(prescan('json', utf8('{"a":'.repeat(9)))).toBe(scanReasons.depth);
    expect(prescan('json', utf8('"[[[[[[[[[[[["'))).toBeUndefined();
    expect(prescan('json', utf8('[[],[],[],[],[],[],[],[],[],[]]'))).toBeUndefined();
  });

  test('W2 allows 256 items in a container and refuses 257', () => {
    const array = (count: number) =>
      utf8(
        `[[1,2],${Array(count - 1)
          .fill('"a,b"')
          .join(',')}]`,
      );
    expect(prescan('json', array(256))).toBeUndefined();
    expect(prescan('json', array(257))).toBe(scanReasons.items);
    const object = (count: number) =>
      utf8(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [i, i]))));
    expect(prescan('json', object(256))).toBeUndefined();
    expect(prescan('json', object(257))).toBe(scanReasons.items);
  });

  test('W2 refuses numbers beyond ±(2^53 − 1) in every notation', () => {
    for (const good of ['9007199254740991', '-9007199254740991', '1.5e3', '-0.25', '1E2', '0']) {
      expect(prescan('json', utf8(`[${good}]`))).toBeUndefined();
    }
    const wrong = [
      '9007199254740992',
      '-9007199254740992',
      '18446744073709551616',
      '1e16',
      '1E400',
      '-1e400',
      '9007199254740992.5',
    ];
    for (const number of [...wrong, '9'.repeat(10_000), `0.${'0'.repeat(70)}1`]) {
      expect(prescan('json', utf8(`{"ref":${number}}`))).toBe(scanReasons.number);
    }
    expect(prescan('json', utf8('"99999999999999999999"'))).toBeUndefined();
  });

  test('W2 refuses what is after the end, and what is not JSON at all', () => {
    for (const frame of [
      '{"op":"ping","ref":1}{}',
      '{"op":"ping","ref":1}]',
      '',
      ' ',
      'ping',
      '\ufeff{"op":"ping","ref":1}',
      '{op:1}',
      'NaN',
      "{'a':1}",
      '5',
      'null',
      '"x"',
    ]) {
      expect(decodeOperations('json', utf8(frame)).kind, frame).toBe('bad');
    }
  });
});

test('W2 random bytes never throw and take no time, in either codec', () => {
  const random = fc.uint8Array({ maxLength: 600 });
  // Half of them begin like an array, so that they get past the first byte.
  const arrays = fc
    .tuple(fc.integer({ min: 0x90, max: 0x93 }), fc.uint8Array({ maxLength: 12 }))
    .map(([header, rest]) => join(bytes(header), rest));
  let slow = 0;
  let passed = 0;
  fc.assert(
    fc.property(
      fc.oneof(random, arrays),
      fc.constantFrom('msgpack' as const, 'json' as const),
      (frame, codec) => {
        const began = performance.now();
        const decoded = decodeOperations(codec, frame);
        if (performance.now() - began > 5) slow += 1;
        if (decoded.kind === 'operations') passed += 1;
      },
    ),
    { numRuns: 20_000 },
  );
  expect(passed).toBeGreaterThan(100);
  // Some wait for a garbage collection or another process; a decoder that ran away would be slow time and again.
  expect(slow).toBeLessThan(200);
});

test('W2 good frames with some bytes changed never throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('msgpack' as const, 'json' as const),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      (codec, changes) => {
        const frame = Uint8Array.from(asBytes(encodeOperations(codec, [send, { op: 'ping', ref: 3 }])));
        for (const [at, value] of changes) frame[at % frame.length] = value;
        decodeOperations(codec, frame);
      },
    ),
    { numRuns: 20_000 },
  );
});

function int64(value: bigint): Uint8Array {
  const frame = new DataView(new ArrayBuffer(9));
  frame.setUint8(0, 0xd3);
  frame.setBigInt64(1, value);
  return new Uint8Array(frame.buffer);
}

function float64(value: number): Uint8Array {
  const frame = new DataView(new ArrayBuffer(9));
  frame.setUint8(0, 0xcb);
  frame.setFloat64(1, value);
  return new Uint8Array(frame.buffer);
}

function float32(value: number): Uint8Array {
  const frame = new DataView(new ArrayBuffer(5));
  frame.setUint8(0, 0xca);
  frame.setFloat32(1, value);
  return new Uint8Array(frame.buffer);
}

/** UTF-8 with one byte changed or the end cut. */
function mangled(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(texts, fc.nat(), fc.option(fc.integer({ min: 0, max: 255 }))).map(([value, at, byte]) => {
    const content = utf8(value);
    if (content.length === 0) return content;
    if (byte === null) return content.slice(0, at % (content.length + 1));
    content[at % content.length] = byte;
    return content;
  });
}
