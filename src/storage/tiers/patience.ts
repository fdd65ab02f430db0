/** How long readers wait for a tier: one that stands still delays a read, and never holds it up. */
import type { Timers } from '../../runtime/ports.js';
import type { Failed } from '../ports.js';

/** No longer than the store itself would take. */
export const patienceMs = 250;

/**
 * Asks a tier, and answers once: what it says, or that it has not answered in time. What it says later nobody hears.
 *
 * @param ask called at once, with what is to be told the answer
 */
export function askPatiently<Result>(
  timers: Timers,
  ask: (done: (result: Result | Failed) => void) => void,
  done: (result: Result | Failed) => void,
): void {
  let isAnswered = false;
  const once = (result: Result | Failed): void => {
    if (isAnswered) return;
    isAnswered = true;
    cancel();
    done(result);
  };
  const message = `it has not answered within ${patienceMs} ms`;
  const cancel = timers.after(patienceMs, () => once({ kind: 'failed', message }));
  ask(once);
}
