/**
 * The straight way for the commonest operation: `[5, ref, id, conv, text]` in msgpack, read and checked in one pass
 * over the bytes. It takes only what the schema would take, and gives what the schema would give; whatever looks
 * different in the least is left to the schema (a test holds both to the same answers).
 */
import { wireLimits } from './limits.js';
import type { MsgpackReader } from './msgpack-reader.js';
import { type Operation, operations } from './operations.js';

const idChars = 36;

/** Which bytes may stand where in a UUID: 0 hex digit, 1 dash, 2 version, 3 variant. */
const pattern = Uint8Array.from('xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx', (char) => '-7v'.indexOf(char) + 1);

/** Lower-case hex digits. */
const isHex = new Uint8Array(256);
for (const digit of '0123456789abcdef') isHex[digit.charCodeAt(0)] = 1;

/** Reads it and moves the reader behind it; undefined, and the reader where it was, when it is anything else. */
export function readSend(reader: MsgpackReader): Operation<'send'> | undefined {
  const { bytes, position: start } = reader;
  if (bytes[start] !== 0x95 || bytes[start + 1] !== operations.send.code) return undefined;
  let at = start + 2;

  let ref = bytes[at++] as number;
  if (ref >= 0x80) {
    const width = ref === 0xcc ? 1 : ref === 0xcd ? 2 : ref === 0xce ? 4 : 0;
    if (width === 0) return undefined;
    ref = 0;
    for (const stop = at + width; at < stop; at++) ref = ref * 256 + (bytes[at] as number);
  }

  const id = at + 2;
  if (!isUuidAt(bytes, at, true)) return undefined;
  const conv = id + idChars + 2;
  if (!isUuidAt(bytes, id + idChars, false)) return undefined;

  at = conv + idChars;
  const header = bytes[at] as number;
  let length = header & 0x1f;
  if (header === 0xd9) length = bytes[at + 1] as number;
  else if (header === 0xda) length = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  else if ((header & 0xe0) !== 0xa0) return undefined;
  const textStart = at + (header === 0xd9 ? 2 : header === 0xda ? 3 : 1);
  const textEnd = textStart + length;
  if (length > wireLimits.textBytesMax) return undefined;
  let all = 0;
  for (let index = textStart; index < textEnd; index++) {
    const byte = bytes[index] as number;
    if (byte === 0) return undefined;
    all |= byte;
  }

  reader.position = textEnd;
  return {
    op: 'send',
    ref,
    id: reader.ascii(id, id + idChars),
    conv: reader.ascii(conv, conv + idChars),
    text: all < 0x80 ? reader.ascii(textStart, textEnd) : reader.text(textStart, textEnd),
  };
}

/** Is there a string of 36 bytes (with its header) that is a lower-case UUID, or a UUIDv7? */
function isUuidAt(bytes: Uint8Array, at: number, seventh: boolean): boolean {
  if (bytes[at] !== 0xd9 || bytes[at + 1] !== idChars) return false;
  for (let index = 0; index < idChars; index++) {
    const byte = bytes[at + 2 + index] as number;
    const kind = pattern[index] as number;
    if (kind === 1) {
      if (byte !== 0x2d) return false;
    } else if (isHex[byte] === 0) return false;
    else if (seventh && kind === 2 && byte !== 0x37) return false;
    else if (seventh && kind === 3 && byte !== 0x38 && byte !== 0x39 && byte !== 0x61 && byte !== 0x62)
      return false;
  }
  return true;
}
