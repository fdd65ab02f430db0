/**
 * What processes of this machine use, from /proc. NaN where it cannot be seen (not Linux): what is made of it is then
 * left out of the result.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface Usage {
  readonly parent: number;
  /** CPU seconds of the process, and of its children that have ended. */
  readonly own: number;
  readonly reaped: number;
}

const ticksPerSecond = readTicks();

function readTicks(): number {
  try {
    return Number(
      execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    return 100;
  }
}

/** CPU seconds of one process with all its threads, without its children. */
export function cpuSecondsOf(pid: number): number {
  return usageOf(pid)?.own ?? Number.NaN;
}

/** CPU seconds of a process and all below it, those that have ended included. */
export function cpuSecondsOfTree(pid: number): number {
  const sums = treeOf(pid).map((member) => {
    const usage = usageOf(member);
    return usage === undefined ? 0 : usage.own + usage.reaped;
  });
  return sums.length === 0 ? Number.NaN : sums.reduce((sum, seconds) => sum + seconds, 0);
}

/**
 * Bytes of user-space memory that are a process's own: anonymous and shared memory, the latter divided among those who
 * map it. Pages of files (the program itself, caches) are left out.
 */
export function memoryBytesOf(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  } catch {
    return Number.NaN;
  }
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
  const own = kibibytes('Pss_Anon') + kibibytes('Pss_Shmem');
  // Kernels before 5.4 do not tell the kinds apart.
  return 1024 * (Number.isNaN(own) ? kibibytes('Anonymous') : own);
}

/** The same of a process and all below it. */
export function memoryBytesOfTree(pid: number): number {
  const members = treeOf(pid)
    .map(memoryBytesOf)
    .filter((bytes) => !Number.isNaN(bytes));
  return members.length === 0 ? Number.NaN : members.reduce((sum, bytes) => sum + bytes, 0);
}

/** A process that lives, and all below it. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processes()) {
    const parent = usageOf(pid)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = usageOf(root) === undefined ? [] : [root];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function usageOf(pid: number): Usage | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character; what follows the last one are numbers.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const seconds = (from: number) => ((fields[from] ?? 0) + (fields[from + 1] ?? 0)) / ticksPerSecond;
  return { parent: fields[1] ?? 0, own: seconds(11), reaped: seconds(13) };
}
