/**
 * Finds its way through JSON as `JSON.stringify` writes it (no spaces) without making values of it. Positions are places
 * in the bytes it is given.
 */
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const open = 0x7b;
const close = 0x7d;
const openList = 0x5b;
const closeList = 0x5d;

/** Keys of up to four characters as one number, by which fields are told apart. */
export function keyOf(name: string): number {
  let key = 0;
  for (let index = 0; index < name.length; index++) key = (key << 8) | name.charCodeAt(index);
  return key;
}

/** Where the string whose opening quote is at `at` ends: behind its closing quote. */
export function skipString(bytes: Uint8Array, at: number): number {
  let next = at + 1;
  for (;;) {
    const byte = bytes[next];
    if (byte === quote) return next + 1;
    if (byte === undefined) throw new Error('The server sent a JSON string without an end.');
    next += byte === backslash ? 2 : 1;
  }
}

/** Where the value at `at` ends. */
export function skipValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first === quote) return skipString(bytes, at);
  let next = at;
  if (first !== open && first !== openList) {
    while (!isEnd(bytes[next])) next++;
    return next;
  }
  let depth = 0;
  do {
    const byte = bytes[next];
    if (byte === undefined) throw new Error('The server sent a JSON frame without an end.');
    if (byte === quote) {
      next = skipString(bytes, next);
      continue;
    }
    if (byte === open || byte === openList) depth++;
    else if (byte === close || byte === closeList) depth--;
    next++;
  } while (depth > 0);
  return next;
}

function isEnd(byte: number | undefined): boolean {
  return byte === comma || byte === close || byte === closeList || byte === undefined;
}

/**
 * Calls `field` for each field of the object at `at` whose key has at most four characters, with where its value begins;
 * `field` answers where the value ends if it knows, else −1. @returns where the object ends
 */
export function eachField(
  bytes: Uint8Array,
  at: number,
  field: (bytes: Uint8Array, key: number, value: number) => number,
): number {
  let next = at + 1;
  while (bytes[next] !== close) {
    if (bytes[next] === comma) next++;
    if (bytes[next] !== quote) throw new Error('The server sent what is no JSON object.');
    let key = 0;
    let character = next + 1;
    for (; bytes[character] !== quote; character++) key = (key << 8) | (bytes[character] as number);
    const value = character + 2;
    const isShort = character - next <= 5;
    const end = isShort ? field(bytes, key, value) : -1;
    next = end < 0 ? skipValue(bytes, value) : end;
  }
  return next + 1;
}

/** The unsigned integer at `at`; −1 when something else is there. */
export function integerAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  let next = at;
  for (;;) {
    const digit = (bytes[next] as number) - 0x30;
    // Also what is undefined is no digit.
    if (!(digit >= 0 && digit <= 9)) return next === at ? -1 : value;
    value = value * 10 + digit;
    next++;
  }
}

/** The string at `at`, decoded. */
export function stringAt(bytes: Uint8Array, at: number): string {
  return JSON.parse(Buffer.from(bytes.subarray(at, skipString(bytes, at))).toString()) as string;
}
