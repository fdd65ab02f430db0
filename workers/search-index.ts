/** Where the search indexer lives: on the main thread, with one connection of its own. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { SearchReport } from '#actors/search-indexer/ports.js';
import { SearchIndexer, type SearchIndexerMessage } from '#actors/search-indexer/search-indexer.js';
import type { Config } from '#src/config.js';
import type { Log } from '#src/log.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { searchLanguageOf } from '#src/search-language.js';
import { openSearchIndex, PostgresSearchIndex } from '#src/storage/postgres/search-index.js';
import { idleShares } from './idle-shares.js';

/** Starts to follow the log; the returned function ends it. */
export function startSearchIndex(options: { config: Config; url: string; log: Log }): () => Promise<void> {
  const { config, url, log } = options;
  const language = searchLanguageOf(config);
  if (language === undefined) return async () => {};
  const sql = openSearchIndex(url, 'nubo search index');
  const report = createSearchReports(log);
  const ports = nodeRuntimePorts();
  const system = createActorSystem({
    ports,
    options: {
      onCrash: ({ error }) => log.error({ err: error }, 'the search indexer crashed and is started again'),
    },
  });
  system.register<SearchIndexerMessage>('search-indexer', {
    create: (context) =>
      new SearchIndexer(context, {
        ...{ ...ports, index: new PostgresSearchIndex(sql, language), report },
        idleShare: idleShares(),
      }),
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: () => {},
  });
  system.tell('search-indexer/0', { kind: 'start' });
  return async () => {
    system.stop();
    await sql.end({ timeout: 1 });
  };
}

/** Registers the metrics; call it once a process. */
function createSearchReports(log: Log): (report: SearchReport) => void {
  const rows = new Counter({
    name: 'nubo_search_rows_total',
    help: 'Rows of the log that the index of words has taken in, by the way they came.',
    labelNames: ['way'],
  });
  const lag = new Gauge({
    name: 'nubo_search_lag_seconds',
    help: 'How old the oldest message of the last step was when it could be found; 0 when nothing was new.',
  });
  const behind = new Gauge({
    name: 'nubo_search_batches_behind',
    help: 'Batches that are committed and not in the index of words yet.',
  });
  const steps = new Histogram({
    name: 'nubo_search_step_seconds',
    help: 'How long steps of the index of words take.',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
  });
  return (report) => {
    switch (report.kind) {
      case 'followed':
        rows.inc({ way: 'followed' }, report.rows);
        lag.set(report.lagMs / 1000);
        behind.set(report.behind);
        if (report.rows > 0) steps.observe(report.milliseconds / 1000);
        return;
      case 'filled':
        rows.inc({ way: 'filled' }, report.rows);
        steps.observe(report.milliseconds / 1000);
        if (report.isAll) log.info('the index of words is filled');
        return;
      case 'pruned':
        return rows.inc({ way: 'pruned' }, report.rows);
      case 'failed':
        return log.warn({ reason: report.message }, `${report.what} failed and is tried again`);
      case 'healed':
        return log.info('the index of words goes on');
      default:
        return report satisfies never;
    }
  };
}
