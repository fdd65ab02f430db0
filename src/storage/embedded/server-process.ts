/** One run of the Postgres server, from its start to its end. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../../errors.js';
import type { Binaries } from './binaries.js';
import type { Launcher } from './launch.js';
import { serverArguments } from './settings.js';

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolved when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly logFile: string;
  readonly binaries: Binaries;
  readonly launcher: Launcher;
}

const pollMs = 5;
/** After a crash the write-ahead log is replayed first. */
const readyMs = 300_000;
const portAttempts = 5;
const logBytesMax = 10 * 1024 * 1024;
/** Fast shutdown waits for a checkpoint; after this long it is cut short, which costs a recovery. */
const fastStopMs = 15_000;
const immediateStopMs = 5_000;

/** Starts the server, on `port` or on a free one, and waits until it takes connections. */
export async function startServer(place: Place, port?: number): Promise<ServerProcess> {
  let failure: unknown;
  for (let attempt = 0; attempt < portAttempts; attempt += 1) {
    // Postgres cannot choose a port itself, so somebody may take ours in between: then another one.
    const chosen = port ?? (await freePort());
    try {
      return await attemptStart(place, chosen);
    } catch (error) {
      failure = error;
      if (!logSays(place.logFile, `could not bind IPv4 address "127.0.0.1": Address already in use`)) break;
    }
  }
  throw failure;
}

async function attemptStart(place: Place, port: number): Promise<ServerProcess> {
  const log = openLog(place.logFile);
  let child: ChildProcess;
  try {
    child = place.launcher.start(place.binaries.postgres, ['-D', place.folder, ...serverArguments(port)], {
      stdio: ['ignore', log, log],
      environment: place.binaries.environment,
      atDeath: 'INT',
    });
  } finally {
    closeSync(log);
  }
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const pid = child.pid ?? 0;
  if (!(await isReady(place.folder, child))) {
    child.kill('SIGQUIT');
    throw new StartError(`The embedded Postgres did not start; its last words:\n${lastWords(place.logFile)}`);
  }
  return { pid, port, ended, stop: () => stop(child, ended) };
}

/** The server writes its state into the eighth line of its pid file. */
async function isReady(folder: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + readyMs;
  while (
    Date.now() < deadline &&
    child.exitCode === null &&
    child.signalCode === null &&
    child.pid !== undefined
  ) {
    const lines = readLines(join(folder, 'postmaster.pid'));
    if (lines[0] === String(child.pid) && lines[7]?.trim() === 'ready') return true;
    await sleep(pollMs);
  }
  return false;
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const steps = [
    ['SIGINT', fastStopMs],
    ['SIGQUIT', immediateStopMs],
    ['SIGKILL', immediateStopMs],
  ] as const;
  for (const [signal, ms] of steps) {
    child.kill(signal);
    const timer = new AbortController();
    const isOver = await Promise.race([
      ended.then(() => true),
      sleep(ms, false, { signal: timer.signal }).catch(() => false),
    ]);
    timer.abort();
    if (isOver) return;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function openLog(path: string): number {
  try {
    if (statSync(path).size > logBytesMax) renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return openSync(path, 'a', 0o600);
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function lastWords(path: string): string {
  return readLines(path).slice(-12).join('\n').trim();
}

function logSays(path: string, text: string): boolean {
  return lastWords(path).includes(text);
}
