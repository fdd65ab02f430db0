/**
 * Who lives in a cluster's folder. A pid file proves nothing: its process may be a zombie, or long gone and its
 * number given to somebody else. Every process of Postgres works in its data folder, so the kernel knows.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A zombie keeps its number but has ended. */
function isAlive(pid: string): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const state = status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** Numbers of the living processes whose working folder is `folder`; none where there is no /proc. */
export function inhabitantsOf(folder: string): number[] {
  let real: string;
  let processes: string[];
  try {
    real = realpathSync(folder);
    processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return processes
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === real && isAlive(pid);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A Postgres whose nubo was killed ends within milliseconds; a slow disk may need seconds for its last checkpoint. */
const settleMs = 10_000;
const pollMs = 10;

/** Waits until nobody lives in a folder; answers who still does after ten seconds. */
export async function settled(folder: string): Promise<number[]> {
  const deadline = Date.now() + settleMs;
  let living = inhabitantsOf(folder);
  while (living.length > 0 && Date.now() < deadline) {
    await sleep(pollMs);
    living = inhabitantsOf(folder);
  }
  return living;
}
