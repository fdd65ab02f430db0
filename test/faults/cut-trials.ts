/** A server whose way to Postgres is cut with a batch under way, again and again, under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import type { Load } from '#test/support/load.js';
import type { Cut, TcpProxy } from '#test/support/tcp-proxy.js';

const kinds: readonly Cut[] = ['before answer', 'late end', 'late data', 'in data', 'before data'];
/** Late bytes arrive while the new owner of the shard still waits, or after it has lost its patience. */
const lateMs = [300, 700, 1_500];
/** Acks after which the shard is taken to be well again. */
const acksAfter = 20;
const acksMsMax = 15_000;

export interface CutResult {
  readonly cuts: Partial<Record<Cut, number>>;
  /** The longest time from a cut until messages were acked again, in milliseconds. */
  readonly outageMsMax: number;
}

/** @param options.proxy between the server and its Postgres */
export async function cutAgainAndAgain(load: Load, proxy: TcpProxy, count: number): Promise<CutResult> {
  const cuts: Partial<Record<Cut, number>> = {};
  let outageMsMax = 0;
  for (let trial = 0; trial < count; trial += 1) {
    const kind = kinds[trial % kinds.length] as Cut;
    const late = lateMs[Math.floor(trial / kinds.length) % lateMs.length] as number;
    // Anywhere in the cycle of batches.
    await sleep(20 + Math.random() * 60);
    await proxy.cutNext(kind, { marker: 'nubo_claim', lateMs: late });
    cuts[kind] = (cuts[kind] ?? 0) + 1;
    outageMsMax = Math.max(outageMsMax, await ackedAgain(load));
  }
  await proxy.settled();
  return { cuts, outageMsMax };
}

async function ackedAgain({ book }: Load): Promise<number> {
  const begun = performance.now();
  const enough = book.acks.length + acksAfter;
  while (book.acks.length < enough) {
    if (performance.now() - begun > acksMsMax)
      throw new Error(`nothing was acked for ${acksMsMax} ms after a cut`);
    await sleep(5);
  }
  return performance.now() - begun;
}

/**
 * Batches that were committed long after their server had written them down: by a backend whose client was gone.
 * Needs `track_commit_timestamp`.
 */
export async function countLateCommits(sql: Sql): Promise<number> {
  const [found] = await sql<Array<{ batches: number }>>`
    select count(distinct batch)::int as batches from conversation_log
    where pg_xact_commit_timestamp(xmin) - at > interval '200 milliseconds'`;
  return found?.batches ?? 0;
}
