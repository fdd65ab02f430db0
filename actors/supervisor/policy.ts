/** Whether a thread that died is started again: pure. One for one, with a limit on how often. */

export const restartLimits = {
  /** More deaths than this in the window mean that starting again does not help. */
  restartsMax: 5,
  windowMs: 30_000,
} as const;

export type RestartDecision = { kind: 'restart'; deaths: number[] } | { kind: 'give up' };

/**
 * @param deaths times (Unix ms) of this thread's earlier deaths, as the last decision returned them
 * @param now time of this death
 */
export function decideRestart(deaths: readonly number[], now: number): RestartDecision {
  const recent = [...deaths.filter((at) => at > now - restartLimits.windowMs), now];
  return recent.length > restartLimits.restartsMax
    ? { kind: 'give up' }
    : { kind: 'restart', deaths: recent };
}
