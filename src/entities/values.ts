/** Schemas of values that many declarations have. */
import { z } from 'zod';
import { isStorableText } from '../wire/operations.js';

export { jsonObject, uuid } from '../wire/operations.js';

/** Unix milliseconds. */
export const time = z.number().int().nonnegative().meta({ description: 'Unix milliseconds' });

/** What Postgres takes for a smallint, where no number is negative. */
export const smallint = z.number().int().min(0).max(32_767);

/** Text that can be stored, of at most so many UTF-16 code units. */
export function text(charsMax: number) {
  return z
    .string()
    .max(charsMax, `must be at most ${charsMax} characters`)
    .refine(isStorableText, 'must not contain NUL or lone surrogates');
}
