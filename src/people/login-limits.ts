/**
 * How often somebody may try to log in or sign up (L5: refused without having looked). Counted in this shard's
 * memory, by name against guessing one account and by address against guessing many. A stranger can use up a
 * name's attempts, so the window is short.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { NuboError } from '../errors.js';
import { addressGroup } from './addresses.js';

export interface LogInLimitOptions {
  readonly attemptsPerName?: number;
  /** Sign-ups count as well. */
  readonly attemptsPerAddress?: number;
  readonly windowSeconds?: number;
}

/** Attempts in a window; sign-ups count for their address as well. */
export const attemptLimits = { name: 10, address: 120, windowSeconds: 60 } as const;

export type AttemptLimit = 'name' | 'address';

export interface LogInLimits {
  /** Counts one attempt of this peer. Throws `rate_limited` with the time to wait. */
  address(address: string): Promise<void>;
  /** Counts one attempt on this name, whether or not anybody has it. */
  name(name: string): Promise<void>;
  /** The name's owner got in: their mistakes are forgotten. */
  forgive(name: string): Promise<void>;
}

export function createLogInLimits(options: LogInLimitOptions = {}): LogInLimits {
  const duration = options.windowSeconds ?? attemptLimits.windowSeconds;
  const names = new RateLimiterMemory({ points: options.attemptsPerName ?? attemptLimits.name, duration });
  const addresses = new RateLimiterMemory({
    points: options.attemptsPerAddress ?? attemptLimits.address,
    duration,
  });
  return {
    address: (address) =>
      consume(addresses, 'address', addressGroup(address), 'Too many attempts from this address.'),
    name: (name) => consume(names, 'name', name.toLowerCase(), 'Too many attempts for this name.'),
    async forgive(name) {
      await names.delete(name.toLowerCase());
    },
  };
}

async function consume(
  limiter: RateLimiterMemory,
  limit: AttemptLimit,
  key: string,
  message: string,
): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const retryMs = Math.max(1, Math.ceil(refused.msBeforeNext));
    throw new NuboError('rate_limited', message, { retryMs, limit });
  }
}
