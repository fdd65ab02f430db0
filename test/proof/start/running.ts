/** `npm start` in a clone, as a person types it. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Child, startChild } from '#test/support/children.js';
import type { Clone } from './clone.js';

export interface Run extends Child {
  /** Resolved with the milliseconds from the command to the moment when it served. */
  ready(): Promise<number>;
  /** SIGTERM to npm, as a supervisor of processes sends it; answers npm's exit code. */
  end(): Promise<number>;
}

export interface RunOptions {
  readonly args?: readonly string[];
  /** Added to PATH and HOME; nothing else is there, in particular no locale. */
  readonly env?: Readonly<Record<string, string>>;
}

const readyMsMax = 180_000;

/** Starts nubo; without `--port` among the arguments or PORT in the environment it takes 8080. */
export function npmStart(clone: Clone, options: RunOptions = {}): Run {
  const begun = performance.now();
  const { args = [], env = {} } = options;
  const user = clone.owner;
  const prefix =
    user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const [command = '', ...rest] = [...prefix, 'npm', 'start', ...(args.length === 0 ? [] : ['--', ...args])];
  // A home of its own for another user, since npm writes there; ours has a warm cache.
  const home = user === undefined ? process.env.HOME : join(clone.path, '..');
  const child = startChild(command, rest, {
    cwd: clone.path,
    env: { PATH: process.env.PATH, HOME: home, ...env },
  });
  return {
    ...child,
    async ready() {
      const timer = setTimeout(() => child.process.kill('SIGKILL'), readyMsMax);
      try {
        const address = await child.line((line) => /^ {2}REST\s+(http:\S+)/.exec(line)?.[1]);
        const response = await fetch(`${address}/readyz`);
        if (!response.ok) throw new Error(`/readyz answers ${response.status}:\n${child.output()}`);
      } finally {
        clearTimeout(timer);
      }
      return performance.now() - begun;
    },
    end() {
      child.process.kill('SIGTERM');
      return child.ended;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
