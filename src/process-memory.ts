/** What the process uses of memory, and what it may use. */
import { totalmem } from 'node:os';

/** Bytes: the limit of the container (cgroup), or the memory of the machine where there is none. */
export function detectProcessLimit(): number {
  const machine = totalmem();
  // Without a limit it says 0, nothing, or more than any machine has.
  const container = process.constrainedMemory() ?? 0;
  return container > 0 ? Math.min(container, machine) : machine;
}

/** Bytes in memory, of all threads together. */
export function processMemoryBytes(): number {
  return process.memoryUsage.rss();
}
