/**
 * What is said: texts whose first bytes are left for the mark. Sender and ref decide which text it is, so the checker
 * knows every byte of a delivery by its mark alone.
 */
import { isUtf8 } from 'node:buffer';
import { markBytes, writeMark } from './mark.js';
import { readTranscript } from './transcript.js';

/** How many texts of the transcript are used at most. */
const textsMax = 16_384;
/** Senders begin at different places of the list: a prime, so that neighbours do not say the same. */
const stride = 7919;
/** What XML forbids and some peers refuse: control characters become spaces. */
const controls = /[\p{Cc}\ufffe\uffff]/gu;
const quote = 0x22;
const backslash = 0x5c;

export class Texts {
  private readonly texts: readonly Uint8Array[];

  constructor(texts: readonly string[]) {
    this.texts = texts.map((text) => Buffer.from(' '.repeat(markBytes) + text));
  }

  /** The text a sender says as `ref`, with its mark: lent until the next call for the same text. */
  marked(sender: number, ref: number): Uint8Array {
    const text = this.of(sender, ref);
    writeMark(text, 0, sender, ref);
    return text;
  }

  /**
   * Does the text behind the mark at `at` of a delivery stand there as it was sent? As it is, or escaped in a JSON
   * string, in whichever way the server escapes.
   */
  isSame(sender: number, ref: number, bytes: Uint8Array, at: number): boolean {
    const text = this.of(sender, ref);
    const { length } = text;
    const isWithin = at + length <= bytes.length;
    if (isWithin) {
      let index = markBytes;
      while (index < length && bytes[at + index] === text[index]) index++;
      if (index === length) return true;
    }
    return isSameInJson(text, bytes, at);
  }

  private of(sender: number, ref: number): Uint8Array {
    return this.texts[(sender * stride + ref) % this.texts.length] as Uint8Array;
  }
}

/** For what servers escape: decodes the string up to its closing quote. */
function isSameInJson(text: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let end = at;
  while (end < bytes.length && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  if (end >= bytes.length) return false;
  const string = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + at + markBytes,
    Math.max(0, end - at - markBytes),
  );
  if (!isUtf8(string)) return false;
  try {
    return JSON.parse(`"${string.toString()}"`) === Buffer.from(text.subarray(markBytes)).toString();
  } catch {
    return false;
  }
}

/** @throws Error when there are no texts of so few bytes, or the transcript cannot be read */
export function textsFor(kind: 'transcript' | { readonly bytes: number }): Texts {
  if (kind === 'transcript') {
    const { texts } = readTranscript();
    return new Texts(texts.slice(0, textsMax).map((text) => text.toWellFormed().replace(controls, ' ')));
  }
  if (kind.bytes < markBytes) throw new Error(`A text has at least the ${markBytes} bytes of its mark.`);
  return new Texts(['x'.repeat(kind.bytes - markBytes)]);
}
