/**
 * The mark: fixed width, ASCII, at the start of each text. It says who sent the text (index of the client in the crowd)
 * and as which of theirs, so that every delivery of any protocol is known again. Hex digits, since these need no
 * escaping in JSON or XML: `00012a 0000000f`.
 */

const senderDigits = 6;
const refDigits = 8;
/** Bytes of a mark, the space in it and the one behind it included. */
export const markBytes = senderDigits + refDigits + 2;

const space = 0x20;
const digits = Buffer.from('0123456789abcdef');
/** Value of a hex digit by its character; 255 for what is none. */
const values = new Uint8Array(256).fill(255);
for (const [value, character] of digits.entries()) values[character] = value;

/** Writes the mark to `bytes` at `at`. */
export function writeMark(bytes: Uint8Array, at: number, sender: number, ref: number): void {
  writeHex(bytes, at, senderDigits, sender);
  bytes[at + senderDigits] = space;
  writeHex(bytes, at + senderDigits + 1, refDigits, ref);
  bytes[at + markBytes - 1] = space;
}

/** Who sent the text that begins in `bytes` at `at`; −1 when no mark is there. */
export function senderOf(bytes: Uint8Array, at: number): number {
  if (at + markBytes > bytes.length || bytes[at + senderDigits] !== space) return -1;
  return readHex(bytes, at, senderDigits);
}

/** As which of the sender's it was sent; −1 when no mark is there. */
export function refOf(bytes: Uint8Array, at: number): number {
  return readHex(bytes, at + senderDigits + 1, refDigits);
}

/** Writes `value` in so many hex digits. */
export function writeHex(bytes: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  for (let index = at + width - 1; index >= at; index--) {
    bytes[index] = digits[rest & 15] as number;
    rest >>>= 4;
  }
}

function readHex(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index++) {
    const digit = values[bytes[index] as number] as number;
    if (digit === 255) return -1;
    value = value * 16 + digit;
  }
  return value;
}
