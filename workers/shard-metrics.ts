/** What a shard measures: batches, actors, restarts (O3). */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { ShardCore } from './shard-core.js';

export interface ShardMetrics {
  onBatch(rows: number, milliseconds: number): void;
  /** Reads the core at every scrape. */
  watch(core: ShardCore): void;
}

export function createShardMetrics(): ShardMetrics {
  const rows = new Counter({
    name: 'nubo_log_rows_total',
    help: 'Events committed to the log.',
  });
  const batchRows = new Histogram({
    name: 'nubo_batch_rows',
    help: 'Events in one committed batch.',
    labelNames: ['store'],
    buckets: [1, 3, 10, 30, 100, 300, 1000, 3000],
  });
  const batchSeconds = new Histogram({
    name: 'nubo_batch_seconds',
    help: 'From a batch sent to its commit known.',
    labelNames: ['store'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  });
  return {
    onBatch(count, milliseconds) {
      rows.inc(count);
      batchRows.observe({ store: 'postgres' }, count);
      batchSeconds.observe({ store: 'postgres' }, milliseconds / 1000);
    },
    watch(core) {
      byKind('nubo_actors', 'Actors alive, by kind.', () => core.stats().actorsByKind);
      byKind(
        'nubo_actor_restarts_total',
        'Actors started again after a crash, by kind.',
        () => core.stats().restartsByKind,
      );
      byKind(
        'nubo_actor_poison_total',
        'Messages set aside after three crashes, by kind.',
        () => core.stats().poisonByKind,
      );
      new Counter({
        name: 'nubo_rates_evaluated_total',
        help: 'How often the rate of a user was looked at before something was let through',
        labelNames: ['at'],
        collect() {
          this.reset();
          this.inc({ at: 'shard' }, core.ratesEvaluated());
        },
      });
      new Gauge({
        name: 'nubo_mailbox_items',
        help: 'Messages that wait in mailboxes.',
        aggregator: 'sum',
        collect() {
          this.set(core.stats().mailboxItems);
        },
      });
    },
  };
}

function byKind(name: string, help: string, read: () => Readonly<Record<string, number>>): void {
  new Gauge({
    name,
    help,
    labelNames: ['kind'],
    aggregator: 'sum',
    collect() {
      for (const [kind, value] of Object.entries(read())) this.set({ kind }, value);
    },
  });
}
