/**
 * How fast each user may go. A shard has one for all its conversations, so that a user gains nothing by spreading over
 * many, or by creating new ones; a front has one with wider limits, for everything that reaches a shard (L5).
 *
 * A bucket that is full says no more than none at all. So they are kept by generations: who was not seen for as long as
 * an empty bucket takes to fill is forgotten, and thousands who only listen take nothing here.
 */
import type { Clock } from './runtime/ports.js';
import type { RateClass } from './threads/messages.js';
import { type Bucket, type BucketLimits, chargeToken, createBucket, takeToken } from './token-bucket.js';

/** Users remembered; the least recently seen goes first, and comes back with a full bucket. */
const usersMax = 100_000;

export class Rates {
  readonly limits: Readonly<Record<RateClass, BucketLimits>>;
  private readonly clock: Clock;
  /** After this long any bucket is full, in milliseconds. */
  private readonly fillMs: number;
  /** Of those seen since `turnedAt`, and of those last seen in the generation before. */
  private young = new Map<string, Bucket>();
  private old = new Map<string, Bucket>();
  private turnedAt: number;
  private evaluations = 0;

  constructor(limits: Readonly<Record<RateClass, BucketLimits>>, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
    const seconds = Object.values(limits).map(({ burst, perSecond }) => burst / perSecond);
    this.fillMs = Math.max(...seconds) * 1000;
    this.turnedAt = clock.now();
  }

  /** How often a limit was looked at. */
  get evaluated(): number {
    return this.evaluations;
  }

  /** Users with a bucket. */
  get size(): number {
    return this.young.size + this.old.size;
  }

  /** Takes a token; 0 when there was one, else the milliseconds until there is. */
  take(user: string, rate: RateClass): number {
    const now = this.clock.now();
    return takeToken(this.bucketOf(user, rate, now), this.limits[rate], now);
  }

  /** Whole tokens that this user has left, as of the last time one was asked for. */
  left(user: string, rate: RateClass): number {
    const bucket = this.young.get(user) ?? this.old.get(user);
    return bucket === undefined ? this.limits[rate].burst : Math.floor(bucket.tokens);
  }

  /** For what is answered anyway: duplicates and conflicts cost as much as anything else. */
  charge(user: string, rate: RateClass): void {
    const now = this.clock.now();
    chargeToken(this.bucketOf(user, rate, now), this.limits[rate], now);
  }

  /** Lets go of full buckets. Happens by itself while anybody asks; to be called now and then where nobody may. */
  forget(now: number): void {
    if (now - this.turnedAt < this.fillMs || this.size === 0) return;
    this.old = this.young;
    this.young = new Map();
    this.turnedAt = now;
  }

  private bucketOf(user: string, rate: RateClass, now: number): Bucket {
    this.evaluations += 1;
    this.forget(now);
    const found = this.young.get(user);
    if (found !== undefined) return found;
    const bucket = this.old.get(user) ?? createBucket(this.limits[rate], now);
    if (!this.old.delete(user) && this.size >= usersMax) this.forgetOldest();
    this.young.set(user, bucket);
    return bucket;
  }

  private forgetOldest(): void {
    const generation = this.old.size > 0 ? this.old : this.young;
    for (const oldest of generation.keys()) {
      generation.delete(oldest);
      return;
    }
  }
}
