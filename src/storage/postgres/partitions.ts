/** The months of the log in Postgres: one partition a month on the id, and a default one as the net (L15). */
import type { Sql } from 'postgres';
import { type Month, monthAt, monthName } from '../../months.js';
import type { PartitionStore, PartitionSurvey } from '../ports.js';
import { within } from './gatherer.js';
import { readHorizon } from './log-reads.js';
import { openSql } from './sql.js';

/**
 * Makes the leaves of last month to two months ahead where they are missing; at every start, before there is a janitor.
 *
 * @returns how many were made
 */
export async function ensurePartitions(sql: Sql): Promise<number> {
  const [row] = await sql<Array<{ made: number }>>`select nubo_partitions_ahead() as made`;
  return row?.made ?? 0;
}

/** Moving what has gathered in the default partition may take long; a connection that went silent takes for ever. */
const answerMs = 15 * 60_000;
/** Everybody who reads the log waits behind one who waits for its lock: rather tried again than waited for. */
const lockMs = 2_000;

/** A client for housekeeping: its statements may take long, but hold nobody up while they wait. */
export function openHousekeeping(url: string): Sql {
  return openSql(url, {
    max: 1,
    name: 'nubo housekeeping',
    statementMs: 0,
    settings: { lock_timeout: lockMs },
  });
}

export class PostgresPartitions implements PartitionStore {
  private readonly sql: Sql;

  /** @param sql of `openHousekeeping`; it stays its owner's to end */
  constructor(sql: Sql) {
    this.sql = sql;
  }

  survey(done: Parameters<PartitionStore['survey']>[0]): void {
    within(answerMs, survey(this.sql), (found, message) =>
      done(found === undefined ? { kind: 'failed', message } : { kind: 'surveyed', survey: found }),
    );
  }

  make(month: Month, done: Parameters<PartitionStore['make']>[1]): void {
    within(answerMs, make(this.sql, month), (moved, message) =>
      done(moved === undefined ? { kind: 'failed', message } : { kind: 'made', moved }),
    );
  }

  detach(month: Month, { isKept }: DetachOptions, done: Parameters<PartitionStore['detach']>[2]): void {
    const table = isKept ? `${leafOf(month)}_detached` : undefined;
    within(answerMs, detach(this.sql, month, isKept), (rows, message) =>
      done(rows === undefined ? { kind: 'failed', message } : { kind: 'detached', rows, table }),
    );
  }
}

interface DetachOptions {
  readonly isKept: boolean;
}

const leafName = /^conversation_log_(\d{4,})_(\d\d)$/;

function leafOf(month: Month): string {
  return `conversation_log_${monthName(month).replace('-', '_')}`;
}

async function survey(sql: Sql): Promise<PartitionSurvey> {
  const leaves = await sql<Array<{ name: string }>>`
    select relname as name from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'conversation_log'::regclass order by 1`;
  const months = leaves.flatMap(({ name }) => {
    const [, year, month] = leafName.exec(name) ?? [];
    return month === undefined ? [] : [Number(year) * 12 + Number(month) - 1];
  });
  // The time of an id is its first 48 bits. The default partition is empty, unless something went wrong.
  const strays = await sql<Array<{ month: number; rows: number }>>`
    select (extract(year from at) * 12 + extract(month from at) - 1)::integer as month, count(*)::float8 as rows
    from (
      select nubo_time(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) at time zone 'UTC' as at
      from conversation_log_default
    ) as ids
    group by 1 order by 1`;
  const horizon = await readHorizon(sql);
  return {
    months,
    strays: strays.map((row) => ({ ...row })),
    ...(horizon === undefined ? {} : { horizon: monthAt(horizon) }),
  };
}

/** How many rows were moved out of the default partition. */
function make(sql: Sql, month: Month): Promise<number> {
  return sql.begin(async (transaction) => {
    const [row] = await transaction<Array<{ made: boolean }>>`
      select nubo_partition_ensure(${`${monthName(month)}-01`}::date) as made`;
    if (row?.made !== true) return 0;
    // Nobody else can have written to it before the commit: what is in it came from the default partition.
    const [leaf] = await transaction<Array<{ rows: number }>>`
      select count(*)::float8 as rows from ${transaction(leafOf(month))}`;
    return leaf?.rows ?? 0;
  });
}

/** How many rows the month had. */
async function detach(sql: Sql, month: Month, isKept: boolean): Promise<number> {
  const [row] = await sql<Array<{ rows: number }>>`
    select coalesce(nubo_partition_detach(${`${monthName(month)}-01`}::date, ${isKept}), 0)::float8 as rows`;
  return row?.rows ?? 0;
}
