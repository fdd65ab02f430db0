/** What a shard has committed to the simulated database, as mirrors read it again. */
import { changesOfEvents } from '#src/entities/log-changes.js';
import type { Failed } from '#src/storage/ports.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Simulation } from './sim-clock.js';
import type { SimDatabase } from './sim-database.js';
import type { Draws } from './sim-random.js';
import type { SimThread } from './sim-thread.js';

export interface SimChangesOptions {
  readonly shard: number;
  readonly database: SimDatabase;
  readonly simulation: Simulation;
  readonly random: Draws;
  readonly thread: SimThread;
  /** How often a read fails. */
  readonly failures: () => number;
}

const failed: Failed = { kind: 'failed', message: 'simulated' };

export class SimChanges implements ChangeSource {
  readonly name: string;
  private readonly options: SimChangesOptions;

  constructor(options: SimChangesOptions) {
    this.options = options;
    this.name = `log/${options.shard}`;
  }

  head(done: Parameters<ChangeSource['head']>[0]): void {
    const { database, shard } = this.options;
    this.query(done, () => ({ kind: 'head' as const, head: database.batchesOf(shard).length }));
  }

  read(...[{ after, limit }, done]: Parameters<ChangeSource['read']>): void {
    const { database, shard } = this.options;
    this.query(done, () => {
      const batches = database.batchesOf(shard);
      const changes = [];
      let to = after;
      // Small reads, so that catching up takes many of them.
      while (to < batches.length && to - after < 20 && changes.length < limit) {
        to += 1;
        changes.push(...changesOfEvents(this.asTheyAre(batches[to - 1] ?? []), to));
      }
      return { kind: 'changes' as const, changes, to, isAll: to === batches.length };
    });
  }

  walk(...[{ cursor }, done]: Parameters<ChangeSource['walk']>): void {
    const { database, shard } = this.options;
    this.query(done, () => {
      const rows: Array<{ event: LogEvent; batch: number }> = [];
      database.batchesOf(shard).forEach((events, index) => {
        for (const event of events) rows.push({ event, batch: index + 1 });
      });
      rows.sort((one, other) => (one.event.id < other.event.id ? -1 : 1));
      const page = rows.filter(({ event }) => event.id > (cursor ?? '')).slice(0, 50);
      const next = page.length < 50 ? undefined : page.at(-1)?.event.id;
      return {
        kind: 'page' as const,
        changes: page.flatMap(({ event, batch }) => changesOfEvents(this.asTheyAre([event]), batch)),
        next,
      };
    });
  }

  /** What was deleted since says nothing any more. */
  private asTheyAre(events: readonly LogEvent[]): LogEvent[] {
    return events.map((event) => this.options.database.byId.get(event.id) ?? event);
  }

  private query<Result>(done: (result: Result | Failed) => void, ask: () => Result): void {
    const { simulation, random, thread, failures } = this.options;
    const fails = random.chance(failures());
    simulation.schedule(random.next() * 2, () => {
      const result = fails ? failed : ask();
      simulation.schedule(random.next() * 2, () => thread.run(() => done(result)));
    });
  }
}
