/**
 * One play by several processes at once: where clients cost more than the server's side of them, a single process would
 * be measured rather than the server.
 */
import { type Played, type PlayTaskOptions, playTask, type Window } from './play-task.js';
import type { Reports, Task } from './tasks.js';

export interface PlayedParts<Kind extends Task['kind']> {
  readonly reports: readonly Reports[Kind][];
  /** Those that every part had. */
  readonly windows: ReadonlyMap<string, Window>;
}

/** Each part is played by a process of its own; at each edge of a window all wait for the last one. */
export async function playParts<Kind extends Task['kind']>(
  parts: readonly Extract<Task, { kind: Kind }>[],
  options: Omit<PlayTaskOptions, 'onEdge'>,
): Promise<PlayedParts<Kind>> {
  const meet = meeting(parts.length);
  const played = await Promise.all(parts.map((part) => playTask<Kind>(part, { ...options, onEdge: meet })));
  return { reports: played.map(({ report }) => report), windows: windowsOf(played) };
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

function windowsOf(played: readonly Pick<Played<Task['kind']>, 'windows'>[]): Map<string, Window> {
  const all = new Map<string, Window>();
  for (const name of played[0]?.windows.keys() ?? []) {
    const windows = played.flatMap((part) => part.windows.get(name) ?? []);
    if (windows.length === played.length) all.set(name, longest(windows));
  }
  return all;
}

/** They began together: the longest holds all that the server did, and each process has its own CPU. */
function longest(windows: readonly Window[]): Window {
  const most = (of: (window: Window) => number) => Math.max(...windows.map(of));
  return {
    ...{ seconds: most(({ seconds }) => seconds), server: most(({ server }) => server) },
    database: most(({ database }) => database),
    generator: sumOf(windows, ({ generator }) => generator),
  };
}

export function sumOf<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
