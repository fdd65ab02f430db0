/** What the process does when the lock on its database is lost, held again, or another server's (L13). */
import type { Log } from '#src/log.js';
import type { LockState, ServerLock } from '#src/storage/postgres/server-lock.js';
import type { Threads } from './threads.js';

export interface LockWatchOptions {
  readonly lock: Pick<ServerLock, 'watch'>;
  readonly threads: Threads;
  readonly log: Log;
  endProcess(sentence: string): void;
}

/** The threads must be made already: the lock may have been lost before. */
export function watchLock({ lock, threads, log, endProcess }: LockWatchOptions): void {
  lock.watch((state: LockState): void => {
    threads.tell('front', { kind: 'lock', isHeld: state.kind === 'held' });
    switch (state.kind) {
      case 'held':
        return log.warn('the lock on the database is held again, and nobody had it in between');
      case 'lost':
        return log.warn({ reason: state.reason }, 'the lock on the database is lost and is taken again');
      case 'taken':
        return endProcess(`Another nubo has this database now (${state.reason}): this one ends.`);
      case 'released':
        return;
      default:
        return state satisfies never;
    }
  });
}
