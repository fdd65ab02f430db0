/** Finds its way through msgpack without making values of it. Positions are places in the bytes it is given. */

/** Bytes of a value by its first byte; 0: it says its length, or holds others. */
const sizes = new Uint8Array(256);
sizes.fill(1, 0x00, 0x80);
sizes.fill(1, 0xe0, 0x100);
for (let length = 0; length < 32; length++) sizes[0xa0 + length] = 1 + length;
sizes.set([1], 0xc0);
sizes.set([1, 1], 0xc2);
sizes.set([5, 9, 2, 3, 5, 9, 2, 3, 5, 9], 0xca);

/** Where the value at `at` ends. @throws Error at what nubo never sends */
export function skip(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const size = sizes[first] as number;
  if (size > 0) return at + size;
  if (first === 0xd9) return at + 2 + (bytes[at + 1] as number);
  if (first === 0xda) return at + 3 + unsigned(bytes, at + 1, 2);
  if (first === 0xdb) return at + 5 + unsigned(bytes, at + 1, 4);
  if (first >= 0x90 && first <= 0x9f) return skipMany(bytes, at + 1, first & 15);
  if (first >= 0x80 && first <= 0x8f) return skipMany(bytes, at + 1, 2 * (first & 15));
  if (first === 0xdc) return skipMany(bytes, at + 3, unsigned(bytes, at + 1, 2));
  if (first === 0xdd) return skipMany(bytes, at + 5, unsigned(bytes, at + 1, 4));
  if (first === 0xde) return skipMany(bytes, at + 3, 2 * unsigned(bytes, at + 1, 2));
  throw new Error(`The server sent msgpack with 0x${first.toString(16)}.`);
}

function skipMany(bytes: Uint8Array, from: number, count: number): number {
  let at = from;
  for (let index = 0; index < count; index++) at = skip(bytes, at);
  return at;
}

/** The unsigned integer at `at`; −1 when something else is there. */
export function integerAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return first;
  if (first < 0xcc || first > 0xcf) return -1;
  return unsigned(bytes, at + 1, 1 << (first - 0xcc));
}

function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index++) value = value * 256 + (bytes[index] as number);
  return value;
}

/** Where the characters of the string at `at` begin. */
export function charactersAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0xd9) return at + 1;
  return at + (first === 0xd9 ? 2 : first === 0xda ? 3 : 5);
}
