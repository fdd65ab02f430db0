/**
 * The limits an answer was under, in the fields `RateLimit-Policy` and `RateLimit` of
 * draft-ietf-httpapi-ratelimit-headers-11 (R7). A bucket that holds `burst` tokens and fills in w seconds is the policy
 * `q=burst;w=w`; what is left counts for `t` seconds, until there is more.
 */
import { NuboError } from '../../errors.js';
import type { Identity } from '../../people/identity.js';
import { type AttemptLimit, attemptLimits } from '../../people/login-limits.js';
import type { Rates } from '../../rates.js';
import type { LimitName, RateClass } from '../../threads/messages.js';
import type { BucketLimits } from '../../token-bucket.js';
import type { Route } from './route.js';

/** What the shards hold users to; a front only tells of it. */
export interface ShardRates {
  /** Operations of a user that are stored. */
  readonly operations: Readonly<Record<RateClass, BucketLimits>>;
  /** What all together say in a conversation; undefined: no limit. */
  readonly conversation: BucketLimits | undefined;
}

/** Operations that a conversation's rate counts. */
const said: ReadonlySet<string> = new Set(['send', 'edit', 'react']);

export class RateLimits {
  private readonly policies: string[] = [];
  /** What is left of each, as it was said last. */
  private readonly left = new Map<LimitName, string>();

  /** Of a route that counts attempts of those who are not known yet. */
  attempts(names: readonly AttemptLimit[]): void {
    for (const name of names) this.policy(name, attemptLimits[name], attemptLimits.windowSeconds);
  }

  /** What the front holds this user to. */
  user({ user, rate }: Identity, guard: Rates): void {
    this.bucket('requests', guard.limits[rate]);
    this.remains('requests', guard.left(user, rate), 1);
  }

  /** What the shard will hold this operation to. */
  stored({ operations = [] }: Route, { rate }: Identity, rates: ShardRates): void {
    this.bucket('operations', rates.operations[rate]);
    if (rates.conversation === undefined || rate === 'high') return;
    if (operations.some((name) => said.has(name))) this.bucket('conversation', rates.conversation);
  }

  /** A refusal says which limit it is for, and for how long. */
  refused(error: unknown): void {
    if (!(error instanceof NuboError) || error.limit === undefined) return;
    this.remains(error.limit, 0, Math.ceil((error.retryMs ?? 0) / 1000));
  }

  /** Nothing where nothing limits. */
  headers(): Record<string, string> {
    return {
      ...(this.policies.length === 0 ? {} : { 'ratelimit-policy': this.policies.join(', ') }),
      ...(this.left.size === 0 ? {} : { ratelimit: [...this.left.values()].join(', ') }),
    };
  }

  private bucket(name: LimitName, { perSecond, burst }: BucketLimits): void {
    this.policy(name, burst, Math.ceil(burst / perSecond));
  }

  private policy(name: LimitName, quota: number, seconds: number): void {
    this.policies.push(`"${name}";q=${quota};w=${seconds}`);
  }

  private remains(name: LimitName, units: number, seconds: number): void {
    this.left.set(name, `"${name}";r=${units};t=${seconds}`);
  }
}
