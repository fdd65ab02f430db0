/**
 * How fast the database alone takes the same rows: binary COPY, a batch at a time on one connection, each its own
 * transaction, into a table of the shape and indexes of one partition of the log. What nubo adds is measured
 * against this.
 */
import { Client } from 'pg';
import type { Sql } from 'postgres';
import { BinaryCopy } from '#src/storage/postgres/binary-copy.js';
import { CopyBatch } from '#src/storage/postgres/copy-batch.js';
import { logColumns, writeRow } from '#src/storage/postgres/log-rows.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Step } from '../progress.js';
import { ReplayFailure } from './failure.js';
import { groupsOf } from './parallel.js';
import type { Stage } from './stage.js';
import { metadataOf } from './transcript.js';

/** The messages as rows, in the order of their ids, which is about that of their commits. */
export function eventsOf(stages: readonly Stage[]): LogEvent[] {
  const events = stages.flatMap(({ conv, sent, ackedAt }) =>
    sent.map((line, index): LogEvent => {
      const { id, author: from, text, ackedSeq } = line;
      const place = { conv, seq: ackedSeq ?? index + 1, number: index + 1 };
      const at = ackedAt[index] ?? 0;
      return { ev: 'message.new', ...place, id, from, at, text, metadata: metadataOf(line) };
    }),
  );
  return events.sort((one, other) => (one.id < other.id ? -1 : 1));
}

export interface RawCopyOptions {
  readonly postgresUrl: string;
  readonly sql: Sql;
  readonly events: readonly LogEvent[];
  /** Rows in each batch. */
  readonly batchSize: number;
  readonly step: Step;
}

/** @returns rows a second, encoding included */
export async function measureRawCopy(options: RawCopyOptions): Promise<number> {
  const { postgresUrl, sql, events, batchSize, step } = options;
  const table = `nubo_replay_scratch_${process.pid}`;
  await sql.unsafe(`drop table if exists ${table}`);
  await sql.unsafe(`create table ${table} (like conversation_log_default including all)`);
  // The driver turns Nagle's delay off by itself.
  const client = new Client({ connectionString: postgresUrl, application_name: 'nubo replay' });
  try {
    await client.connect();
    const copy = new BinaryCopy();
    const begunAt = performance.now();
    for (const [index, batch] of groupsOf(batchSize, events).entries()) {
      await writeBatch(client, copy, `copy ${table}(${logColumns}) from stdin (format binary)`, batch, index);
      step.add(batch.length);
    }
    return events.length / ((performance.now() - begunAt) / 1000);
  } finally {
    await client.end().catch(() => {});
    await sql.unsafe(`drop table if exists ${table}`);
  }
}

function writeBatch(
  client: Client,
  copy: BinaryCopy,
  command: string,
  events: readonly LogEvent[],
  batch: number,
): Promise<void> {
  copy.begin(command);
  copy.beginRows();
  for (const event of events) writeRow(copy, event, { shard: 0, batch });
  copy.endRows();
  return new Promise((resolve, reject) => {
    const done = (outcome: { readonly kind: string; readonly message?: string }) =>
      outcome.kind === 'committed'
        ? resolve()
        : reject(new ReplayFailure(`The raw COPY failed: ${outcome.message ?? outcome.kind}`));
    client.query(new CopyBatch({ ...copy.take(), commands: 1 }, done, () => {}));
  });
}
