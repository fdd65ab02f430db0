/** A flux within one process: for who runs without Redis, and for simulations of several nodes. */
import type { Clock, Turns } from '../../runtime/ports.js';
import { seal } from '../tiers/envelope.js';
import type { Flux } from '../tiers/flux.js';
import { Listeners } from '../tiers/listeners.js';

export class MemoryFlux implements Flux {
  private readonly clock: Clock;
  private readonly turns: Turns;
  private readonly listeners: Listeners;

  constructor({ clock, turns }: { clock: Clock; turns: Turns }) {
    this.clock = clock;
    this.turns = turns;
    this.listeners = new Listeners(clock);
  }

  get counts(): Listeners['counts'] {
    return this.listeners.counts;
  }

  publish(node: string, payload: Uint8Array): void {
    const message = seal(payload, this.clock.now());
    this.turns.soon(() => this.listeners.hear(node, message));
  }

  subscribe(node: string, onMessage: (payload: Uint8Array) => void): () => void {
    const { remove } = this.listeners.add(node, onMessage);
    return () => void remove();
  }
}
