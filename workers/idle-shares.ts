/** How much of the machine has nothing to do. */
import { cpus } from 'node:os';

/** The returned function says which part, 0 to 1, of all processors was idle since its last call. */
export function idleShares(): () => number {
  let before = sums();
  return () => {
    const now = sums();
    const all = now.all - before.all;
    const idle = now.idle - before.idle;
    before = now;
    return all > 0 ? idle / all : 1;
  };
}

function sums(): { readonly all: number; readonly idle: number } {
  let all = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { all, idle };
}
