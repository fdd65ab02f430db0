/**
 * The tiers before Postgres: what is asked of Redis, Mongo and the memory of the process. All are projections of what
 * is committed: they may fail, lag, or come back empty, and nothing acked depends on them (P1). Callback style as in
 * ../ports.ts: `done` is called exactly once, in a later turn. All pass test/contract/tier.ts.
 */
import type { Change, Entity } from '../../entities/entity.js';
import type { LogEvent } from '../../wire/events.js';
import type { Failed } from '../ports.js';

export type TierName = 'memory' | 'redis' | 'mongo';

/** What a tier knows of one element. */
export type Element = Pick<Change, 'id' | 'version' | 'fields'>;

/** All that was committed up to this batch of the source is in what is given. */
export interface AsOf {
  readonly source: string;
  readonly batch: number;
}

/** A tier as readers see it. */
export interface Tier {
  readonly name: TierName;
  /** Every event from seq `from` to seq `to`, both included, rising; `absent` when one of them is not here. */
  events(
    range: { conv: string; from: number; to: number },
    done: (result: { kind: 'events'; events: LogEvent[] } | { kind: 'absent' } | Failed) => void,
  ): void;
  /** In the order of `ids`. undefined: this tier does not know; an element without fields is known to be gone. */
  get(
    entity: Entity,
    ids: readonly string[],
    done: (result: { kind: 'elements'; elements: Array<Element | undefined> } | Failed) => void,
  ): void;
  /**
   * Takes what a slower tier had. Nobody waits for it, and more than the tier's queue holds is dropped.
   *
   * @param asOf a tier that loses elements takes them only while it stands no further: else what has changed since may
   *   have come and gone again, and would come no more
   */
  fill(changes: readonly Change[], asOf?: AsOf): void;
}

/** One step of a mirror along one source: everything after `from` up to `to`. */
export interface MirrorStep {
  /** `log/<shard>`, or `entities`. */
  readonly source: string;
  /** Where the mirror must stand; undefined: it has no position in this source. */
  readonly from: number | undefined;
  readonly to: number;
  readonly changes: readonly Change[];
}

/** A change that the mirror cannot hold, and why: it has no older version of that element either. */
export interface Poisoned {
  readonly change: Change;
  readonly message: string;
}

export type Applied =
  | { readonly kind: 'applied'; readonly poisoned: readonly Poisoned[] }
  /**
   * The mirror does not stand at `from`: it was wiped, or somebody else has moved it. Whether it took the changes, which
   * are true all the same, is not said.
   */
  | { readonly kind: 'lost' }
  | Failed;

/** A tier that is written to as Postgres is. */
export interface Mirror extends Tier {
  /** true: after a wipe it is filled again with all that is recent; false: it begins empty. */
  readonly isWhole: boolean;
  /** Where it stands in a source: everything up to there was applied without exception. */
  position(
    source: string,
    done: (result: { kind: 'position'; position: number | undefined } | Failed) => void,
  ): void;
  /** Applies the changes, then moves the position. Idempotent; never back in version. One at a time for a source. */
  apply(step: MirrorStep, done: (result: Applied) => void): void;
  /** Applies changes without moving anything: the pages of a rebuild. */
  put(changes: readonly Change[], done: (result: Exclude<Applied, { kind: 'lost' }>) => void): void;
  /**
   * Removes every element. A mirror that begins empty keeps its positions, since what is absent is right for every
   * source; a whole one loses them, so that all who write to it fill it again.
   */
  clear(done: (result: { kind: 'cleared' } | Failed) => void): void;
}

/** Where the changes come from: Postgres, read again after an outage. One source belongs to one place of writing. */
export interface ChangeSource {
  readonly name: string;
  /** Everything up to it is committed and can be read; nothing at or below it is still to come. */
  head(done: (result: { kind: 'head'; head: number } | Failed) => void): void;
  /**
   * The changes after `after`, whole up to `to`. `isAll`: nothing else had been committed when it was read. About
   * `limit` at a time.
   */
  read(
    range: { after: number; limit: number },
    done: (
      result: { kind: 'changes'; changes: readonly Change[]; to: number; isAll: boolean } | Failed,
    ) => void,
  ): void;
  /** Everything that is recent, page by page, in no order that matters. `next` undefined: that was all. */
  walk(
    page: { cursor: string | undefined; limit: number },
    done: (result: { kind: 'page'; changes: readonly Change[]; next: string | undefined } | Failed) => void,
  ): void;
}

export interface Usage {
  readonly kind: 'usage';
  readonly usedBytes: number;
  /** What it may use; undefined: it has no limit that is known. */
  readonly limitBytes: number | undefined;
  /** How many elements use it; absent: nobody has counted. */
  readonly elements?: number | undefined;
}

/** The memory of one tier, for whoever watches it. */
export interface Evictable {
  readonly name: TierName;
  usage(done: (result: Usage | Failed) => void): void;
  /** Removes up to `count` elements, those used longest ago first, of whatever node; nodes stay. */
  evict(
    count: number,
    done: (result: { kind: 'evicted'; byNode: ReadonlyMap<string, number> } | Failed) => void,
  ): void;
}

/** Seq by seq ranges that a tier is asked for at most. */
export const tierRangeMax = 100;
/** What is older by its id (and, in Mongo, was not used since) is not in a tier that holds what is recent. */
export const recentDays = 30;
