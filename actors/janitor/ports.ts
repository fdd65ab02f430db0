/** What the janitor needs of the thread it lives in. */
import type { Month } from '#src/months.js';
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { Failed, PartitionStore } from '#src/storage/ports.js';

/** What a round did or found: nothing it does is silent. */
export type JanitorReport =
  /** How many rows lie in the default partition now; `months` names where they belong. */
  | { readonly kind: 'strays'; readonly rows: number; readonly months: readonly Month[] }
  | { readonly kind: 'made'; readonly month: Month; readonly moved: number }
  /** `table`: where the rows of the month are now; undefined when they were dropped. */
  | {
      readonly kind: 'detached';
      readonly month: Month;
      readonly rows: number;
      readonly table: string | undefined;
    }
  | { readonly kind: 'failed'; readonly what: string; readonly message: string }
  | { readonly kind: 'round over'; readonly isWell: boolean };

export interface Retention {
  /** Whole months that are kept beside the current one; 0: for ever. */
  readonly months: number;
  /** Whether the tables of months that left the log are kept. */
  readonly isKept: boolean;
}

export interface JanitorPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly partitions: PartitionStore;
  readonly retention: Retention;
  /** Removes what of people has expired by `now` (Unix ms). */
  forgetExpired(now: number, done: (result: { kind: 'forgotten' } | Failed) => void): void;
  /** For the log and the metrics. */
  report(report: JanitorReport): void;
}
