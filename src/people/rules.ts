/** What people may call themselves (H1, H6): the zod schemas of every input, and the one way to apply them. */
import { z } from 'zod';
import { NuboError } from '../errors.js';
import { isStorableText, uuid } from '../wire/operations.js';

export const peopleLimits = {
  usernameCharsMin: 3,
  usernameCharsMax: 32,
  passwordCharsMin: 8,
  /** Longer ones only cost time to hash. */
  passwordCharsMax: 256,
  /** The longest address SMTP can carry. */
  emailBytesMax: 254,
  displayNameCharsMax: 100,
  subjectBytesMax: 255,
  jtiBytesMax: 255,
  /** Users in one bulk call, tokens in one mint call, ids in one look-up. */
  bulkItemsMax: 1000,
  deviceNameCharsMax: 200,
} as const;

const storable = z.string().refine(isStorableText, 'must not contain NUL or lone surrogates');

function bytesMax(max: number) {
  return (value: string) => Buffer.byteLength(value) <= max;
}

/** Kept as typed, compared without case. */
export const username = z
  .string()
  .regex(/^[A-Za-z0-9_.-]*$/, 'may only contain a–z, 0–9, "_", "." and "-"')
  .min(peopleLimits.usernameCharsMin, `must be at least ${peopleLimits.usernameCharsMin} characters`)
  .max(peopleLimits.usernameCharsMax, `must be at most ${peopleLimits.usernameCharsMax} characters`);

/** Counted in characters as people see code points, after NFC: the same word typed on two keyboards is one. */
export const password = storable
  .max(peopleLimits.passwordCharsMax * 4, `must be at most ${peopleLimits.passwordCharsMax} characters`)
  .transform((value) => value.normalize('NFC'))
  .refine(
    (value) => Array.from(value).length >= peopleLimits.passwordCharsMin,
    `must be at least ${peopleLimits.passwordCharsMin} characters`,
  )
  .refine(
    (value) => Array.from(value).length <= peopleLimits.passwordCharsMax,
    `must be at most ${peopleLimits.passwordCharsMax} characters`,
  );

export const email = z
  .string()
  .refine(bytesMax(peopleLimits.emailBytesMax), `must be at most ${peopleLimits.emailBytesMax} bytes`)
  .pipe(z.email('must be an e-mail address'));

export const displayName = storable
  .min(1, 'must not be empty')
  .max(peopleLimits.displayNameCharsMax, `must be at most ${peopleLimits.displayNameCharsMax} characters`);

/** `sub` of an application: opaque and case-sensitive, any text that can be stored. */
export const subject = storable
  .min(1, 'must not be empty')
  .refine(
    bytesMax(peopleLimits.subjectBytesMax),
    `must be at most ${peopleLimits.subjectBytesMax} bytes of UTF-8`,
  );

export const jti = storable
  .min(1, 'must not be empty')
  .refine(bytesMax(peopleLimits.jtiBytesMax), `must be at most ${peopleLimits.jtiBytesMax} bytes of UTF-8`);

export const userIds = z
  .array(uuid)
  .max(peopleLimits.bulkItemsMax, `must be at most ${peopleLimits.bulkItemsMax} ids`);

/** The value as the schema makes it, or `invalid` with the first field that is wrong and why. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const reason = issue?.message ?? 'is not valid';
  throw new NuboError('invalid', field === '' ? reason : `${field} ${reason}`, { stored: false });
}
