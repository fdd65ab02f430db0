/**
 * When elements were changed last, as every thread of the process knows it (R5): a copy from a mirror may be served only
 * if the mirror has applied everything up to a moment after the change. Elements share buckets by the hash of their
 * names; that an other one of the bucket was changed costs no more than a way to Postgres.
 */
const buckets = 65_536;
const nanosecondsInMillisecond = 1e6;

export class ChangeStamps {
  /** Hand it to the other threads: all stamps of a process are one. */
  readonly shared: SharedArrayBuffer;
  /** Nanoseconds of the clock that all threads have in common. */
  private readonly stamps: BigInt64Array;

  /** @param shared of another thread's; absent: the first of the process, for which everything has just changed */
  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(buckets * BigInt64Array.BYTES_PER_ELEMENT);
    this.stamps = new BigInt64Array(this.shared);
    // What was changed before this process, and has not reached the mirrors, has left no stamp.
    if (shared === undefined) this.stamps.fill(process.hrtime.bigint());
  }

  /** Milliseconds of the clock of the stamps: the same in every thread, and it never goes back. */
  now(): number {
    return milliseconds(process.hrtime.bigint());
  }

  /** Call it when a write has settled, whatever came of it, and before anybody is told. */
  stamp(entity: string, id: string): void {
    const index = bucketOf(entity, id);
    const now = process.hrtime.bigint();
    let seen = Atomics.load(this.stamps, index);
    // Two threads that stamp one bucket at once must not leave the earlier time.
    while (seen < now) {
      const found = Atomics.compareExchange(this.stamps, index, seen, now);
      if (found === seen) return;
      seen = found;
    }
  }

  /** When it was changed last, at the latest. */
  changedAt(entity: string, id: string): number {
    return milliseconds(Atomics.load(this.stamps, bucketOf(entity, id)));
  }

  /** Was it changed at this time of the clock of the stamps, or later? */
  changedSince(entity: string, id: string, time: number): boolean {
    return this.changedAt(entity, id) >= time;
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / nanosecondsInMillisecond;
}

/** FNV-1a of both names. */
function bucketOf(entity: string, id: string): number {
  let hash = 0x811c9dc5;
  for (const part of [entity, id]) {
    for (let index = 0; index < part.length; index += 1) {
      hash = Math.imul(hash ^ part.charCodeAt(index), 0x01000193);
    }
  }
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}
