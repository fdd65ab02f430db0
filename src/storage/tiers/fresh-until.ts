/**
 * Up to when each tier is known to have every change of people, settings and sessions, as every thread of the process
 * knows it: in milliseconds of the clock of the stamps (change-stamps.ts). What was known of a tier is forgotten with
 * the connection to it: one that starts again may have gone back to what is on its disk.
 */
import type { TierName } from './ports.js';

const places: Readonly<Record<TierName, number>> = { memory: 0, redis: 1, mongo: 2 };
const nanosecondsInMillisecond = 1e6;

export class FreshUntil {
  /** Hand it to the other threads. */
  readonly shared: SharedArrayBuffer;
  private readonly times: BigInt64Array;
  /** When the tier was last asked where it stands, of those times. */
  private readonly asked: BigInt64Array;
  private readonly losses: BigInt64Array;

  /** @param shared of another thread's; absent: the first of the process, which knows nothing of any tier */
  constructor(shared?: SharedArrayBuffer) {
    const tiers = Object.keys(places).length;
    const bytes = tiers * BigInt64Array.BYTES_PER_ELEMENT;
    this.shared = shared ?? new SharedArrayBuffer(3 * bytes);
    this.times = new BigInt64Array(this.shared, 0, tiers);
    this.asked = new BigInt64Array(this.shared, bytes, tiers);
    this.losses = new BigInt64Array(this.shared, 2 * bytes, tiers);
  }

  of(tier: TierName): number {
    const place = places[tier];
    const isLost = Atomics.load(this.asked, place) <= Atomics.load(this.losses, place);
    return isLost ? 0 : Number(Atomics.load(this.times, place)) / nanosecondsInMillisecond;
  }

  /** Everything that was settled before `time` is in the tier, which was asked at `askedAt` where it stands. */
  reached(tier: TierName, time: number, askedAt: number): void {
    Atomics.store(this.asked, places[tier], nanoseconds(askedAt));
    Atomics.store(this.times, places[tier], nanoseconds(time));
  }

  /** A connection to the tier was lost at this time: what it has must be asked again. */
  lost(tier: TierName, time: number): void {
    Atomics.store(this.losses, places[tier], nanoseconds(time));
  }
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.floor(milliseconds * nanosecondsInMillisecond));
}
