/** Taking a shard over: the epoch is raised once the old owner's transaction has ended (L2). */
import type { Client } from 'pg';
import type { Ownership } from '../ports.js';

/** How long the old owner's transaction is waited for before its backend is ended. */
const patienceMs = 1_000;
/** A backend that was ended may still be finishing its commit. */
const attemptsMax = 6;
const lockNotAvailable = '55P03';

/** Who takes it. */
export interface Taker {
  /** Made once by each store: no two ever have the same. */
  readonly owner: string;
  /** Takes it from whoever has it; otherwise only when it is the taker's still. */
  readonly fromAnybody: boolean;
  /** Earlier stores of the same process: what is theirs is the taker's. */
  readonly predecessors?: readonly string[];
}

/**
 * @returns 'fenced' when the shard is somebody else's by now: nothing was raised. Else the new epoch and the last batch that was committed; no other batch can follow under an older epoch
 * @throws Error when the row was not free even after its holder was ended several times, or the database is away
 */
export async function takeShard(client: Client, shard: number, taker: Taker): Promise<Ownership | 'fenced'> {
  await ensureRow(client, shard);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await raiseEpoch(client, shard, taker);
    } catch (error) {
      if ((error as { code?: string }).code !== lockNotAvailable || attempt === attemptsMax) throw error;
    }
    await endHolder(client, shard);
  }
}

/** The row is looked for first: `on conflict` alone would wait for whoever holds it. */
async function ensureRow(client: Client, shard: number): Promise<void> {
  const { rowCount } = await client.query('select from writers where shard = $1', [shard]);
  if (rowCount === 0) {
    await client.query('insert into writers (shard) values ($1) on conflict do nothing', [shard]);
  }
}

async function raiseEpoch(client: Client, shard: number, taker: Taker): Promise<Ownership | 'fenced'> {
  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = ${patienceMs}`);
    const { rows } = await client.query<{ epoch: string; batch: string }>(
      `update writers set epoch = epoch + 1, owner = $2, backend_pid = pg_backend_pid()
       where shard = $1 and ($3 or owner = $2 or owner = any($4)) returning epoch, batch`,
      [shard, taker.owner, taker.fromAnybody, taker.predecessors ?? []],
    );
    await client.query('commit');
    const [row] = rows;
    if (row === undefined) return 'fenced';
    return { epoch: Number(row.epoch), batch: Number(row.batch) };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

/**
 * Ends the backend whose transaction holds the row. It is found by that transaction, which the row's `xmax` names:
 * `backend_pid` is what was committed last, and the number may belong to somebody else by now.
 */
async function endHolder(client: Client, shard: number): Promise<void> {
  await client.query(
    `select pg_terminate_backend(held.pid)
     from writers w
     join pg_locks held on held.locktype = 'transactionid' and held.transactionid = w.xmax and held.granted
     where w.shard = $1 and held.pid <> pg_backend_pid()`,
    [shard],
  );
}
