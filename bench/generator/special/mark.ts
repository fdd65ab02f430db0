/**
 * Every text of the special load begins with who wrote it and as which of theirs, in hex digits of fixed width: so that
 * whoever is shown it knows when it was due, and whether it was ever sent.
 */
/** Together with the number under 53 bits, so that a mark is a safe integer. */
const writerDigits = 5;
const numberDigits = 8;
const markChars = writerDigits + numberDigits;
const filler = ' the quick brown fox jumps over the lazy dog and thinks of nothing at all;';

/** A text of so many bytes, at least those of its mark. */
export function markedText(writer: number, number: number, bytes: number): string {
  const mark = hex(writer, writerDigits) + hex(number, numberDigits);
  const missing = bytes - mark.length;
  if (missing <= 0) return mark;
  return mark + filler.repeat(Math.ceil(missing / filler.length)).slice(0, missing);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** The mark of a text as one number, or −1 when it has none. */
export function readMark(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < markChars) return -1;
  let mark = 0;
  for (let index = at; index < at + markChars; index++) {
    const byte = bytes[index] as number;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
    if (digit < 0) return -1;
    mark = mark * 16 + digit;
  }
  return mark;
}

const numbers = 16 ** numberDigits;

export function markOf(writer: number, number: number): number {
  return writer * numbers + number;
}

export function writerOf(mark: number): number {
  return Math.floor(mark / numbers);
}

export function numberOf(mark: number): number {
  return mark % numbers;
}
