/** The log as Postgres holds it, for checks after the fact. */
import type { Sql } from 'postgres';
import { eventOf, type LogRow } from '#src/storage/postgres/log-rows.js';
import type { LogEvent } from '#src/wire/events.js';

export interface StoredEvent {
  readonly event: LogEvent;
  /** shard × 2^40 + the shard's batch number. */
  readonly batch: number;
}

/** Every row of these conversations, by conversation and seq. */
export async function readLog(sql: Sql, conversations: readonly string[]): Promise<StoredEvent[]> {
  const rows = await sql<Array<{ row: LogRow; batch: number }>>`
    select nubo_row(l) as row, batch::float8 as batch from conversation_log l
    where conversation = any(${[...conversations]}::uuid[]) order by conversation, seq`;
  return rows.map(({ row, batch }) => ({ event: eventOf(row), batch }));
}
