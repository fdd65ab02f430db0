/** What a memory watcher needs of the thread it lives in. */
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { Evictable, TierName } from '#src/storage/tiers/ports.js';
import type { Marks } from './plan.js';

/** What has memory: a tier, or the process. */
export type Owner = TierName | 'process';

/** What a watcher saw or did: nothing it does is silent. */
export type WatcherReport =
  /** `marks` undefined: its limit is unknown. */
  | {
      readonly kind: 'used';
      readonly owner: Owner;
      readonly usedBytes: number;
      readonly marks: Marks | undefined;
    }
  | {
      readonly kind: 'evicted';
      readonly tier: TierName;
      readonly byNode: ReadonlyMap<string, number>;
    }
  | { readonly kind: 'round over'; readonly tier: TierName; readonly evicted: number; readonly ms: number }
  /** It is too full and nothing is left to evict: something else fills it. `isNew`: it was not so before. */
  | { readonly kind: 'nothing left'; readonly tier: TierName; readonly isNew: boolean }
  /** `isNew`: it was well before. */
  | {
      readonly kind: 'failed';
      readonly tier: TierName;
      readonly what: 'looking' | 'evicting';
      readonly message: string;
      readonly isNew: boolean;
    }
  | { readonly kind: 'well again'; readonly tier: TierName };

/** One tier that is watched. */
export interface Watched {
  readonly evictable: Evictable;
  /** Bytes; 0: what the tier says of itself. */
  readonly limitBytes: number;
  /** Bytes below the limit; at most a tenth of it counts. */
  readonly marginBytes: number;
  /** Given when the tier lives in this process, and is emptied when the process is too large. */
  readonly processMemory?: (() => ProcessMemory) | undefined;
}

export interface ProcessMemory {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface WatcherPorts extends Watched {
  readonly clock: Clock;
  readonly timers: Timers;
  /** For the log and the metrics. */
  report(report: WatcherReport): void;
}
