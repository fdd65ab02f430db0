/** Connects from several processes at once: a client costs more than the server's side of it. */
import { playParts, sumOf } from './play-parts.js';
import type { PlayTaskOptions, Window } from './play-task.js';
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
  const parts = Array.from({ length: generators }, (_, part) => dealt(task, part));
  const { reports, windows } = await playParts<'connect'>(parts, options);
  return {
    connects: sumOf(reports, ({ connects }) => connects),
    seconds: Math.max(...reports.map(({ seconds }) => seconds)),
    failures: sumOf(reports, ({ failures }) => failures),
    details: reports.flatMap(({ details }) => details),
    connect: reports.map(({ connect }) => connect).sort((one, two) => tail(two) - tail(one))[0],
    window: windows.get('connects'),
  };
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

function tail(connect: ConnectReport['connect']): number {
  return connect?.p99 ?? 0;
}
