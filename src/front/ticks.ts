/**
 * Times that every idle socket keeps, in quarters of a second since 2026. They fit the small integers of V8, which lie in
 * the object itself until 2043; Unix milliseconds take 16 bytes more each.
 */
export const tickMs = 250;
const firstMs = Date.UTC(2026, 0, 1);

/** The first tick that is not before `ms` (Unix): what is due then is at most a quarter of a second late, never early. */
export function tickFrom(ms: number): number {
  return Math.ceil((ms - firstMs) / tickMs);
}

/** Unix ms. */
export function msOfTick(tick: number): number {
  return firstMs + tick * tickMs;
}
