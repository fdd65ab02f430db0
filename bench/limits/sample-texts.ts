/** The texts of rows and messages, as the generator sends them: a mark, then what people wrote. */
import type { Crowd } from '../contract.js';
import { markBytes } from '../generator/mark.js';
import { readTranscript } from '../generator/transcript.js';

export function sampleTexts(texts: Crowd['texts']): string[] {
  if (texts !== 'transcript') return ['x'.repeat(texts.bytes)];
  const mark = 'x'.repeat(markBytes);
  return readTranscript().texts.map((text) => mark + text);
}
