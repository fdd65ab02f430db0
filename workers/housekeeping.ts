/** What must happen now and then while the server runs: partitions ahead (L15), and forgetting what has expired. */
import type { Log } from '#src/log.js';
import { prunePeople } from '#src/people/revocation-store.js';
import { ensurePartitions } from '#src/storage/postgres/partitions.js';
import { openSql } from '#src/storage/postgres/sql.js';

/** Partitions reach two months ahead, so a few missed rounds harm nobody. */
const everyMs = 6 * 3_600_000;

/** Starts the rounds; the returned function ends them. */
export function startHousekeeping(url: string, log: Log): () => void {
  const round = async (): Promise<void> => {
    const sql = openSql(url, { max: 1, name: 'nubo housekeeping' });
    try {
      const made = await ensurePartitions(sql);
      if (made > 0) log.info({ made }, 'partitions were made');
      await prunePeople(sql, Date.now());
    } catch (error) {
      log.warn({ err: error }, 'housekeeping failed and is tried again later');
    } finally {
      await sql.end({ timeout: 5 });
    }
  };
  const timer = setInterval(() => void round(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
