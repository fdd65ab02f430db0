/** The index of words, written by following the log: see sql/messaging/0011_search.up.sql for what each step does. */
import type { Sql } from 'postgres';
import type { SearchIndex } from '../ports.js';
import { within } from './gatherer.js';
import { readsPerSummary, summarizeBatches } from './log-changes.js';
import { openSql } from './sql.js';

/** What a step is waited for: beginning anew may wait for whoever searches. */
const answerMs = 25_000;

/**
 * A client for the index: its reads go by the index on batches, and its commits wait for no disk. What a crash takes
 * back it takes back with the position, so it is only done again.
 */
export function openSearchIndex(url: string, name: string): Sql {
  const settings = {
    enable_seqscan: 'off',
    jit: 'off',
    max_parallel_workers_per_gather: 0,
    synchronous_commit: 'off',
  };
  return openSql(url, { max: 1, name, settings });
}

export class PostgresSearchIndex implements SearchIndex {
  private readonly sql: Sql;
  private readonly language: string;
  private steps = 0;

  /**
   * @param sql of `openSearchIndex`; it stays its owner's to end
   * @param language a text search configuration of the database: `simple`, `french` …
   */
  constructor(sql: Sql, language: string) {
    this.sql = sql;
    this.language = language;
  }

  begin(done: Parameters<SearchIndex['begin']>[0]): void {
    within(answerMs, this.isFilled(), (isFilled, message) =>
      done(isFilled === undefined ? { kind: 'failed', message } : { kind: 'begun', isFilled }),
    );
  }

  fill(limit: number, done: Parameters<SearchIndex['fill']>[1]): void {
    within(answerMs, this.rowsOf('nubo_search_fill', limit), (rows, message) =>
      done(rows === undefined ? { kind: 'failed', message } : { kind: 'filled', rows }),
    );
  }

  follow(most: Parameters<SearchIndex['follow']>[0], done: Parameters<SearchIndex['follow']>[1]): void {
    within(answerMs, this.followed(most), (step, message) =>
      done(step === undefined ? { kind: 'failed', message } : { kind: 'followed', ...step }),
    );
  }

  prune(limit: number, done: Parameters<SearchIndex['prune']>[1]): void {
    within(answerMs, this.rowsOf('nubo_search_prune', limit), (rows, message) =>
      done(rows === undefined ? { kind: 'failed', message } : { kind: 'pruned', rows }),
    );
  }

  private async isFilled(): Promise<boolean> {
    const [row] = await this.sql<Array<{ filled: boolean }>>`
      select nubo_search_begin(${this.language}) as filled`;
    return row?.filled ?? false;
  }

  private async rowsOf(step: string, limit: number): Promise<number> {
    const [row] = await this.sql<Array<{ rows: number }>>`select ${this.sql(step)}(${limit}) as rows`;
    return row?.rows ?? 0;
  }

  private async followed(most: Parameters<SearchIndex['follow']>[0]) {
    const [row] = await this.sql<Array<{ rows: number; behind: number; oldest: number | null }>>`
      select rows, behind::float8 as behind, oldest::float8 as oldest
      from nubo_search_follow(${most.batches}, ${most.rows})`;
    const { rows = 0, behind = 0, oldest = null } = row ?? {};
    if (rows > 0 && this.steps++ % readsPerSummary === 0) await summarizeBatches(this.sql);
    return { rows, behind, oldestAt: oldest ?? undefined };
  }
}
