/** Processes that tests start, kill and clean up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Child {
  readonly process: ChildProcess;
  /** Everything it has written so far. */
  output(): string;
  /** The first line on standard output for which `pick` gives a value. Rejected when the process ends before. */
  line<Value>(pick: (line: string) => Value | undefined): Promise<Value>;
  /** Resolved when it has ended: exit code, or −1 for a signal. */
  readonly ended: Promise<number>;
}

/** Starts a program and listens to it; it is killed when `ended` is not awaited by the end of the test run. */
export function startChild(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv },
): Child {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isOver = false;
  const listeners = new Set<() => void>();
  const wake = () => {
    for (const listener of [...listeners]) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      wake();
    });
  }
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      isOver = true;
      resolve(code ?? -1);
      wake();
    });
  });
  const line = <Value>(pick: (line: string) => Value | undefined) =>
    new Promise<Value>((resolve, reject) => {
      const look = () => {
        const found = output
          .split('\n')
          .slice(0, -1)
          .map(pick)
          .find((value) => value !== undefined);
        if (found === undefined && !isOver) return;
        listeners.delete(look);
        if (found === undefined)
          reject(new Error(`${command} ended without the line waited for:\n${output}`));
        else resolve(found);
      };
      listeners.add(look);
      look();
    });
  return { process: child, output: () => output, line, ended };
}

/** A folder of its own for a test, below the system's temporary one. */
export function temporaryFolder(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `nubo-${name}-`));
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }),
  };
}
