/** What a mirror writer needs of its shard. */
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { ChangeSource, Mirror, Poisoned } from '#src/storage/tiers/ports.js';

/** What a mirror writer did or met: nothing of it is silent. */
export type MirrorReport =
  | {
      readonly kind: 'applied';
      readonly changes: number;
      readonly milliseconds: number;
      /** From the batches as they were committed, from Postgres after an outage, or to a mirror that was wiped. */
      readonly way: 'live' | 'repair' | 'refill';
    }
  | { readonly kind: 'poisoned'; readonly poisoned: Poisoned }
  /** The backlog was full: what it held comes from Postgres. */
  | { readonly kind: 'overflowed'; readonly items: number }
  | { readonly kind: 'lost' }
  /** It stands where its source has not come to: the database was restored. It is cleared and begins anew. */
  | { readonly kind: 'ahead'; readonly position: number; readonly head: number }
  | { readonly kind: 'refilled'; readonly changes: number }
  | { readonly kind: 'failed'; readonly what: string; readonly message: string }
  /** It works again after it had failed. */
  | { readonly kind: 'healed' }
  /** `pendingSince`: Unix ms, when the oldest change that is not applied was committed; undefined: there is none. */
  | {
      readonly kind: 'standing';
      readonly pendingSince: number | undefined;
      readonly backlogItems: number;
      readonly backlogBytes: number;
    };

export interface MirrorWriterPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mirror: Mirror;
  readonly source: ChangeSource;
  /** How often the source is asked whether there is something new, in milliseconds; absent: it is told. */
  readonly pollMs?: number;
  /** Which part of its time the thread has been at work lately, 0 to 1; absent: it has time. */
  busy?(): number;
  /**
   * Who wants to know: everything that was settled before `began`, by this clock, is in the mirror now, which was asked
   * at `askedAt` where it stands.
   */
  readonly level?: { now(): number; reached(began: number, askedAt: number): void };
  report(report: MirrorReport): void;
}
