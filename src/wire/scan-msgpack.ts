/**
 * The bounded scan of msgpack bytes before any decoder sees them (W2). It walks the headers with a fixed stack:
 * no recursion, no allocation, and a declared count costs nothing until its items are really there.
 */
import { afterCharacter } from './utf8.js';

/** What a frame may be at most. `depth` counts containers inside each other; the fixed stack holds 32. */
export interface FrameBounds {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly itemsMax: number;
}

export const depthLimit = 32;

export const scanReasons = {
  size: 'the frame is too large',
  truncated: 'the frame ends in the middle of a value',
  trailing: 'the frame has bytes after its end',
  depth: 'the frame is nested too deep',
  items: 'a container has too many items',
  extension: 'msgpack extension types are not allowed',
  unused: 'the frame has a byte that msgpack does not use',
  number: 'a number is beyond ±(2^53 − 1)',
  key: 'a map key is not a string',
  utf8: 'a string is not valid UTF-8',
} as const;

export type ScanReason = (typeof scanReasons)[keyof typeof scanReasons];

const remaining = new Int32Array(depthLimit);
const inMaps = new Uint8Array(depthLimit);

/** Bytes after the header byte of the types whose size is fixed, by header byte; 255: not such a type. */
const fixedSize = new Uint8Array(256).fill(255);
fixedSize.fill(0, 0x00, 0x80);
fixedSize.fill(0, 0xe0, 0x100);
fixedSize.set([0], 0xc0);
fixedSize.set([0, 0], 0xc2);
fixedSize.set([4, 8, 1, 2, 4, 8, 1, 2, 4, 8], 0xca);

/**
 * Returns undefined when the bytes are exactly one msgpack value within the bounds, else the reason as half a
 * sentence. Takes about a nanosecond a byte.
 */
export function scanMsgpack(bytes: Uint8Array, bounds: FrameBounds): ScanReason | undefined {
  const end = bytes.length;
  if (end > bounds.bytesMax) return scanReasons.size;
  let position = 0;
  let depth = 0;
  let pending = 1;
  let inMap = 0;
  for (;;) {
    while (pending === 0) {
      if (depth === 0) return position === end ? undefined : scanReasons.trailing;
      depth--;
      pending = remaining[depth] as number;
      inMap = inMaps[depth] as number;
    }
    pending--;
    if (position >= end) return scanReasons.truncated;
    const header = bytes[position++] as number;
    // Keys and values count one each, so an odd rest after taking one means that it was a key.
    if (inMap === 1 && (pending & 1) === 1 && !isString(header)) return scanReasons.key;

    const size = fixedSize[header] as number;
    if (size !== 255) {
      if (size > 0) {
        if (position + size > end) return scanReasons.truncated;
        if (size >= 4 && isBeyond(bytes, header, position)) return scanReasons.number;
        position += size;
      }
      continue;
    }
    if (isContainer(header)) {
      const map = header < 0x90 || header >= 0xde;
      let count = header & 0x0f;
      if (header >= 0xdc) {
        const width = (header & 1) === 0 ? 2 : 4;
        if (position + width > end) return scanReasons.truncated;
        count = unsigned(bytes, position, width);
        position += width;
      }
      if (count > bounds.itemsMax) return scanReasons.items;
      if (depth >= bounds.depthMax) return scanReasons.depth;
      remaining[depth] = pending;
      inMaps[depth] = inMap;
      depth++;
      pending = map ? count * 2 : count;
      inMap = map ? 1 : 0;
      continue;
    }
    let length = header & 0x1f;
    if (header >= 0xc0) {
      const width = lengthWidth(header);
      if (width === 0) return header === 0xc1 ? scanReasons.unused : scanReasons.extension;
      if (position + width > end) return scanReasons.truncated;
      length = unsigned(bytes, position, width);
      position += width;
    }
    const stop = position + length;
    if (stop > end) return scanReasons.truncated;
    if (isString(header)) {
      while (position < stop) {
        if ((bytes[position] as number) < 0x80) position++;
        else {
          position = afterCharacter(bytes, position, stop);
          if (position < 0) return scanReasons.utf8;
        }
      }
    }
    position = stop;
  }
}

function isString(header: number): boolean {
  return (header >= 0xa0 && header <= 0xbf) || (header >= 0xd9 && header <= 0xdb);
}

/** fixmap, fixarray, array 16 and 32, map 16 and 32 */
function isContainer(header: number): boolean {
  return header < 0xa0 || (header >= 0xdc && header <= 0xdf);
}

/** How many bytes the length of a string or binary takes; 0 for what is neither. */
function lengthWidth(header: number): number {
  if (header >= 0xd9) return 1 << (header - 0xd9);
  if (header >= 0xc4 && header <= 0xc6) return 1 << (header - 0xc4);
  return 0;
}

function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index++) value = value * 256 + (bytes[index] as number);
  return value;
}

/** Is this float or 64-bit integer NaN, infinite or beyond ±(2^53 − 1)? Decided by its first bits. */
function isBeyond(bytes: Uint8Array, header: number, at: number): boolean {
  const first = bytes[at] as number;
  const second = bytes[at + 1] as number;
  if (header === 0xca) return (((first & 0x7f) << 1) | (second >> 7)) >= 127 + 53;
  if (header === 0xcb) return (((first & 0x7f) << 4) | (second >> 4)) >= 1023 + 53;
  if (header === 0xcf || (header === 0xd3 && first < 0x80)) return first !== 0 || second > 0x1f;
  if (header !== 0xd3) return false;
  if (first !== 0xff || second < 0xe0) return true;
  // −2^53 itself is the only one left that is too small.
  return second === 0xe0 && unsigned(bytes, at + 2, 6) === 0;
}
