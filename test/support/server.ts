/** A real nubo for tests: the command as a person starts it, in a process of its own, to be killed at will. */
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import { type Runtime, readRuntime } from '#src/runtime-file.js';
import { inhabitantsOf, settled } from '#src/storage/embedded/inhabitants.js';
import { startChild, temporaryFolder } from './children.js';

export interface ServerOptions {
  /** The data folder; the same again for the same data. */
  readonly data: string;
  /** Settings, by the names of the environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** With thread files that plant faults on command; see test/faults. */
  readonly isFaulty?: boolean;
}

/** `nubo`: its Postgres ends with it. `everything`: no process of either gets a last word. */
export type Victim = 'nubo' | 'everything';

export interface TestServer {
  /** `http://127.0.0.1:<port>` */
  readonly address: string;
  readonly pid: number;
  readonly runtime: Runtime;
  output(): string;
  /** The first line of output for which `pick` gives a value. */
  line<Value>(pick: (line: string) => Value | undefined): Promise<Value>;
  /** Exit code, or −1 for a signal. */
  readonly ended: Promise<number>;
  /** SIGTERM: drains. */
  stop(): Promise<number>;
  /** SIGKILL, at once; `ended` tells when it is over. */
  kill(victim: Victim): void;
}

/**
 * Starts nubo and waits until it serves. The build must be current: `npm test` and `npm run proof` see to it.
 *
 * @throws Error with its output when it ends before
 */
export async function startServer({ data, env = {}, isFaulty = false }: ServerOptions): Promise<TestServer> {
  const program = isFaulty ? 'build/test/faults/faulty-server-child.js' : 'build/cli/main.js';
  const child = startChild(
    process.execPath,
    [join(projectRoot, program), ...(isFaulty ? [] : ['start']), '--port', '0', '--data', data],
    { cwd: projectRoot, env: { PATH: process.env.PATH, NUBO_LOG_LEVEL: 'warn', ...env } },
  );
  const { pid = 0 } = child.process;
  running.add(pid);
  void child.ended.finally(() => running.delete(pid));
  const address = await child.line((line) => /^ {2}REST\s+(http:\S+)/.exec(line)?.[1]);
  const runtime = readRuntime(data);
  return {
    address: address.replace('localhost', '127.0.0.1'),
    pid,
    runtime,
    output: child.output,
    line: child.line,
    ended: child.ended,
    stop() {
      child.process.kill('SIGTERM');
      return child.ended;
    },
    kill(victim) {
      const postgres = victim === 'nubo' ? [] : inhabitantsOf(clusterIn(data));
      for (const doomed of [pid, ...postgres]) killNow(doomed);
    },
  };
}

/** What the tests started ends with them, also when they fail. */
const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running) killNow(pid);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Without a handler the process would end without `exit`.
  process.once(signal, () => process.exit(1));
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function clusterIn(data: string): string {
  return join(data, 'postgres');
}

/** A data folder of its own, gone with all that lives in it. */
export function dataFolder(name: string): { readonly path: string; remove(): Promise<void> } {
  const folder = temporaryFolder(name);
  const path = join(folder.path, 'data');
  return {
    path,
    async remove() {
      for (const left of await settled(clusterIn(path))) killNow(left);
      folder.remove();
    },
  };
}
