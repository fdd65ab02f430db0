/**
 * The bytes of an ordinary message of text, written and read without a library and without anything in between: nearly
 * all elements are of this kind, a page is fifty of them, and a step brings hundreds. They are bytes that codec.ts reads
 * and could have written; whatever is not exactly of this kind is left to it.
 */
import { isUtf8 } from 'node:buffer';
import type { ElementFields } from '../../entities/entity.js';
import type { LogEvent } from '../../wire/events.js';

/** Of a UUID as text, with its header: a string of 36 bytes. */
const idBytes = 38;
const idHeader = [0xd9, 36] as const;
const idStart = String.fromCharCode(...idHeader);
/** Version, the header of an array of eleven, the header of the shape's hash, and the hash. */
const startBytes = 14;
const arrayHeader = 0x9b;
const hashHeader = 0xce;
/** Hashes below are written in fewer bytes. */
const hashMin = 2 ** 16;
/** `message.new` and `text`, with their headers, as latin1. */
const kind = '\xabmessage.new\xa4text';
const nil = 0xc0;
const float64 = 0xcb;
/** What all but the text takes at most: three ids, kind, nil, three numbers, and the header of the text. */
const fixedBytes = startBytes + 3 * idBytes + kind.length + 1 + 3 * 9 + 5;

/**
 * Writes it, but for its version.
 *
 * @param hash of the shape
 * @returns undefined when it is of another kind
 */
export function encodePlainMessage(fields: ElementFields, hash: number): Buffer | undefined {
  const { id, conversation, sender, seq, number, content, createdAt } = fields;
  const isPlain =
    fields.event === 'message.new' &&
    fields.type === 'text' &&
    (fields.details === null || fields.details === undefined) &&
    typeof content === 'string' &&
    hash >= hashMin;
  if (!isPlain) return undefined;
  const bytes = Buffer.allocUnsafe(fixedBytes + content.length * 3);
  bytes[8] = arrayHeader;
  bytes[9] = hashHeader;
  bytes.writeUInt32BE(hash, 10);
  let at = startBytes;
  for (const text of [id, conversation, sender]) {
    if (typeof text !== 'string' || !writeId(bytes, at, text)) return undefined;
    at += idBytes;
  }
  at = writeNumber(bytes, at, seq);
  at = at < 0 ? at : writeNumber(bytes, at, number);
  if (at < 0) return undefined;
  at += bytes.write(kind, at, 'latin1');
  at = writeText(bytes, at, content);
  bytes[at] = nil;
  at = writeNumber(bytes, at + 1, createdAt);
  return at < 0 ? undefined : bytes.subarray(0, at);
}

function writeId(bytes: Buffer, start: number, text: string): boolean {
  if (text.length !== 36) return false;
  bytes[start] = idHeader[0];
  bytes[start + 1] = idHeader[1];
  let all = 0;
  for (let index = 0; index < 36; index += 1) {
    const code = text.charCodeAt(index);
    all |= code;
    bytes[start + 2 + index] = code;
  }
  return all < 0x80;
}

/** @returns where it ends, or −1 when it is no whole number from 0 to 2^53 − 1 */
function writeNumber(bytes: Buffer, at: number, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return -1;
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x1_0000_0000) {
    bytes[at] = 0xce;
    return bytes.writeUInt32BE(value, at + 1);
  }
  bytes[at] = float64;
  return bytes.writeDoubleBE(value, at + 1);
}

/** The header has room for the most that it can take, which is not always the shortest. */
function writeText(bytes: Buffer, at: number, text: string): number {
  const most = text.length * 3;
  const header = most < 0x100 ? 2 : most < 0x1_0000 ? 3 : 5;
  const length = bytes.write(text, at + header, most, 'utf8');
  bytes[at] = header === 2 ? 0xd9 : header === 3 ? 0xda : 0xdb;
  if (header === 2) bytes[at + 1] = length;
  else if (header === 3) bytes.writeUInt16BE(length, at + 1);
  else bytes.writeUInt32BE(length, at + 1);
  return at + header + length;
}

/** Where the number that was read last ends. */
let end = 0;

/**
 * Reads it, if it is the message of this place and nothing about it is unusual; its version is not looked at.
 *
 * @param hash of the shape
 * @returns undefined: it is for whoever looks closer
 */
export function decodePlainMessage(
  { conv, seq }: { conv: string; seq: number },
  value: Buffer,
  hash: number,
): LogEvent<'message.new'> | undefined {
  if (value.length < startBytes + 3 * idBytes || value[8] !== arrayHeader || value[9] !== hashHeader) return;
  if (value.readUInt32BE(10) !== hash) return;
  // All of it once, and parts of that: every look into the bytes from outside has its price.
  const all = value.toString('latin1');
  const [idAt, convAt, fromAt] = [startBytes, startBytes + idBytes, startBytes + 2 * idBytes];
  if (!isId(value, idAt) || !isId(value, fromAt)) return;
  if (!all.startsWith(idStart + conv, convAt) || conv.length !== 36) return;
  if (readNumber(value, startBytes + 3 * idBytes) !== seq) return;
  const number = readNumber(value, end);
  const textHeaderAt = end + kind.length;
  if (number < 0 || !all.startsWith(kind, end)) return;
  const length = readTextLength(value, textHeaderAt);
  const textAt = end;
  if (length < 0 || value[textAt + length] !== nil) return;
  const at = readNumber(value, textAt + length + 1);
  if (at < 0 || end !== value.length) return;
  const text = isAscii(value, textAt, length)
    ? all.slice(textAt, textAt + length)
    : utf8Of(value, textAt, length);
  if (text === undefined) return;
  const id = all.slice(idAt + 2, idAt + idBytes);
  const from = all.slice(fromAt + 2, fromAt + idBytes);
  return { ev: 'message.new', conv, seq, number, id, from, at, text };
}

function isId(value: Buffer, at: number): boolean {
  return value[at] === idHeader[0] && value[at + 1] === idHeader[1] && isAscii(value, at + 2, 36);
}

function isAscii(value: Buffer, start: number, length: number): boolean {
  let all = 0;
  for (let index = start; index < start + length; index += 1) all |= value[index] as number;
  return all < 0x80;
}

function utf8Of(value: Buffer, start: number, length: number): string | undefined {
  return isUtf8(value.subarray(start, start + length))
    ? value.toString('utf8', start, start + length)
    : undefined;
}

/** @returns −1 when there is no whole number from 0 to 2^53 − 1; else `end` is where it ends */
function readNumber(value: Buffer, at: number): number {
  const header = value[at] ?? nil;
  if (header < 0x80) {
    end = at + 1;
    return header;
  }
  if (header >= 0xcc && header <= 0xce) {
    const width = 1 << (header - 0xcc);
    end = at + 1 + width;
    return end <= value.length ? value.readUIntBE(at + 1, width) : -1;
  }
  end = at + 9;
  if (header !== float64 || end > value.length) return -1;
  const number = value.readDoubleBE(at + 1);
  return Number.isSafeInteger(number) && number >= 0 ? number : -1;
}

/** @returns −1 when there is no string that ends within the value; else `end` is where its bytes begin */
function readTextLength(value: Buffer, at: number): number {
  const header = value[at] ?? nil;
  let length = -1;
  if (header >= 0xa0 && header <= 0xbf) {
    length = header & 0x1f;
    end = at + 1;
  } else if (header >= 0xd9 && header <= 0xdb) {
    const width = 1 << (header - 0xd9);
    end = at + 1 + width;
    if (end <= value.length) length = value.readUIntBE(at + 1, width);
  }
  return end + length < value.length ? length : -1;
}
