/** Everything between "there is a Postgres" and "the shards may start", in the order that is safe. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Log } from '../../log.js';
import { projectRoot } from '../../project-root.js';
import { migrate } from './migrate.js';
import { takeShard } from './ownership.js';
import { ensurePartitions } from './partitions.js';
import { shardNumbers } from './placement-store.js';
import { repairProgress } from './progress.js';
import { lockServer } from './server-lock.js';
import { checkSettings } from './settings.js';
import { openSql } from './sql.js';

export interface PreparedDatabase {
  /** Shard numbers by thread index: the current placement. */
  readonly shardNumbers: readonly number[];
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
}): Promise<PreparedDatabase> {
  const { url, shards, log } = options;
  const sql = openSql(url, { max: 1, name: 'nubo start', statementMs: 0 });
  try {
    await checkSettings(sql);
    const lock = await lockServer({
      url,
      onLost: (reason) => log.warn({ reason }, 'the lock on the database is lost; the fence still holds'),
    });
    try {
      const applied = await migrate({ url, folder: join(projectRoot, 'sql') });
      if (applied.length > 0) log.info({ applied }, 'migrated');
      await ensurePartitions(sql);
      const numbers = await shardNumbers(sql, shards);
      await fenceAll(url);
      const batches = await repairProgress(sql);
      if (batches > 0) log.info({ batches }, 'heads and marks were brought up to the log');
      return { shardNumbers: numbers, close: () => lock.release() };
    } catch (error) {
      await lock.release();
      throw error;
    }
  } finally {
    await sql.end();
  }
}

/** The writers of every placement there was: a stale server may still write under its numbers (L2). */
async function fenceAll(url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: 'nubo fence',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const owner = randomUUID();
    const { rows } = await client.query<{ shard: number }>('select shard from writers order by shard');
    for (const { shard } of rows) await takeShard(client, shard, { owner, fromAnybody: true });
  } finally {
    await client.end();
  }
}
