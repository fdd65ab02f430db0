/** Everything between "there is a Postgres" and "the shards may start", in the order that is safe. */
import { join } from 'node:path';
import type { Sql } from 'postgres';
import type { Log } from '../../log.js';
import { projectRoot } from '../../project-root.js';
import { migrate } from './migrate.js';
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
      await fenceOthers(sql, numbers);
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

/** A stale server with another number of shards writes under other numbers: its epochs are raised, too (L2). */
async function fenceOthers(sql: Sql, numbers: readonly number[]): Promise<void> {
  await sql`update writers set epoch = epoch + 1 where shard <> all(${[...numbers]}::int[])`;
}
