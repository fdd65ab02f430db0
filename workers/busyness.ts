/** How busy this thread is: the part of its time that its event loop was at work. */
import { performance } from 'node:perf_hooks';

/** Shorter spans say little. */
const spanMs = 100;

/** @returns reads it: of the last span that was long enough, 0 to 1 */
export function createBusyness(): () => number {
  let last = performance.eventLoopUtilization();
  let at = performance.now();
  let busy = 0;
  return () => {
    const now = performance.now();
    if (now - at < spanMs) return busy;
    const current = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(current, last).utilization;
    last = current;
    at = now;
    return busy;
  };
}
