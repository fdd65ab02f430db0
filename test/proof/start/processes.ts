/** The processes of a clone: all that work in it or were started from it, whoever their parent is by now. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

interface Found {
  readonly pid: number;
  readonly command: string;
}

function look(pid: string, path: string): Found | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    // A zombie has no command line any more.
    if (command === '') return undefined;
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    const isInside = folder === path || folder.startsWith(`${path}/`) || command.includes(`${path}/`);
    return isInside ? { pid: Number(pid), command } : undefined;
  } catch {
    return undefined;
  }
}

export function processesOf(path: string): Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => look(pid, path))
    .filter((found) => found !== undefined);
}

/** The process that is nubo: launcher first, then server. npm and the compiler are others. */
export function serverOf(path: string): number | undefined {
  return processesOf(path).find(({ command }) => /^\S*node cli\/nubo\.mjs start/.test(command))?.pid;
}

export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Kills until nothing is left. */
export async function killAll(path: string): Promise<void> {
  for (let found = processesOf(path); found.length > 0; found = processesOf(path)) {
    for (const { pid } of found) killNow(pid);
    await sleep(10);
  }
}
