/** How fast anybody may go, from the configuration (L5, L17). */
import type { Config } from '#src/config.js';
import type { RateClass } from '#src/threads/messages.js';
import type { BucketLimits } from '#src/token-bucket.js';

/** A front admits so many times what a conversation does: for reading, subscribing, typing, and retries (L5). */
const guardFactor = 4;

type ByClass = Readonly<Record<RateClass, BucketLimits>>;

/** What a user may store, over all conversations of a shard. */
export function userRatesOf(config: Config): ByClass {
  return {
    standard: { perSecond: config.ratePerSecond, burst: config.rateBurst },
    high: { perSecond: config.highRatePerSecond, burst: config.highRateBurst },
  };
}

/** What a user may ask of a front. */
export function guardRatesOf(config: Config): ByClass {
  const { standard, high } = userRatesOf(config);
  return { standard: widened(standard), high: widened(high) };
}

function widened({ perSecond, burst }: BucketLimits): BucketLimits {
  return { perSecond: perSecond * guardFactor, burst: burst * guardFactor };
}

/** What all together may say in one conversation; undefined: as much as they like. */
export function conversationRateOf(config: Config): BucketLimits | undefined {
  const { conversationRatePerSecond: perSecond, conversationRateBurst: burst } = config;
  return perSecond === 0 ? undefined : { perSecond, burst };
}
