/**
 * Cuts the writer's connection with a batch under way, again and again, and settles each batch by raising the epoch
 * (L2, L3). Counted, so that a proof can run it at length.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { Asker, Script } from './log-events.js';
import { type Cut, TcpProxy } from './tcp-proxy.js';

export interface UnknownResult {
  rounds: number;
  /** Batches whose outcome was `unknown`, by how the connection was cut. */
  readonly unknown: Record<Cut, number>;
  /** How they ended: what the batch number said. */
  committed: number;
  never: number;
  /** Contradictions: the number said one thing and the log another, then or after all late bytes had arrived. */
  wrong: number;
  /** Longest time from the cut to the answer, in milliseconds. */
  answerMsMax: number;
}

/** Late bytes arrive well inside the second that a new owner waits, around its end, and after it. */
const lateMs = [300, 1_000, 1_500];
const cuts: readonly Cut[] = ['before answer', 'late end', 'in data', 'late data', 'before data'];

/** @param options.lanes shards that are cut side by side, each through a proxy of its own */
export async function drillUnknown(
  url: string,
  { rounds, lanes = 10, firstShard = 100 }: { rounds: number; lanes?: number; firstShard?: number },
): Promise<UnknownResult> {
  const result: UnknownResult = {
    rounds: 0,
    unknown: { 'before data': 0, 'in data': 0, 'before answer': 0, 'late end': 0, 'late data': 0 },
    ...{ committed: 0, never: 0, wrong: 0, answerMsMax: 0 },
  };
  const perLane = Array.from({ length: lanes }, (_, lane) => Math.floor((rounds + lanes - 1 - lane) / lanes));
  await Promise.all(perLane.map((count, lane) => runLane(url, firstShard + lane, { count, lane, result })));
  return result;
}

async function runLane(
  url: string,
  shard: number,
  { count, lane, result }: { count: number; lane: number; result: UnknownResult },
): Promise<void> {
  const { proxy, url: through } = await TcpProxy.inFrontOf(url);
  const store = new PostgresLogStore({ url: through, shard, readConnections: 1 });
  const asker = new Asker(store);
  const script = new Script();
  const sql = openSql(url, { max: 1 });
  const expected = new Set<string>();
  try {
    await untilOwned(asker);
    await asker.write([script.create()]);
    for (let round = 0; round < count; round += 1) {
      const cut = cuts[(lane + round) % cuts.length] ?? 'before answer';
      const late = lateMs[(lane + round) % lateMs.length] ?? 0;
      await cutOnce({ asker, script, proxy, cut, late, expected, result });
    }
    await proxy.settled();
    const rows = await sql<Array<{ id: string; seq: number }>>`
      select id, seq::int as seq from conversation_log where conversation = ${script.conv} and kind = 40 order by seq`;
    if (rows.length !== expected.size || rows.some(({ id }) => !expected.has(id))) result.wrong += 1;
    if (rows.some(({ seq }, index) => seq !== index + 2)) result.wrong += 1;
  } finally {
    await store.close();
    await sql.end();
    await proxy.close();
  }
}

async function cutOnce(round: {
  asker: Asker;
  script: Script;
  proxy: TcpProxy;
  cut: Cut;
  late: number;
  expected: Set<string>;
  result: UnknownResult;
}): Promise<void> {
  const { asker, script, proxy, cut, late, expected, result } = round;
  const before = { seq: script.seq, number: script.number };
  const events = [script.message(`${cut} ${late}`), script.message('and its neighbour')];
  let cutAt = 0;
  const happened = proxy.cutNext(cut, { marker: 'nubo_claim', lateMs: late }).then(() => {
    cutAt = performance.now();
  });
  const batch = asker.batch + 1;
  const outcome = await asker.write(events);
  await happened;
  result.answerMsMax = Math.max(result.answerMsMax, performance.now() - cutAt);
  result.rounds += 1;
  if (outcome.kind !== 'unknown') {
    result.wrong += 1;
    return;
  }
  result.unknown[cut] += 1;
  await untilOwned(asker);
  const isCommitted = asker.batch === batch;
  const found = await asker.lookup(events.map((event) => event.id));
  const stored = found.kind === 'found' ? found.operations.length : -1;
  if (stored !== (isCommitted ? events.length : 0)) result.wrong += 1;
  if (isCommitted) {
    result.committed += 1;
    for (const event of events) expected.add(event.id);
    return;
  }
  // Never: its places are given to others, which would collide with a late commit.
  result.never += 1;
  if (cut === 'late data') {
    // The whole batch arrives under a new epoch, before that one has written anything: only the epoch keeps it out.
    await proxy.settled();
    const arrived = await asker.lookup(events.map((event) => event.id));
    if (arrived.kind !== 'found' || arrived.operations.length > 0) result.wrong += 1;
  }
  Object.assign(script, before);
  const instead = [script.message('instead')];
  if ((await asker.write(instead)).kind !== 'committed') result.wrong += 1;
  for (const event of instead) expected.add(event.id);
}

async function untilOwned(asker: Asker): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    if ((await asker.own()).kind === 'owned') return;
    await sleep(50);
  }
  throw new Error('the shard could not be owned');
}
