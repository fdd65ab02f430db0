/** What one line of the table of settings says, and how it is checked; see config-table.ts. */
import { z } from 'zod';

export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Name of the environment variable. */
  readonly name: string;
  /** Another name that counts when the first is absent. */
  readonly alias?: string;
  /** From text to value. */
  readonly schema: Schema;
  /** What a person may write. */
  readonly type: string;
  /** The value as text when nothing is given; a function when it depends on the mode. Absent: unset. */
  readonly fallback?: string | ((mode: Mode) => string);
  /** How the documentation names a default that is computed or made. */
  readonly fallbackText?: string;
  readonly doc: string;
  /** Never printed, and may come from a file named in `<name>_FILE`. */
  readonly secret?: true;
}

/** `embedded`: nubo runs a Postgres of its own. `url`: it is given one. */
export type Mode = 'embedded' | 'url';

export function setting<Schema extends z.ZodType>(options: Setting<Schema>): Setting<Schema> {
  return options;
}

function whole(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most));
}

function wholeType(least: number, most: number): string {
  return `a whole number, ${least} to ${most}`;
}

/** A whole number within bounds. */
export function number(least: number, most: number) {
  return { schema: whole(least, most), type: wholeType(least, most) };
}
