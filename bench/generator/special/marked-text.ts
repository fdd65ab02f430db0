/**
 * Texts of the special load: the mark of all texts of the bench (see `mark.ts`), then filler. Read back, a mark is one
 * number, the key of `order.ts`: so whoever is shown it knows when it was due, and whether it was ever sent.
 */
import { markBytes, refOf, senderOf, writeMark } from '../mark.js';
import { keyOf } from '../order.js';

const filler = 'the quick brown fox jumps over the lazy dog and thinks of nothing at all; ';
const bytesOfMark = Buffer.alloc(markBytes);

/** A text of so many bytes, at least those of its mark. */
export function markedText(writer: number, number: number, bytes: number): string {
  writeMark(bytesOfMark, 0, writer, number);
  const missing = Math.max(0, bytes - markBytes);
  const rest = filler.repeat(Math.ceil(missing / filler.length)).slice(0, missing);
  return bytesOfMark.toString('latin1') + rest;
}

/** The key of the text that stands from `at` to `end`, or −1 when it has no mark. */
export function readMark(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < markBytes) return -1;
  const sender = senderOf(bytes, at);
  const ref = refOf(bytes, at);
  return sender < 0 || ref < 0 ? -1 : keyOf(sender, ref);
}
