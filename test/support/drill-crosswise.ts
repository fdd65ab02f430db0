/**
 * Two shards are sent the same ids in opposite order at the same moment (L11): one of them must win, the other be
 * told of duplicates, and neither may wait for the other in a circle.
 */
import { uuidv7 } from 'uuidv7';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { Asker, Script } from './log-events.js';

export interface CrosswiseResult {
  rounds: number;
  /** Rounds in which exactly one shard committed and the other was told of duplicates. */
  settled: number;
  /** Deadlocks as the server counted them. */
  deadlocks: number;
}

export async function drillCrosswise(
  url: string,
  { rounds, rows = 40, firstShard = 300 }: { rounds: number; rows?: number; firstShard?: number },
): Promise<CrosswiseResult> {
  const sql = openSql(url, { max: 1 });
  const stores = [0, 1].map(
    (index) => new PostgresLogStore({ url, shard: firstShard + index, readConnections: 1 }),
  );
  const askers = stores.map((store) => new Asker(store));
  const before = await deadlocks(sql);
  const result: CrosswiseResult = { rounds: 0, settled: 0, deadlocks: 0 };
  try {
    for (const asker of askers) await asker.own();
    for (let round = 0; round < rounds; round += 1) {
      const ids = Array.from({ length: rows }, () => uuidv7());
      const batches = [ids, [...ids].reverse()].map((order) => {
        const script = new Script();
        return order.map((id) => script.message('crosswise', { id }));
      });
      const outcomes = await Promise.all(askers.map((asker, index) => asker.write(batches[index] ?? [])));
      const kinds = outcomes.map((outcome) => outcome.kind).sort();
      result.rounds += 1;
      if (kinds[0] === 'committed' && kinds[1] === 'duplicate') result.settled += 1;
    }
    // Backends report their counts when they end.
    await Promise.all(stores.map((store) => store.close()));
    result.deadlocks = (await deadlocks(sql)) - before;
    return result;
  } finally {
    await Promise.all(stores.map((store) => store.close().catch(() => {})));
    await sql.end();
  }
}

async function deadlocks(sql: ReturnType<typeof openSql>): Promise<number> {
  const [row] = await sql<Array<{ deadlocks: number }>>`
    select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()`;
  return row?.deadlocks ?? 0;
}
