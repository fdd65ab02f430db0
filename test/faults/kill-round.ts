/** SIGKILL under load, a start on the same data, and what was told before and after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSql } from '#src/storage/postgres/sql.js';
import type { Load } from '#test/support/load.js';
import { startServer, type TestServer, type Victim } from '#test/support/server.js';

export interface KillRound {
  readonly victim: Victim;
  /** Acks in the second before the kill. */
  readonly ackedPerSecond: number;
  /** Sent and not answered at the kill. */
  readonly inFlight: number;
  /** Milliseconds from the youngest ack to the kill. */
  readonly youngestAckMs: number;
  /** Messages in the log after the restart that were never acked before it, and how many batches they are of. */
  readonly committedUnacked: number;
  readonly batchesUnacked: number;
  /** Milliseconds from the kill until nubo served again. */
  readonly restartMs: number;
}

export interface KillPlan {
  readonly victim: Victim;
  /** How long the load runs before the kill, at least; */
  readonly loadMs: number;
  /** and then until so many were acked within a second. */
  readonly ackedPerSecondMin: number;
  /** Acked messages that are sent again afterwards. */
  readonly repeats: number;
}

/**
 * One round: load, kill, start again, everything unanswered and some of what was answered sent again.
 *
 * @returns the round and the server that serves now
 */
export async function killRound(
  server: TestServer,
  load: Load,
  plan: KillPlan & { data: string; env: Readonly<Record<string, string>> },
): Promise<{ round: KillRound; server: TestServer }> {
  const { book } = load;
  const { data, env, victim, repeats } = plan;
  load.begin();
  await warmedUp(load, plan);
  const killedAt = performance.now();
  const inFlight = load.inFlight;
  server.kill(victim);
  load.pause();
  const ackedPerSecond = book.ackedBetween(killedAt - 1000, killedAt);
  const youngestAckMs = book.ageOfYoungest(killedAt);
  await server.ended;
  // What had left the server before it died still arrives: only then is it known who was never answered.
  await load.disconnected();
  const unanswered = new Set([...book.open].map(({ id }) => id));
  const again = await startServer({ data, env });
  const restartMs = performance.now() - killedAt;
  const unacked = await findStored(again.runtime.postgresUrl, unanswered);
  await load.connect(again.address);
  load.repeat(repeats);
  await load.settled();
  return {
    server: again,
    round: { victim, ackedPerSecond, inFlight, youngestAckMs, ...unacked, restartMs },
  };
}

/** A machine with other work needs longer for the same load. */
const warmUpMsMax = 15_000;

async function warmedUp({ book }: Load, { loadMs, ackedPerSecondMin }: KillPlan): Promise<void> {
  const begun = performance.now();
  await sleep(loadMs);
  for (let now = begun; now - begun < warmUpMsMax; now = performance.now()) {
    if (book.ackedBetween(now - 1000, now) >= ackedPerSecondMin) return;
    await sleep(5 + Math.random() * 50);
  }
}

async function findStored(
  url: string,
  ids: ReadonlySet<string>,
): Promise<{ committedUnacked: number; batchesUnacked: number }> {
  const sql = openSql(url, { max: 1 });
  try {
    const [found] = await sql<Array<{ rows: number; batches: number }>>`
      select count(*)::int as rows, count(distinct batch)::int as batches
      from conversation_log where id = any(${[...ids]}::uuid[])`;
    return { committedUnacked: found?.rows ?? 0, batchesUnacked: found?.batches ?? 0 };
  } finally {
    await sql.end();
  }
}
