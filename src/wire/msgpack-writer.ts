/**
 * Writes msgpack in its shortest form, integers always as integers. Frames are written one behind the other into
 * slabs: what `take` returns is a view that stays as it is, and its slab lives as long as any of its frames.
 */

const slabBytes = 64 * 1024;
const encoder = new TextEncoder();
/** Longer strings are left to TextEncoder; for shorter ones its call costs more than the loop. */
const loopCharsMax = 200;

let slab = new Uint8Array(slabBytes);
let view = new DataView(slab.buffer);
/** The frame under way: where it began and where the next byte goes. One at a time, and nothing awaits inside. */
let start = 0;
let position = 0;

/** Begins a frame; what was left of one that threw is forgotten. */
export function begin(): void {
  position = start;
}

/** Ends the frame and returns it. */
export function take(): Uint8Array {
  const frame = slab.subarray(start, position);
  start = position;
  return frame;
}

/** Room for the longest header of an array of at most 65,535 items. */
const arrayHeaderBytes = 3;

/** Begins a frame that will be an array, if it comes to more than one item. */
export function beginArray(): void {
  begin();
  reserve(arrayHeaderBytes);
  position += arrayHeaderBytes;
}

/** Bytes written to the frame under way. */
export function written(): number {
  return position - start;
}

/** Takes back what was written beyond so many bytes. */
export function rewind(bytes: number): void {
  position = start + bytes;
}

/** Ends a frame that was begun as an array: one item stands by itself. */
export function takeArray(items: number): Uint8Array {
  const end = position;
  position = start + arrayHeaderBytes - (items === 1 ? 0 : items < 16 ? 1 : arrayHeaderBytes);
  const from = position;
  if (items !== 1) writeArrayHeader(items);
  start = end;
  position = end;
  return slab.subarray(from, end);
}

/** Makes room for so many bytes; moves the frame under way to a new slab when there is none. */
function reserve(bytes: number): void {
  if (position + bytes <= slab.length) return;
  const written = position - start;
  const next = new Uint8Array(Math.max(slabBytes, (written + bytes) * 2));
  next.set(slab.subarray(start, position));
  slab = next;
  view = new DataView(slab.buffer);
  start = 0;
  position = written;
}

export function writeNil(): void {
  reserve(1);
  slab[position++] = 0xc0;
}

export function writeBoolean(value: boolean): void {
  reserve(1);
  slab[position++] = value ? 0xc3 : 0xc2;
}

/** The header of an array of so many items. */
export function writeArrayHeader(length: number): void {
  reserve(5);
  if (length < 16) slab[position++] = 0x90 | length;
  else writeLength(length, 0xdc - 1);
}

function writeMapHeader(length: number): void {
  reserve(5);
  if (length < 16) slab[position++] = 0x80 | length;
  else writeLength(length, 0xde - 1);
}

/** A length after a header of its width: `base` for 8 bits, the next for 16, then 32. Containers have no 8 bits. */
function writeLength(length: number, base: number): void {
  if (length < 0x100 && base === 0xd9) {
    slab[position] = base;
    slab[position + 1] = length;
    position += 2;
  } else if (length < 0x10000) {
    slab[position] = base + 1;
    view.setUint16(position + 1, length);
    position += 3;
  } else {
    slab[position] = base + 2;
    view.setUint32(position + 1, length);
    position += 5;
  }
}

/** An integer within ±(2^53 − 1) as an integer, any other number as a 64-bit float; NaN and infinities as nil. */
export function writeNumber(value: number): void {
  if (!Number.isFinite(value)) return writeNil();
  reserve(9);
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    slab[position] = 0xcb;
    view.setFloat64(position + 1, value);
    position += 9;
  } else if (value >= 0) writeUnsigned(value);
  else writeNegative(value);
}

function writeUnsigned(value: number): void {
  if (value < 0x80) slab[position++] = value;
  else if (value < 0x100) {
    slab[position] = 0xcc;
    slab[position + 1] = value;
    position += 2;
  } else if (value < 0x10000) {
    slab[position] = 0xcd;
    view.setUint16(position + 1, value);
    position += 3;
  } else if (value < 0x1_0000_0000) {
    slab[position] = 0xce;
    view.setUint32(position + 1, value);
    position += 5;
  } else {
    slab[position] = 0xcf;
    view.setUint32(position + 1, Math.floor(value / 0x1_0000_0000));
    view.setUint32(position + 5, value % 0x1_0000_0000);
    position += 9;
  }
}

function writeNegative(value: number): void {
  if (value >= -0x20) slab[position++] = value + 0x100;
  else if (value >= -0x80) {
    slab[position] = 0xd0;
    view.setInt8(position + 1, value);
    position += 2;
  } else if (value >= -0x8000) {
    slab[position] = 0xd1;
    view.setInt16(position + 1, value);
    position += 3;
  } else if (value >= -0x8000_0000) {
    slab[position] = 0xd2;
    view.setInt32(position + 1, value);
    position += 5;
  } else {
    slab[position] = 0xd3;
    view.setInt32(position + 1, Math.floor(value / 0x1_0000_0000));
    view.setUint32(position + 5, value - Math.floor(value / 0x1_0000_0000) * 0x1_0000_0000);
    position += 9;
  }
}

/** A string as UTF-8; lone surrogates, which UTF-8 cannot carry, become U+FFFD: check before. */
export function writeString(text: string): void {
  const { length } = text;
  reserve(5 + length * 3);
  if (length <= loopCharsMax) {
    // Nearly all are ASCII: written at once, and again in the rare other case.
    const before = position;
    writeStringHeader(length);
    let at = position;
    let index = 0;
    for (; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) break;
      slab[at++] = unit;
    }
    if (index === length) {
      position = at;
      return;
    }
    position = before;
  }
  // The text goes where it will stand behind the longest header it may need, and back by what was too much.
  const headerMax = length * 3 < 32 ? 1 : length * 3 < 0x100 ? 2 : length * 3 < 0x10000 ? 3 : 5;
  const textStart = position + headerMax;
  const { written } = encoder.encodeInto(text, slab.subarray(textStart));
  writeStringHeader(written);
  if (position !== textStart) slab.copyWithin(position, textStart, textStart + written);
  position += written;
}

function writeStringHeader(bytes: number): void {
  if (bytes < 32) slab[position++] = 0xa0 | bytes;
  else writeLength(bytes, 0xd9);
}

/** What was written before, as it is. */
export function writeEncoded(bytes: Uint8Array): void {
  reserve(bytes.length);
  slab.set(bytes, position);
  position += bytes.length;
}

/** Anything JSON can say; undefined is nil in an array and left out of an object. Throws on anything else. */
export function writeValue(value: unknown): void {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return writeBoolean(value);
    case 'undefined':
      return writeNil();
    case 'object':
      if (value === null) return writeNil();
      if (Array.isArray(value)) {
        writeArrayHeader(value.length);
        for (const item of value) writeValue(item);
        return;
      }
      return writeObject(value);
    default:
      throw new TypeError(`a ${typeof value} cannot be sent`);
  }
}

function writeObject(object: object): void {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  writeMapHeader(entries.length);
  for (const [key, value] of entries) {
    writeString(key);
    writeValue(value);
  }
}
