/** What one shard has committed, read again for a mirror that missed it: batch by batch, or all that is recent. */
import type { Sql } from 'postgres';
import type { Change } from '../../entities/entity.js';
import { timeOfId } from '../../ids.js';
import { zeroUuid } from '../../uuid-bytes.js';
import type { LogEvent } from '../../wire/events.js';
import type { ChangeSource } from '../tiers/ports.js';
import { recentDays } from '../tiers/ports.js';
import { within } from './gatherer.js';
import { eventOf, type LogRow } from './log-rows.js';
import { openSql } from './sql.js';

/** What a read is waited for, in milliseconds. */
const readMs = 25_000;
/** A row names shard and batch in one number. */
const batchesOfShard = 2 ** 40;
/** Batches of the first read; the next ones follow from how many rows they had. */
const firstWindow = 16;
const windowMax = 16_384;

/** A client for such reads: they go by the index on batches, which is only read through bitmaps. */
export function openLogChanges(url: string, name: string): Sql {
  const settings = { enable_seqscan: 'off', jit: 'off', max_parallel_workers_per_gather: 0 };
  return openSql(url, { max: 1, name, settings });
}

/** After so many reads the index is told of what was written since: of what it does not know, all is read. */
export const readsPerSummary = 32;

/** Tells the indexes on batches of what was written since they were last told. */
export async function summarizeBatches(sql: Sql): Promise<void> {
  await sql`
    select brin_summarize_new_values(i.indexrelid) from pg_inherits h
    join pg_index i on i.indrelid = h.inhrelid
    join pg_class c on c.oid = i.indexrelid
    join pg_am a on a.oid = c.relam and a.amname = 'brin'
    where h.inhparent = 'conversation_log'::regclass`;
}

export interface LogChangesOptions {
  /** Of `openLogChanges`; it stays its owner's to end. */
  readonly sql: Sql;
  readonly shard: number;
  /** What the events of one batch do to the stored things; `batch` is the number that rows have. */
  changesOf(events: readonly LogEvent[], batch: number): readonly Change[];
}

export class LogChanges implements ChangeSource {
  readonly name: string;
  private readonly options: LogChangesOptions;
  private window = firstWindow;
  private reads = 0;

  constructor(options: LogChangesOptions) {
    this.options = options;
    this.name = `log/${options.shard}`;
  }

  head(done: Parameters<ChangeSource['head']>[0]): void {
    within(readMs, this.readHead(), (head, message) =>
      done(head === undefined ? { kind: 'failed', message } : { kind: 'head', head }),
    );
  }

  read(range: Parameters<ChangeSource['read']>[0], done: Parameters<ChangeSource['read']>[1]): void {
    within(readMs, this.readAfter(range), (read, message) =>
      done(read === undefined ? { kind: 'failed', message } : { kind: 'changes', ...read }),
    );
  }

  walk(page: Parameters<ChangeSource['walk']>[0], done: Parameters<ChangeSource['walk']>[1]): void {
    within(readMs, this.readPage(page), (read, message) =>
      done(read === undefined ? { kind: 'failed', message } : { kind: 'page', ...read }),
    );
  }

  private async readHead(): Promise<number> {
    const { sql, shard } = this.options;
    const [row] = await sql<Array<{ batch: number }>>`
      select batch::float8 as batch from writers where shard = ${shard}`;
    return row?.batch ?? 0;
  }

  /** The head is read first: every batch up to it is committed, whatever is under way (L3). */
  private async readAfter({ after, limit }: { after: number; limit: number }) {
    const { sql, shard } = this.options;
    const head = await this.readHead();
    if (head > after && this.reads++ % readsPerSummary === 0) await summarizeBatches(sql);
    const to = Math.max(after, Math.min(head, after + this.window));
    const low = shard * batchesOfShard + after;
    const high = shard * batchesOfShard + to;
    const rows =
      to === after
        ? []
        : await sql<Row[]>`
            select batch::float8 as batch, nubo_row(l) as row from conversation_log l
            where batch > ${low} and batch <= ${high}
            order by batch, conversation, seq`;
    if (rows.length > 2 * limit) this.window = Math.max(1, Math.floor(this.window / 2));
    else if (rows.length < limit / 2) this.window = Math.min(windowMax, this.window * 2);
    // In the query it would lead the planner to the index of ids, and through a month of them.
    const since = Date.now() - recentDays * 86_400_000;
    const recentRows = rows.filter(({ row: [id] }) => timeOfId(id) >= since);
    return { changes: this.changesOf(recentRows), to, isAll: to === head };
  }

  private async readPage({ cursor, limit }: { cursor: string | undefined; limit: number }) {
    const { sql, shard } = this.options;
    const low = shard * batchesOfShard;
    const rows = await sql<Row[]>`
      select batch::float8 as batch, nubo_row(l) as row from conversation_log l
      where id > ${cursor ?? zeroUuid} and id >= nubo_id_bound(now() - ${recent}::interval)
        and batch between ${low} and ${low + batchesOfShard - 1}
      order by id limit ${limit}`;
    const next = rows.length < limit ? undefined : rows.at(-1)?.row[0];
    return { changes: this.changesOf(rows), next };
  }

  private changesOf(rows: readonly Row[]): Change[] {
    return rows.flatMap(({ batch, row }) => [...this.options.changesOf([eventOf(row)], batch)]);
  }
}

interface Row {
  readonly batch: number;
  readonly row: LogRow;
}

const recent = `${recentDays} days`;

/** The number that rows of a batch have. */
export function batchNumber(shard: number, batch: number): number {
  return shard * batchesOfShard + batch;
}
