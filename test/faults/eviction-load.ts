/** A skewed load on Redis in a process of its own, which knows what should have been evicted and looks what was. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';

export interface EvictionLoadPlan {
  readonly url: string;
  readonly prefix: string;
  readonly seed: number;
  /** Of values and their names together, as they were written. */
  readonly bytes: number;
  /** Of the text of an element, from the least to the most. */
  readonly textBytes: readonly [number, number];
}

/** What the watcher removed, when it heard of it. */
export interface EvictedThen {
  /** Unix ms, may be a fraction. */
  readonly at: number;
  readonly count: number;
}

export interface LoadVerdict {
  readonly elementsWritten: number;
  readonly bytesWritten: number;
  readonly seconds: number;
  /** Elements that were asked for. */
  readonly reads: number;
  readonly misses: number;
  readonly touchesDropped: number;
  /** Calls that wrote elements. */
  readonly puts: number;
  /** Evictions that were seen: an element that was there and had to be written again, or is not there in the end. */
  readonly evicted: number;
  /** Of these, those that an exact order would have evicted, too. */
  readonly evictedRightly: number;
  /** Of them, those that an order which hears of no reads would have evicted: what a Redis without touches would do. */
  readonly evictedDeafly: number;
  /** Elements in the LRU and not in their node, or the other way round. */
  readonly halves: number;
  readonly faults: readonly string[];
}

export type ToLoad = { readonly kind: 'judge'; readonly evictions: readonly EvictedThen[] };
export type FromLoad =
  | { readonly kind: 'written' }
  | { readonly kind: 'judged'; readonly verdict: LoadVerdict };

export interface EvictionLoad {
  /** Resolved when everything is written and nobody reads any more. */
  readonly written: Promise<void>;
  /** @param evictions all of them, in their order; nothing is evicted any more */
  judge(evictions: readonly EvictedThen[]): Promise<LoadVerdict>;
  end(): Promise<void>;
}

const program = join(projectRoot, 'build/test/faults/eviction-load-child.js');

/** Begins at once. */
export function startEvictionLoad(plan: EvictionLoadPlan): EvictionLoad {
  const child = fork(program, [JSON.stringify(plan)], { serialization: 'advanced', execArgv: [] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load has ended with ${String(code)}`);
  });
  ended.catch(() => {});
  const hear = <Kind extends FromLoad['kind']>(kind: Kind) =>
    new Promise<Extract<FromLoad, { kind: Kind }>>((resolve) => {
      child.on('message', (message: FromLoad) => {
        if (message.kind === kind) resolve(message as Extract<FromLoad, { kind: Kind }>);
      });
    });
  const written = Promise.race([hear('written').then(() => {}), ended]);
  const judged = hear('judged').then(({ verdict }) => verdict);
  return {
    written,
    judge: (evictions) => {
      child.send({ kind: 'judge', evictions } satisfies ToLoad);
      return Promise.race([judged, ended]);
    },
    end: async () => {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}
