/**
 * Connects from several processes at once. A client costs more than the server's side of it: one process would be measured
 * rather than a server that only upgrades.
 */
import { type Played, type PlayTaskOptions, playTask, type Window } from './play-task.js';
import type { ConnectReport, ConnectTask } from './tasks.js';

export const generators = 2;

export interface Connected {
  readonly connects: number;
  /** Until the last process was done. */
  readonly seconds: number;
  readonly failures: number;
  readonly details: readonly string[];
  /** Of the process with the longer tail. */
  readonly connect: ConnectReport['connect'];
  readonly window: Window | undefined;
}

/** Deals the task out; all begin together, and none lets its sockets go before all are done. */
export async function playConnects(
  task: ConnectTask,
  options: Omit<PlayTaskOptions, 'onEdge'>,
): Promise<Connected> {
  const meet = meeting(generators);
  const parts = Array.from({ length: generators }, (_, part) => dealt(task, part));
  return together(
    await Promise.all(parts.map((part) => playTask<'connect'>(part, { ...options, onEdge: meet }))),
  );
}

/** One process's share: every so-maniest token, of those that are counted and of those that are not. */
function dealt(task: ConnectTask, part: number): ConnectTask {
  return {
    ...task,
    tokens: task.tokens.filter((_, index) => index % generators === part),
    warmUp: Math.ceil((task.warmUp - part) / generators),
    atOnce: Math.ceil((task.atOnce - part) / generators),
  };
}

/** Resolves when so many have come, for each edge anew. */
function meeting(count: number): (window: string, isBegin: boolean) => Promise<void> {
  const waiting: (() => void)[] = [];
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === count) for (const go of waiting.splice(0)) go();
    });
}

function together(played: readonly Played<'connect'>[]): Connected {
  const reports = played.map(({ report }) => report);
  const windows = played.flatMap(({ windows }) => windows.get('connects') ?? []);
  return {
    connects: sum(reports.map(({ connects }) => connects)),
    seconds: Math.max(...reports.map(({ seconds }) => seconds)),
    failures: sum(reports.map(({ failures }) => failures)),
    details: reports.flatMap(({ details }) => details),
    connect: reports.map(({ connect }) => connect).sort((one, two) => tail(two) - tail(one))[0],
    window: windows.length === played.length ? longest(windows) : undefined,
  };
}

/** They began together: the longest holds all that the server did, and each process has its own CPU. */
function longest(windows: readonly Window[]): Window {
  const most = (of: (window: Window) => number) => Math.max(...windows.map(of));
  return {
    ...{ seconds: most(({ seconds }) => seconds), server: most(({ server }) => server) },
    database: most(({ database }) => database),
    generator: sum(windows.map(({ generator }) => generator)),
  };
}

function tail(connect: ConnectReport['connect']): number {
  return connect?.p99 ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
