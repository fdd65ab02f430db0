/**
 * Up to when each tier is known to have every change of people, settings and sessions, as every thread of the process
 * knows it: in milliseconds of the clock of the stamps (change-stamps.ts).
 */
import type { TierName } from './ports.js';

const places: Readonly<Record<TierName, number>> = { memory: 0, redis: 1, mongo: 2 };
const nanosecondsInMillisecond = 1e6;

export class FreshUntil {
  /** Hand it to the other threads. */
  readonly shared: SharedArrayBuffer;
  private readonly times: BigInt64Array;

  /** @param shared of another thread's; absent: the first of the process, which knows nothing of any tier */
  constructor(shared?: SharedArrayBuffer) {
    const bytes = Object.keys(places).length * BigInt64Array.BYTES_PER_ELEMENT;
    this.shared = shared ?? new SharedArrayBuffer(bytes);
    this.times = new BigInt64Array(this.shared);
  }

  of(tier: TierName): number {
    return Number(Atomics.load(this.times, places[tier])) / nanosecondsInMillisecond;
  }

  /** Everything that was settled before `time` is in the tier. */
  reached(tier: TierName, time: number): void {
    Atomics.store(this.times, places[tier], BigInt(Math.floor(time * nanosecondsInMillisecond)));
  }
}
