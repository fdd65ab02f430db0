/**
 * How fast each user may go. A shard has one for all its conversations, so that a user gains nothing by spreading over
 * many, or by creating new ones; a front has one with wider limits, for everything that reaches a shard (L5).
 */
import type { Clock } from './runtime/ports.js';
import type { RateClass } from './threads/messages.js';
import { type Bucket, type BucketLimits, chargeToken, createBucket, takeToken } from './token-bucket.js';

/** Users remembered; the least recently seen goes first, and comes back with a full bucket. */
const usersMax = 100_000;

export class Rates {
  private readonly limits: Readonly<Record<RateClass, BucketLimits>>;
  private readonly clock: Clock;
  private readonly buckets = new Map<string, Bucket>();
  private evaluations = 0;

  constructor(limits: Readonly<Record<RateClass, BucketLimits>>, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
  }

  /** How often a limit was looked at. */
  get evaluated(): number {
    return this.evaluations;
  }

  /** Takes a token; 0 when there was one, else the milliseconds until there is. */
  take(user: string, rate: RateClass): number {
    return takeToken(this.bucketOf(user, rate), this.limits[rate], this.clock.now());
  }

  /** For what is answered anyway: duplicates and conflicts cost as much as anything else. */
  charge(user: string, rate: RateClass): void {
    chargeToken(this.bucketOf(user, rate), this.limits[rate], this.clock.now());
  }

  private bucketOf(user: string, rate: RateClass): Bucket {
    this.evaluations += 1;
    const found = this.buckets.get(user);
    if (found !== undefined) return found;
    if (this.buckets.size >= usersMax)
      for (const oldest of this.buckets.keys()) {
        this.buckets.delete(oldest);
        break;
      }
    const bucket = createBucket(this.limits[rate], this.clock.now());
    this.buckets.set(user, bucket);
    return bucket;
  }
}
