/**
 * Reads msgpack that scanMsgpack has let through: complete, shallow, valid UTF-8, no extension types. So nothing
 * here can run past the end, and recursion is as deep as the bounds allow.
 *
 * Own code and not a library, since a text must come out byte for byte as it went in (those tried drop a byte order
 * mark or replace what they cannot read), and since nothing may point into the frame afterwards: uWebSockets.js
 * takes its memory back.
 */

/** Keeps a leading byte order mark: it is part of what somebody wrote. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Node copies short strings faster than TextDecoder does; browsers have no Buffer. Both work on any Uint8Array. */
const slices =
  typeof Buffer === 'undefined'
    ? undefined
    : { utf8: Buffer.prototype.utf8Slice, latin1: Buffer.prototype.latin1Slice };

/** Where the bytes of a float are put, so that no DataView is made for each frame. */
const floats = new DataView(new ArrayBuffer(8));

export class MsgpackReader {
  position = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The next byte without taking it. */
  peek(): number {
    return this.bytes[this.position] as number;
  }

  /** Takes the header of an array and returns its length; −1 and nothing taken when it is something else. */
  arrayLength(): number {
    const header = this.peek();
    if ((header & 0xf0) === 0x90) {
      this.position += 1;
      return header & 0x0f;
    }
    if (header !== 0xdc && header !== 0xdd) return -1;
    this.position += 1;
    return this.unsigned(header === 0xdc ? 2 : 4);
  }

  /** The next value: null, boolean, number, string, Uint8Array (a copy), array or plain object. */
  value(): unknown {
    const header = this.peek();
    if (header < 0x80) {
      this.position += 1;
      return header;
    }
    if (header >= 0xe0) {
      this.position += 1;
      return header - 0x100;
    }
    if (header < 0xa0 || header >= 0xdc) return header < 0x90 || header >= 0xde ? this.map() : this.array();
    if (header < 0xc0 || header >= 0xd9) return this.string();
    this.position += 1;
    if (header <= 0xc3) return header === 0xc0 ? null : header === 0xc3;
    if (header <= 0xc6) return this.binary(1 << (header - 0xc4));
    return this.number(header);
  }

  private array(): unknown[] {
    const length = this.arrayLength();
    const array: unknown[] = [];
    for (let index = 0; index < length; index++) array.push(this.value());
    return array;
  }

  /** `__proto__` is left out: it is the one key that would not become a field. */
  private map(): Record<string, unknown> {
    const header = this.peek();
    this.position += 1;
    const length = header < 0x90 ? header & 0x0f : this.unsigned(header === 0xde ? 2 : 4);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.string();
      const value = this.value();
      if (key !== '__proto__') map[key] = value;
    }
    return map;
  }

  /** A string, header included. */
  string(): string {
    const header = this.peek();
    this.position += 1;
    const length = header < 0xc0 ? header & 0x1f : this.unsigned(1 << (header - 0xd9));
    const start = this.position;
    this.position += length;
    return this.text(start, this.position);
  }

  /** These bytes as text. */
  text(start: number, end: number): string {
    if (slices !== undefined) return slices.utf8.call(this.bytes, start, end);
    return decoder.decode(this.bytes.subarray(start, end));
  }

  /** These bytes as text, which the caller has seen to be ASCII. */
  ascii(start: number, end: number): string {
    return slices === undefined ? this.text(start, end) : slices.latin1.call(this.bytes, start, end);
  }

  private binary(width: number): Uint8Array {
    const length = this.unsigned(width);
    const start = this.position;
    this.position += length;
    return new Uint8Array(this.bytes.subarray(start, this.position));
  }

  /** Takes an unsigned integer of 1, 2 or 4 bytes. */
  unsigned(width: number): number {
    let value = 0;
    for (let count = 0; count < width; count++) value = value * 256 + this.byte();
    return value;
  }

  private byte(): number {
    return this.bytes[this.position++] as number;
  }

  /** Floats and integers with a header of their own. The 64-bit ones were seen to be within ±(2^53 − 1). */
  private number(header: number): number {
    switch (header) {
      case 0xca:
        return this.float(4).getFloat32(0);
      case 0xcb:
        return this.float(8).getFloat64(0);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.unsigned(1 << (header - 0xcc));
      case 0xcf:
        return this.unsigned(4) * 0x1_0000_0000 + this.unsigned(4);
      case 0xd0:
        return (this.byte() << 24) >> 24;
      case 0xd1:
        return (this.unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.unsigned(4) | 0;
      case 0xd3:
        return (this.unsigned(4) | 0) * 0x1_0000_0000 + this.unsigned(4);
      default:
        throw new Error(`msgpack header ${header} was not scanned`);
    }
  }

  private float(width: number): DataView {
    for (let index = 0; index < width; index++) floats.setUint8(index, this.byte());
    return floats;
  }
}
