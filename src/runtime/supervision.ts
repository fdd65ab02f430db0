/** What happens after a crash: a pure decision from the crashes so far (A4, A6). */

export interface SupervisionLimits {
  /** More restarts than this within `windowMs` and the actor rests. */
  readonly restartsMax: number;
  readonly windowMs: number;
  readonly restMs: number;
  /** Pause before the first, second, third … restart of a window; the last one repeats. All ≤ 100 ms (A4). */
  readonly pausesMs: readonly number[];
  /** A message that crashed this many instances is set aside (A5). */
  readonly poisonCrashes: number;
}

export const supervisionLimits: SupervisionLimits = {
  restartsMax: 5,
  windowMs: 10_000,
  restMs: 5_000,
  // At once at first, since most crashes do not come again; then slower, so that a loop of them costs little.
  pausesMs: [0, 10, 20, 40, 60],
  poisonCrashes: 3,
};

export interface CrashHistory {
  /** Crashes since the actor was last well. */
  readonly crashes: number;
  /** Times (Unix ms) of those that count for the intensity. */
  readonly recent: readonly number[];
  readonly lastAt: number;
}

export type Decision =
  | { readonly kind: 'restart'; readonly afterMs: number; readonly history: CrashHistory }
  | { readonly kind: 'rest'; readonly forMs: number; readonly history: CrashHistory };

/** Without a crash for a whole window, an actor is well and its history forgotten. */
export function isWell(history: CrashHistory | undefined, now: number, limits: SupervisionLimits): boolean {
  return history === undefined || now - history.lastAt > limits.windowMs;
}

/** `history`: undefined for an actor that never crashed. */
export function afterCrash(
  history: CrashHistory | undefined,
  now: number,
  limits: SupervisionLimits,
): Decision {
  const before = isWell(history, now, limits) ? undefined : history;
  const recent = (before?.recent ?? []).filter((at) => now - at <= limits.windowMs);
  const crashes = (before?.crashes ?? 0) + 1;
  if (recent.length >= limits.restartsMax) {
    // Rested actors begin a new window; else their first crash would send them back to rest.
    return { kind: 'rest', forMs: limits.restMs, history: { crashes, recent: [], lastAt: now } };
  }
  const afterMs = limits.pausesMs[Math.min(recent.length, limits.pausesMs.length - 1)] ?? 0;
  return { kind: 'restart', afterMs, history: { crashes, recent: [...recent, now], lastAt: now } };
}
