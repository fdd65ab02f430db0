/** How many sends fit one frame of a client. */
import { wireLimits } from '#src/wire/limits.js';

/** What a send has beside its text: ids, a reference, headers; in JSON its names, too. */
const envelopeBytes = 200;

/** @returns at most `most`, at least one */
export function messagesPerFrame(textBytes: number, most: number): number {
  const fit = Math.floor(wireLimits.frameBytesMax / (textBytes + envelopeBytes));
  return Math.max(1, Math.min(most, fit));
}
