/** Saying goodbye to everybody without making a herd of them (O4). */
import type { RuntimePorts } from '../runtime/ports.js';
import type { Sessions } from './sessions.js';

/** Batches the window is cut into. */
const batchesMax = 20;

export interface DrainOptions {
  /** Live: closed sessions leave it. */
  readonly sessions: Sessions;
  /** Sockets are closed over this time, and their clients told to spread their return over as much. */
  readonly windowMs: number;
  readonly ports: RuntimePorts;
}

/**
 * Closes every session with 4000 and the reason `windowMs=N`, at most a batch at once, in an order nobody can
 * guess. Resolves when no session is left, or one window after the last batch.
 */
export function drainSessions({ sessions, windowMs, ports }: DrainOptions): Promise<void> {
  const queue = shuffled(sessions.all(), () => ports.random.next());
  const size = Math.max(1, Math.ceil(queue.length / batchesMax));
  const pause = Math.floor(windowMs / batchesMax);
  const reason = `windowMs=${windowMs}`;
  const deadlineAt = ports.clock.now() + 2 * windowMs + 1;

  return new Promise((resolve) => {
    function next(): void {
      for (const session of queue.splice(0, size)) session.close('draining', reason);
      // Those that came in meanwhile go as well.
      if (queue.length === 0) for (const session of sessions.all()) session.close('draining', reason);
      if (sessions.size === 0 || ports.clock.now() >= deadlineAt) resolve();
      else ports.timers.after(Math.max(1, pause), next);
    }
    next();
  });
}

/** Fisher and Yates, so that neighbours of one office or proxy do not come back together. */
function shuffled<Item>(items: Item[], random: () => number): Item[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const item = items[last] as Item;
    items[last] = items[other] as Item;
    items[other] = item;
  }
  return items;
}
