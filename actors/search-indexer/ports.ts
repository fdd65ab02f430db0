/** What the search indexer needs of the thread it lives in. */
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { SearchIndex } from '#src/storage/ports.js';

/** What the indexer did or met: nothing of it is silent. */
export type SearchReport =
  /** `lagMs`: how old the oldest of them was when it could be found; `behind`: batches that are still to come. */
  | {
      readonly kind: 'followed';
      readonly rows: number;
      readonly milliseconds: number;
      readonly lagMs: number;
      readonly behind: number;
    }
  | { readonly kind: 'filled'; readonly rows: number; readonly milliseconds: number; readonly isAll: boolean }
  /** Messages that have left the log. */
  | { readonly kind: 'pruned'; readonly rows: number }
  | { readonly kind: 'failed'; readonly what: string; readonly message: string }
  | { readonly kind: 'healed' };

export interface SearchIndexerPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly index: SearchIndex;
  /** The part of the machine, 0 to 1, that had nothing to do since the last call. */
  idleShare(): number;
  report(report: SearchReport): void;
}
