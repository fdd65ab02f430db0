/** CPU seconds of processes of this machine, from /proc; undefined where that cannot be seen. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Sql } from 'postgres';

/** What a process has used, in seconds; `reaped` is that of its children that have ended. */
interface Usage {
  readonly own: number;
  readonly reaped: number;
}

export interface CpuSample {
  readonly server: number | undefined;
  readonly postgres: number | undefined;
  readonly client: number;
}

export interface Processes {
  /** All threads of nubo are in one process. */
  readonly server: number | undefined;
  /** The postmaster. */
  readonly postgres: number | undefined;
}

const ticksPerSecond = readTicks();

function readTicks(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  } catch {
    return 100;
  }
}

export function sampleCpu({ server, postgres }: Processes): CpuSample {
  const { user, system } = process.cpuUsage();
  return {
    server: server === undefined ? undefined : usageOf(server)?.own,
    postgres: postgres === undefined ? undefined : usageOfFamily(postgres),
    client: (user + system) / 1e6,
  };
}

/** What was used between two samples. */
export function cpuBetween(from: CpuSample, to: CpuSample): CpuSample {
  const minus = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? undefined : one - other;
  return {
    server: minus(to.server, from.server),
    postgres: minus(to.postgres, from.postgres),
    client: to.client - from.client,
  };
}

/** The parent of the backend we talk to; undefined when that backend is not a process of this machine. */
export async function findPostmaster(sql: Sql): Promise<number | undefined> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const stat = row === undefined ? undefined : readStat(row.pid);
  return stat?.name.startsWith('postgres') === true ? stat.parent : undefined;
}

/** The postmaster and all its children, those that have ended too. */
function usageOfFamily(pid: number): number | undefined {
  const own = usageOf(pid);
  if (own === undefined) return undefined;
  return childrenOf(pid).reduce((sum, child) => sum + (usageOf(child)?.own ?? 0), own.own + own.reaped);
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => readStat(candidate)?.parent === pid);
}

function usageOf(pid: number): Usage | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { own: stat.own, reaped: stat.reaped };
}

function readStat(pid: number): (Usage & { readonly name: string; readonly parent: number }) | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character; what follows the last one are numbers.
  const end = text.lastIndexOf(')');
  const fields = text
    .slice(end + 2)
    .split(' ')
    .map(Number);
  const ticks = (from: number) => ((fields[from] ?? 0) + (fields[from + 1] ?? 0)) / ticksPerSecond;
  return {
    ...{ name: text.slice(text.indexOf('(') + 1, end), parent: fields[1] ?? 0 },
    ...{ own: ticks(11), reaped: ticks(13) },
  };
}
