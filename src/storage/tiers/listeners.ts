/** Who listens to which node of a flux, and what did not reach them. */
import type { Clock } from '../../runtime/ports.js';
import { unseal } from './envelope.js';

type Listener = (payload: Uint8Array) => void;

export class Listeners {
  private readonly clock: Clock;
  private readonly byNode = new Map<string, Set<{ readonly hear: Listener }>>();
  /** Messages that came when their lifetime was over, or that were none of nubo's. */
  readonly counts = { stale: 0, foreign: 0 };

  constructor(clock: Clock) {
    this.clock = clock;
  }

  nodes(): string[] {
    return [...this.byNode.keys()];
  }

  /** @returns what removes it again, and says whether it was the last one of its node */
  add(node: string, hear: Listener): { readonly isFirst: boolean; remove(): boolean } {
    const known = this.byNode.get(node);
    const set = known ?? new Set();
    if (known === undefined) this.byNode.set(node, set);
    const listener = { hear };
    set.add(listener);
    return {
      isFirst: known === undefined,
      remove: () => {
        if (!set.delete(listener) || set.size > 0) return false;
        this.byNode.delete(node);
        return true;
      },
    };
  }

  hear(node: string, message: Buffer): void {
    const payload = unseal(message, this.clock.now());
    if (typeof payload === 'string') this.counts[payload] += 1;
    else for (const { hear } of this.byNode.get(node) ?? []) hear(payload);
  }
}
