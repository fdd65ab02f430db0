/** The months of the log, on memory and on real servers: the embedded one, and Debian's 15 where there is one. */

import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';
import { register } from 'prom-client';
import { expect, test } from 'vitest';
import { createLog } from '#src/log.js';
import { MemoryPartitions } from '#src/storage/memory/partitions.js';
import { migrate } from '#src/storage/postgres/migrate.js';
import { openHousekeeping, PostgresPartitions } from '#src/storage/postgres/partitions.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { createJanitorReports } from '#workers/janitor-reports.js';
import { type PartitionFixture, partitionStoreContract } from '../contract/partition-store.js';
import { idAt } from '../support/ids.js';
import { createDatabase, sqlFolder } from '../support/postgres.js';
import { hasDebianPostgres, startCluster } from '../support/postgres-cluster.js';

function memory(): PartitionFixture {
  const store = new MemoryPartitions({ soon: (run) => void setImmediate(run) });
  return {
    store,
    insert: async (times) => {
      for (const at of times) store.insert(at);
    },
    rows: async () => [
      ...[...store.leaves].flatMap(([month, times]) => times.map((at) => ({ at, place: month }))),
      ...store.strays.map((at) => ({ at, place: 'default' as const })),
    ],
    close: async () => {},
  };
}

async function onPostgres(url: string, close: () => Promise<void>): Promise<PartitionFixture> {
  const sql = openSql(url, { max: 1 });
  const housekeeping = openHousekeeping(url);
  const conversation = randomUUID();
  let seq = 0;
  return {
    store: new PostgresPartitions(housekeeping),
    insert: async (times) => {
      const rows = times.map((at) => ({ id: idAt(at), seq: ++seq }));
      await sql`
        insert into conversation_log (id, conversation, actor, seq, number, batch, at, kind)
        select id, ${conversation}::uuid, gen_random_uuid(), seq, 0, 0, now(), 40
        from jsonb_to_recordset(${sql.json(rows)}) as row (id uuid, seq bigint)`;
      await sql`
        insert into conversation_heads (conversation, shard, last_batch, seq, number, last_at)
        values (${conversation}, 0, 0, ${seq}, 0, now())
        on conflict (conversation) do update set seq = excluded.seq`;
    },
    rows: async () => {
      const rows = await sql<Array<{ id: string; leaf: string }>>`
        select id, tableoid::regclass::text as leaf from conversation_log`;
      return rows.map(({ id, leaf }) => {
        const [, year, month] = /_(\d{4})_(\d\d)$/.exec(leaf) ?? [];
        const at = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
        return { at, place: month === undefined ? 'default' : Number(year) * 12 + Number(month) - 1 };
      });
    },
    close: async () => {
      await Promise.all([sql.end(), housekeeping.end()]);
      await close();
    },
  };
}

test('L15 whoever reads while rows are moved out of the default partition finds them', async () => {
  const database = await createDatabase();
  const sql = openSql(database.url, { max: 4 });
  try {
    const id = idAt(Date.UTC(2031, 4, 5));
    await sql`
      insert into conversation_log (id, conversation, actor, seq, number, batch, at, kind)
      values (${id}, gen_random_uuid(), gen_random_uuid(), 1, 0, 0, now(), 40)`;
    const readers: Array<Promise<number>> = [];
    await sql.begin(async (mover) => {
      await mover`select nubo_partition_ensure('2031-05-01')`;
      for (let count = 0; count < 3; count++)
        readers.push(sql`select id from conversation_log where id = ${id}`.then((rows) => rows.length));
      await untilWaiting(mover, readers.length);
    });
    expect(await Promise.all(readers)).toEqual([1, 1, 1]);
  } finally {
    await sql.end();
    await database.close();
  }
});

/** So many others wait for a lock of this transaction. */
async function untilWaiting(mover: TransactionSql, count: number): Promise<void> {
  for (let waiting = 0; waiting < count; ) {
    const [row] = await mover<Array<{ waiting: number }>>`
      select count(*)::integer as waiting from pg_locks where pg_backend_pid() = any(pg_blocking_pids(pid)) and not granted`;
    waiting = row?.waiting ?? 0;
    await setTimeout(5);
  }
}

partitionStoreContract('memory', async () => memory());
partitionStoreContract('Postgres', async () => {
  const database = await createDatabase();
  return onPostgres(database.url, () => database.close());
});
if (hasDebianPostgres(15)) {
  partitionStoreContract('Postgres 15', async () => {
    const cluster = await startCluster({}, 15);
    await migrate({ url: cluster.url, folder: sqlFolder });
    return onPostgres(cluster.url, () => cluster.stop());
  });
}

test('L15 L16 O3 rows in the default partition, months that leave the log and failures are metrics and warnings', async () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    thread: 'test',
    destination: { write: (line) => void lines.push(line) },
  });
  const report = createJanitorReports(log);
  const value = async (name: string) => (await register.getSingleMetric(name)?.get())?.values[0]?.value;
  report({ kind: 'strays', rows: 0, months: [] });
  expect([await value('nubo_log_default_rows'), lines.length]).toEqual([0, 0]);
  report({ kind: 'strays', rows: 7, months: [24_321] });
  expect(await value('nubo_log_default_rows')).toBe(7);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', rows: 7, months: ['2026-10'] });
  report({ kind: 'made', month: 24_321, moved: 7 });
  expect(await value('nubo_log_rows_moved_total')).toBe(7);
  report({ kind: 'detached', month: 24_300, rows: 9, table: 'conversation_log_2025_01_detached' });
  report({ kind: 'detached', month: 24_301, rows: 9, table: undefined });
  expect(await value('nubo_log_partitions_detached_total')).toBe(2);
  expect(lines.splice(2, 2).map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', month: '2025-01', rows: 9, table: 'conversation_log_2025_01_detached' },
    { level: 'warn', month: '2025-02', rows: 9, msg: expect.stringContaining('dropped') },
  ]);
  report({
    kind: 'failed',
    what: 'making a month of the log',
    message: 'canceling statement due to lock timeout',
  });
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({
    level: 'warn',
    reason: 'canceling statement due to lock timeout',
    msg: 'making a month of the log failed and is tried again soon',
  });
});
