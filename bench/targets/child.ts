/** A server in a process of its own, which ends with the bench, however the bench ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export interface ChildOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

export interface ServerChild {
  readonly pid: number;
  /** Exit code, or -1 for a signal. */
  readonly ended: Promise<number>;
  /** The last of what it wrote. */
  output(): string;
  /** The first line of output that matches; rejects when it ends before, or does not say it in time. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGTERM, and SIGKILL when it has not ended by then. */
  stop(): Promise<number>;
}

const outputCharsMax = 64 * 1024;
const readyMs = 60_000;
const stopMs = 30_000;

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** The kernel ends it when the bench is gone without a word, where it can. */
const guard =
  spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true'], { stdio: 'ignore' }).status === 0
    ? ['setpriv', '--pdeathsig', 'TERM']
    : [];

export function startServerChild({ program, args, environment, folder }: ChildOptions): ServerChild {
  const [command = program, ...rest] = [...guard, program, ...args];
  // Detached: a Ctrl-C at the terminal goes to the bench alone, which ends its servers in order.
  const child = spawn(command, rest, {
    ...{ cwd: folder, env: { PATH: process.env.PATH, ...environment }, detached: true },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-outputCharsMax);
    });
  }
  const ended = endOf(child);
  return {
    pid: child.pid ?? 0,
    ended,
    output: () => output,
    line: (pattern) => lineOf(child, pattern, () => output),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number> {
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? -1;
  } finally {
    living.delete(child);
  }
}

function lineOf(child: ChildProcess, pattern: RegExp, output: () => string): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = pattern.exec(output());
      if (found === null) return;
      finish();
      resolve(found);
    };
    const fail = (why: string) => () => {
      finish();
      reject(new Error(`${child.spawnfile} ${why}:\n${output().trim()}`));
    };
    const onEnd = fail('ended before it was ready');
    const timer = setTimeout(fail('was not ready in time'), readyMs);
    const finish = () => {
      clearTimeout(timer);
      child.off('close', onEnd);
      child.stdout?.off('data', look);
      child.stderr?.off('data', look);
    };
    child.on('close', onEnd);
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    look();
  });
}
