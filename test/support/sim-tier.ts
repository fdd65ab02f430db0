/**
 * A mirror outside of all threads (Redis, Mongo) for simulations, and the way a thread reaches it: every call takes its
 * time, and may fail before or after it had its effect, or have it long after it was given up. The mirror itself may be
 * away, stand still, lose everything, or lose some of it.
 */
import type { Change } from '#src/entities/entity.js';
import { eventOfFields } from '#src/entities/messages.js';
import type { Failed } from '#src/storage/ports.js';
import type { Applied, AsOf, Mirror, MirrorStep, TierName } from '#src/storage/tiers/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Simulation } from './sim-clock.js';
import type { Draws } from './sim-random.js';
import type { SimThread } from './sim-thread.js';

/** How often a call fails, and how. */
export interface TierFaults {
  readonly before: number;
  readonly after: number;
  /** Given up by the caller, and done all the same, later. */
  readonly late: number;
  readonly slow: number;
}

export const noTierFaults: TierFaults = { before: 0, after: 0, late: 0, slow: 0 };
export const usualTierFaults: TierFaults = { before: 0.03, after: 0.02, late: 0.02, slow: 0.03 };

/** What is in the mirror. */
export class SimTierStore {
  readonly name: TierName;
  readonly isWhole: boolean;
  readonly changes = new Map<string, Change>();
  readonly positions = new Map<string, number>();
  state: 'up' | 'down' | 'frozen' = 'up';
  private readonly places = new Map<string, Change>();
  private frozen: Array<() => void> = [];

  constructor(name: TierName, isWhole: boolean) {
    this.name = name;
    this.isWhole = isWhole;
  }

  put(change: Change): void {
    const key = `${change.entity.name} ${change.id}`;
    const known = this.changes.get(key);
    if (known !== undefined && known.version >= change.version) return;
    this.changes.set(key, change);
    if (change.entity.name === 'messages' && change.fields !== undefined) {
      this.places.set(`${change.fields.conversation}:${change.fields.seq}`, change);
    }
  }

  at(conv: string, seq: number): LogEvent | undefined {
    const fields = this.places.get(`${conv}:${seq}`)?.fields;
    return fields === undefined ? undefined : eventOfFields(fields);
  }

  clear(): void {
    this.changes.clear();
    this.places.clear();
  }

  wipe(): void {
    this.clear();
    this.positions.clear();
  }

  /** Loses about every third element, as a cache under pressure does. */
  evict(random: Draws): void {
    for (const [key, change] of [...this.changes]) {
      if (!random.chance(0.3)) continue;
      this.changes.delete(key);
      if (change.entity.name === 'messages' && change.fields !== undefined)
        this.places.delete(`${change.fields.conversation}:${change.fields.seq}`);
    }
  }

  whenThawed(run: () => void): void {
    this.frozen.push(run);
  }

  thaw(): void {
    this.state = 'up';
    for (const run of this.frozen.splice(0)) run();
  }
}

export interface SimTierOptions {
  readonly store: SimTierStore;
  readonly simulation: Simulation;
  readonly random: Draws;
  readonly thread: SimThread;
  /** Read at every call, so that a run can heal. */
  readonly faults: () => TierFaults;
}

const failed: Failed = { kind: 'failed', message: 'simulated' };
/** When a caller gives up. */
const patienceMs = 250;

export class SimTier implements Mirror {
  readonly name: TierName;
  readonly isWhole: boolean;
  private readonly options: SimTierOptions;

  constructor(options: SimTierOptions) {
    this.options = options;
    this.name = options.store.name;
    this.isWhole = options.store.isWhole;
  }

  events(range: Parameters<Mirror['events']>[0], done: Parameters<Mirror['events']>[1]): void {
    const { store } = this.options;
    this.call(done, () => {
      const events: LogEvent[] = [];
      for (let seq = range.from; seq <= range.to; seq += 1) {
        const event = store.at(range.conv, seq);
        if (event === undefined) return { kind: 'absent' as const };
        events.push(event);
      }
      return { kind: 'events' as const, events };
    });
  }

  get(...[entity, ids, done]: Parameters<Mirror['get']>): void {
    const { store } = this.options;
    this.call(done, () => ({
      kind: 'elements' as const,
      elements: ids.map((id) => store.changes.get(`${entity.name} ${id}`)),
    }));
  }

  fill(changes: readonly Change[], asOf?: AsOf): void {
    const { store } = this.options;
    this.call(
      () => {},
      () => {
        const stands = store.positions.get(asOf?.source ?? '') ?? Number.NaN;
        if (asOf !== undefined && !store.isWhole && !(stands <= asOf.batch))
          return { kind: 'filled' as const };
        for (const change of changes) store.put(change);
        return { kind: 'filled' as const };
      },
    );
  }

  position(source: string, done: Parameters<Mirror['position']>[1]): void {
    const { store } = this.options;
    this.call(done, () => ({ kind: 'position' as const, position: store.positions.get(source) }));
  }

  apply(step: MirrorStep, done: (result: Applied) => void): void {
    const { store } = this.options;
    this.call<Applied>(done, () => {
      if (store.positions.get(step.source) !== step.from) return { kind: 'lost' };
      for (const change of step.changes) store.put(change);
      store.positions.set(step.source, step.to);
      return { kind: 'applied', poisoned: [] };
    });
  }

  put(changes: readonly Change[], done: Parameters<Mirror['put']>[1]): void {
    this.call(done, () => {
      for (const change of changes) this.options.store.put(change);
      return { kind: 'applied' as const, poisoned: [] };
    });
  }

  clear(done: Parameters<Mirror['clear']>[0]): void {
    this.call(done, () => {
      if (this.isWhole) this.options.store.wipe();
      else this.options.store.clear();
      return { kind: 'cleared' as const };
    });
  }

  private call<Result>(done: (result: Result | Failed) => void, effect: () => Result): void {
    const { store, simulation, random, thread } = this.options;
    const faults = this.options.faults();
    const answer = (result: Result | Failed, ms: number): void => {
      simulation.schedule(ms, () => thread.run(() => done(result)));
    };
    const delay = random.next() * (random.chance(faults.slow) ? 120 : 1);
    simulation.schedule(delay, () => {
      if (store.state === 'down') return answer(failed, random.next());
      if (store.state === 'frozen') {
        store.whenThawed(effect);
        return answer(failed, patienceMs);
      }
      if (random.chance(faults.before)) return answer(failed, random.next());
      if (random.chance(faults.late)) {
        simulation.schedule(random.next() * 2_000, effect);
        return answer(failed, patienceMs);
      }
      const result = effect();
      answer(random.chance(faults.after) ? failed : result, random.next());
    });
  }
}
