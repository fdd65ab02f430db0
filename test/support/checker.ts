/**
 * Checks what clients saw against what the database holds: the promises of section P, for simulated and real runs
 * alike. Pure functions over records: whoever runs something writes down answers and streams, reads the log, and
 * asks here what is wrong.
 */
import type { LogEvent } from '#src/wire/events.js';
import type { DurableName } from '#src/wire/operations.js';
import { checkAnswers } from './checker-answers.js';
import { checkLog } from './checker-log.js';
import { checkStreams } from './checker-streams.js';

/** A rule of SPEC.md that was broken, and by what. */
export interface Violation {
  readonly rule: string;
  readonly message: string;
}

/** One answer to a durable operation. A retry is answered again, and has a record of its own. */
export interface AnswerRecord {
  readonly user: string;
  readonly op: DurableName;
  readonly conv: string;
  readonly id: string;
  /** What a `send` carried, to be compared with what is stored. */
  readonly text?: string | undefined;
  /** When this attempt was sent and answered, on the clock of `committedAt`. */
  readonly sentAt?: number | undefined;
  readonly answeredAt?: number | undefined;
  readonly answer:
    | {
        readonly kind: 'ack';
        readonly id?: string | undefined;
        readonly seq?: number | undefined;
        readonly at?: number | undefined;
      }
    | { readonly kind: 'err'; readonly code: string; readonly stored?: false | undefined };
}

/** What one socket, or one device over all its sockets, was told about conversations, in order. */
export type StreamItem =
  /** `have`: what the client said it had; undefined: it asked from now on. */
  | {
      readonly kind: 'subscribed';
      readonly conv: string;
      readonly head: number;
      readonly have?: number | undefined;
    }
  | { readonly kind: 'unsubscribed'; readonly conv: string }
  /** The socket is gone, and all its subscriptions with it. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'event'; readonly event: LogEvent }
  | { readonly kind: 'gap'; readonly conv: string; readonly have: number; readonly head: number }
  | { readonly kind: 'resumed'; readonly conv: string; readonly upTo: number }
  /** An answer to `history`. `headMin`: a seq that was acked before it was asked (R5). */
  | {
      readonly kind: 'page';
      readonly conv: string;
      readonly head: number;
      readonly events: readonly LogEvent[];
      readonly headMin?: number | undefined;
    };

export interface StreamRecord {
  readonly name: string;
  readonly user: string;
  readonly items: readonly StreamItem[];
}

export interface RunRecord {
  /** Every row, in any order of conversations. */
  readonly log: readonly LogEvent[];
  readonly answers: readonly AnswerRecord[];
  readonly streams: readonly StreamRecord[];
  /** Nothing is under way any more: whoever is subscribed must have everything (P6). */
  readonly isQuiet: boolean;
  /** When each operation was committed; without it the rules about time are not checked. */
  readonly committedAt?: ReadonlyMap<string, number> | undefined;
}

/** Everything that is wrong with a run; empty when nothing is. */
export function checkRun(record: RunRecord): Violation[] {
  const log = checkLog(record.log);
  return [...log.violations, ...checkAnswers(record), ...checkStreams(record, log.index)];
}
