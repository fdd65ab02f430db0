/** A tier of a simulation: it grows as its writers push, and may be slow, frozen or away. */

import type { Failed } from '#src/storage/ports.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import type { Simulation } from './sim-clock.js';

type Usage = Parameters<Parameters<Evictable['usage']>[0]>[0];
type Evicted = Parameters<Parameters<Evictable['evict']>[1]>[0];

export class SimulatedEvictable implements Evictable {
  readonly name: Evictable['name'];
  /** Bytes; one element is `elementBytes`. */
  used = 0;
  usedMax = 0;
  limit: number | undefined;
  elements = 0;
  evicted = 0;
  /** Bytes that are no elements. */
  foreign = 0;
  isFrozen = false;
  isAway = false;
  calls = 0;
  pending = 0;
  pendingMax = 0;
  private readonly simulation: Simulation;
  private readonly elementBytes: number;
  private readonly held: Array<() => void> = [];

  constructor(
    simulation: Simulation,
    options: { name?: Evictable['name']; limit?: number | undefined; elementBytes?: number },
  ) {
    this.simulation = simulation;
    this.name = options.name ?? 'redis';
    this.limit = options.limit;
    this.elementBytes = options.elementBytes ?? 400;
  }

  /** Writers that push so many bytes a millisecond until told otherwise. */
  grow(bytesPerMs: number): () => void {
    let isOver = false;
    const step = (): void => {
      if (isOver) return;
      if (!this.isFrozen) this.add(bytesPerMs);
      this.simulation.schedule(1, step);
    };
    step();
    return () => {
      isOver = true;
    };
  }

  add(bytes: number): void {
    this.elements += bytes / this.elementBytes;
    this.count();
  }

  usage(done: (result: Usage) => void): void {
    this.answer<Usage>(0.2, done, () => ({
      ...{ kind: 'usage', usedBytes: this.used, limitBytes: this.limit },
      elements: Math.floor(this.elements),
    }));
  }

  evict(count: number, done: (result: Evicted) => void): void {
    this.answer<Evicted>(0.8, done, () => {
      const taken = Math.min(count, Math.floor(this.elements));
      this.elements -= taken;
      this.evicted += taken;
      this.count();
      return { kind: 'evicted', byNode: new Map(taken === 0 ? [] : [['messages', taken]]) };
    });
  }

  thaw(): void {
    this.isFrozen = false;
    for (const run of this.held.splice(0)) run();
  }

  private count(): void {
    this.used = this.foreign + this.elements * this.elementBytes;
    this.usedMax = Math.max(this.usedMax, this.used);
  }

  private answer<Result>(ms: number, done: (result: Result | Failed) => void, read: () => Result): void {
    this.calls += 1;
    this.pending += 1;
    this.pendingMax = Math.max(this.pendingMax, this.pending);
    const run = (): void => {
      if (this.isFrozen) return void this.held.push(run);
      this.pending -= 1;
      done(this.isAway ? { kind: 'failed', message: 'it is away' } : read());
    };
    this.simulation.schedule(ms, run);
  }
}
