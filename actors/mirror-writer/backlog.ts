/**
 * Batches that were committed and are not in the mirror yet, in their order and without a hole. It is bounded: what it
 * cannot hold it forgets altogether, since all of it can be read again from Postgres.
 */
import type { Change } from '#src/entities/entity.js';
import type { LogEvent } from '#src/wire/events.js';

export const backlogLimits = {
  /** About a second of a fast shard. */
  itemsMax: 20_000,
  bytesMax: 16 * 1024 * 1024,
  /** Of one step: small enough that preparing it does not hold the thread up. */
  stepItemsMax: 400,
} as const;

/** One batch, told to all mirrors of a shard: what it means is worked out once. */
export class CommittedBatch {
  readonly batch: number;
  readonly items: number;
  /** What it weighs in a backlog, about. */
  readonly bytes: number;
  /** Unix ms. */
  readonly at: number;
  private events: readonly LogEvent[];
  private readonly changesOf: ChangesOf;
  private made: readonly Change[] | undefined;

  constructor(committed: { batch: number; events: readonly LogEvent[]; at: number }, changesOf: ChangesOf) {
    this.batch = committed.batch;
    this.events = committed.events;
    this.at = committed.at;
    this.items = committed.events.length;
    this.bytes = bytesOf(committed.events);
    this.changesOf = changesOf;
  }

  get changes(): readonly Change[] {
    if (this.made === undefined) {
      this.made = this.changesOf(this.events, this.batch);
      this.events = [];
    }
    return this.made;
  }
}

/** What the events of one batch do to the stored things. */
export type ChangesOf = (events: readonly LogEvent[], batch: number) => readonly Change[];

export class Backlog {
  private queue: CommittedBatch[] = [];
  private itemCount = 0;
  private byteCount = 0;
  /** The highest batch that was ever told of. */
  private highest = -1;

  get head(): number {
    return this.highest;
  }

  get items(): number {
    return this.itemCount;
  }

  get bytes(): number {
    return this.byteCount;
  }

  /** When the oldest batch that is held was committed; undefined: none is. */
  get oldestAt(): number | undefined {
    return this.queue[0]?.at;
  }

  /** @returns how many events were forgotten because there was no room */
  add(committed: CommittedBatch): number {
    // After a hole what is held continues nothing: the source has it all.
    if (committed.batch !== this.highest + 1) this.clear();
    this.highest = committed.batch;
    this.itemCount += committed.items;
    this.byteCount += committed.bytes;
    this.queue.push(committed);
    if (this.itemCount <= backlogLimits.itemsMax && this.byteCount <= backlogLimits.bytesMax) return 0;
    const forgotten = this.itemCount;
    this.clear();
    return forgotten;
  }

  /** Is what follows `position` held? */
  continues(position: number): boolean {
    const first = this.queue[0]?.batch;
    return first !== undefined && first <= position + 1 && this.highest > position;
  }

  /** The batches that follow `position`, as many as make a step; none when the first of them is not held. */
  take(position: number): CommittedBatch[] {
    let dropped = 0;
    while ((this.queue[dropped]?.batch ?? Number.POSITIVE_INFINITY) <= position) dropped += 1;
    this.release(dropped);
    if (this.queue[0]?.batch !== position + 1) return [];
    let count = 0;
    let items = 0;
    for (const batch of this.queue) {
      if (count > 0 && items + batch.items > backlogLimits.stepItemsMax) break;
      items += batch.items;
      count += 1;
    }
    return this.release(count);
  }

  private release(count: number): CommittedBatch[] {
    const released = this.queue.splice(0, count);
    for (const { items, bytes } of released) {
      this.itemCount -= items;
      this.byteCount -= bytes;
    }
    return released;
  }

  private clear(): void {
    this.queue = [];
    this.itemCount = 0;
    this.byteCount = 0;
  }
}

function bytesOf(events: readonly LogEvent[]): number {
  let bytes = 64;
  for (const event of events) bytes += event.ev === 'message.new' ? 256 + event.text.length * 2 : 512;
  return bytes;
}
