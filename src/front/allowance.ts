/**
 * How fast one connection may ask (L17), whatever it asks for and whoever it is: a token bucket in one integer that
 * every socket keeps, next to the tick of the last thing it was heard with. Nothing is made for a frame.
 */
import type { Refusal } from '../threads/messages.js';
import { tickMs } from './ticks.js';

/** An operation takes so many parts, and a connection gains `perSecond` parts a tick. */
const partsPerOperation = 1000 / tickMs;

export interface AllowanceLimits {
  /** Operations a second on average; 0: as many as it likes. */
  readonly connectionPerSecond: number;
  /** Operations at once. */
  readonly connectionBurst: number;
}

interface Spender {
  /** Parts that are left. */
  allowance: number;
}

/** The most of each limit, so that parts fit the small integers of V8. */
export const connectionOperationsMax = 100_000_000;

/** Parts of a connection that has rested. */
export function fullAllowance({ connectionBurst }: AllowanceLimits): number {
  return connectionBurst * partsPerOperation;
}

/** So many ticks have gone by. */
export function refill(spender: Spender, ticks: number, limits: AllowanceLimits): void {
  const parts = spender.allowance + ticks * limits.connectionPerSecond;
  spender.allowance = Math.min(fullAllowance(limits), parts) | 0;
}

/** Takes what an operation costs. false: there is not enough, and nothing was taken. */
export function spend(spender: Spender, { connectionPerSecond }: AllowanceLimits): boolean {
  if (connectionPerSecond === 0) return true;
  if (spender.allowance < partsPerOperation) return false;
  spender.allowance -= partsPerOperation;
  return true;
}

/** For whom there was not enough. */
export function askedTooFast({ allowance }: Spender, { connectionPerSecond }: AllowanceLimits): Refusal {
  const retryMs = Math.ceil((partsPerOperation - allowance) / connectionPerSecond) * tickMs;
  return { code: 'rate_limited', message: 'This connection asks for too much at once.', retryMs };
}
