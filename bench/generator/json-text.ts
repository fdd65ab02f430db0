/**
 * Texts as they stand inside a JSON string. A text is escaped once; its mark needs no escaping, so each time only that
 * is copied.
 */
import { markBytes } from './mark.js';

export class JsonTexts {
  private readonly escaped = new Map<Uint8Array, Uint8Array>();

  /** The text without quotes, its present mark in front; lent until the next call for the same text. */
  of(text: Uint8Array): Uint8Array {
    let escaped = this.escaped.get(text);
    if (escaped === undefined) {
      escaped = Buffer.from(JSON.stringify(Buffer.from(text).toString()).slice(1, -1));
      this.escaped.set(text, escaped);
    }
    for (let index = 0; index < markBytes; index++) escaped[index] = text[index] as number;
    return escaped;
  }
}
