/**
 * The bounded scan of JSON text, as UTF-8, before JSON.parse sees it (W2). It counts brackets, commas and digits and
 * leaves the grammar to JSON.parse: what it lets through is small and shallow, not yet right.
 */
import { depthLimit, type FrameBounds, type ScanReason, scanReasons } from './scan-msgpack.js';
import { afterCharacter } from './utf8.js';

const commas = new Int32Array(depthLimit);

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;
const backslash = 0x5c;

/** Returns undefined when the bytes keep the bounds, else the reason as half a sentence. */
export function scanJson(bytes: Uint8Array, bounds: FrameBounds): ScanReason | undefined {
  const end = bytes.length;
  if (end > bounds.bytesMax) return scanReasons.size;
  let position = 0;
  let depth = 0;
  while (position < end) {
    const byte = bytes[position] as number;
    if (byte === quote) {
      position = afterString(bytes, position + 1, end);
      if (position < 0) return position === -1 ? scanReasons.truncated : scanReasons.utf8;
    } else if (byte === comma) {
      // n commas stand between n + 1 items.
      if (depth > 0) {
        const count = (commas[depth - 1] as number) + 1;
        if (count >= bounds.itemsMax) return scanReasons.items;
        commas[depth - 1] = count;
      }
      position++;
    } else if (byte === minus || (byte >= zero && byte <= nine)) {
      const stop = afterNumber(bytes, position, end);
      if (isBeyond(bytes, position, stop)) return scanReasons.number;
      position = stop;
    } else {
      if (byte === 0x5b || byte === 0x7b) {
        if (depth >= bounds.depthMax) return scanReasons.depth;
        commas[depth++] = 0;
      } else if ((byte === 0x5d || byte === 0x7d) && depth > 0) depth--;
      position++;
    }
  }
  return depth > 0 ? scanReasons.truncated : undefined;
}

/** The index after the closing quote; −1 when there is none, −2 when the text is not UTF-8. */
function afterString(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  while (position < end) {
    const byte = bytes[position] as number;
    if (byte === quote) return position + 1;
    if (byte === backslash) position += 2;
    else if (byte < 0x80) position++;
    else {
      position = afterCharacter(bytes, position, end);
      if (position < 0) return -2;
    }
  }
  return -1;
}

/** The index after the last character that can belong to a number. */
function afterNumber(bytes: Uint8Array, start: number, end: number): number {
  let position = start + 1;
  while (position < end) {
    const byte = bytes[position] as number;
    const inNumber = (byte >= zero && byte <= nine) || byte === 0x2e || byte === 0x2b || byte === minus;
    if (!inNumber && (byte | 0x20) !== 0x65) break;
    position++;
  }
  return position;
}

/** No number that is meant needs more characters; a longer one would be costly to convert. */
const numberCharsMax = 64;

function isBeyond(bytes: Uint8Array, start: number, stop: number): boolean {
  if (stop - start > numberCharsMax) return true;
  let plain = true;
  let value = 0;
  for (let index = start; index < stop; index++) {
    const byte = bytes[index] as number;
    if (byte >= zero && byte <= nine) value = value * 10 + (byte - zero);
    else if (index > start || byte !== minus) plain = false;
  }
  if (plain) return value > Number.MAX_SAFE_INTEGER;
  // Rare: a fraction or an exponent. What is NaN here is no number at all, and JSON.parse will refuse it.
  return Math.abs(Number(String.fromCharCode(...bytes.subarray(start, stop)))) > Number.MAX_SAFE_INTEGER;
}
