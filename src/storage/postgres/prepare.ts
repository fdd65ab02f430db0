/** Everything between "there is a Postgres" and "the shards may start", in the order that is safe. */
import { join } from 'node:path';
import type { Client } from 'pg';
import type { Sql } from 'postgres';
import type { Log } from '../../log.js';
import { projectRoot } from '../../project-root.js';
import { PostgresLockSession } from './lock-session.js';
import { migrate } from './migrate.js';
import { Owners } from './owners.js';
import { takeShard } from './ownership.js';
import { ensurePartitions } from './partitions.js';
import { shardNumbers } from './placement-store.js';
import { repairProgress } from './progress.js';
import { awaitLock, ServerLock } from './server-lock.js';
import { checkSettings } from './settings.js';
import { openSql } from './sql.js';

export interface PreparedDatabase {
  /** Shard numbers by thread index: the current placement. */
  readonly shardNumbers: readonly number[];
  /** Those of earlier placements. */
  readonly pastShards: readonly number[];
  /** Tells this database from another one, also when it was restored from a copy. */
  readonly name: string;
  /** Names for the store of a shard that is about to start; see `Owners`. */
  ownersOf(shard: number): readonly string[];
  readonly lock: Pick<ServerLock, 'isHeld' | 'watch' | 'untilHeld'>;
  /** Gives the database free for another server. */
  close(): Promise<void>;
}

/**
 * Refuses unsafe settings (L12), takes the server's lock (L13), migrates, makes the months' partitions, settles the
 * placement, fences off the writers of earlier placements, and brings heads and marks up to the log.
 *
 * @throws UserError in one sentence when the settings are unsafe or another nubo holds the database
 */
export async function prepareDatabase(options: {
  url: string;
  shards: number;
  log: Log;
  /** See ServerLockOptions. */
  checkEveryMs?: number;
}): Promise<PreparedDatabase> {
  const { url, shards, log, checkEveryMs } = options;
  const owners = new Owners();
  const open = () => PostgresLockSession.open(url, owners.first);
  const sql = openSql(url, { max: 1, name: 'nubo start', statementMs: 0 });
  try {
    await checkSettings(sql);
    const session = await open();
    try {
      await awaitLock(session);
      const applied = await migrate({ url, folder: join(projectRoot, 'sql') });
      if (applied.length > 0) log.info({ applied }, 'migrated');
      await ensurePartitions(sql);
      const numbers = await shardNumbers(sql, shards);
      const all = await fenceAll(session.client, numbers, owners.first);
      const batches = await repairProgress(sql);
      if (batches > 0) log.info({ batches }, 'heads and marks were brought up to the log');
      const lock = new ServerLock({
        session,
        open,
        isStillOurs: ({ client }) => areOurs(client, numbers, owners),
        ...(checkEveryMs === undefined ? {} : { checkEveryMs }),
      });
      return {
        shardNumbers: numbers,
        pastShards: all.filter((shard) => !numbers.includes(shard)),
        name: await databaseName(sql),
        ownersOf: (shard) => owners.next(shard),
        lock,
        close: () => lock.release(),
      };
    } catch (error) {
      await session.end();
      throw error;
    }
  } finally {
    await sql.end();
  }
}

/**
 * Takes the shards of every placement there was, and those of `current`, from whoever writes: a stale server may still
 * write under its numbers (L2). In the session that holds the lock: without the lock nothing is taken.
 *
 * @returns all of them
 */
export async function fenceAll(
  client: Client,
  current: readonly number[],
  owner: string,
): Promise<readonly number[]> {
  const { rows } = await client.query<{ shard: number }>('select shard from writers');
  const shards = new Set([...rows.map(({ shard }) => shard), ...current]);
  const all = [...shards].sort((one, other) => one - other);
  for (const shard of all) await takeShard(client, shard, { owner, fromAnybody: true });
  return all;
}

/** The moment of its first placement, to the microsecond. */
async function databaseName(sql: Sql): Promise<string> {
  const [row] = await sql<Array<{ name: string }>>`
    select extract(epoch from min(created_at))::text as name from placements`;
  return row?.name ?? '';
}

/** A server that came and went has left its name on the shards. */
async function areOurs(client: Client, shards: readonly number[], owners: Owners): Promise<boolean> {
  const { rows } = await client.query<{ shard: number; owner: string }>(
    'select shard, owner from writers where shard = any($1)',
    [shards],
  );
  return rows.length === shards.length && rows.every(({ shard, owner }) => owners.has(shard, owner));
}
