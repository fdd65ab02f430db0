/**
 * What was sent to Postgres and not answered is never guessed: connections cut under a batch, two servers on one
 * database, two shards with the same ids (P2, P4, P7, L2, L3, L11, L13).
 */
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { openSql } from '#src/storage/postgres/sql.js';
import { createPlacement } from '#src/threads/placement.js';
import { closeCodes } from '#src/wire/codes.js';
import { type CrosswiseResult, sendCrosswise } from '#test/faults/crosswise.js';
import { type CutResult, countLateCommits, cutAgainAndAgain } from '#test/faults/cut-trials.js';
import { envFor, losses, type RivalTrial, rival } from '#test/faults/rival-trials.js';
import { checkRun, type Violation } from '#test/support/checker.js';
import { temporaryFolder } from '#test/support/children.js';
import { Load } from '#test/support/load.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { startCluster } from '#test/support/postgres-cluster.js';
import { startServer, type TestServer } from '#test/support/server.js';
import { readLog } from '#test/support/stored-log.js';
import { TcpProxy } from '#test/support/tcp-proxy.js';
import { WireSocket } from '#test/support/wire-socket.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const counts = {
  short: { cuts: 8, rivals: 3, crosswise: 100 },
  full: { cuts: 100, rivals: 9, crosswise: 1_000 },
};
/** Clients come back after it. */
const goodbyeCode = closeCodes.draining.code;
const shape = { rooms: 4, senders: 8, outstanding: 4, listeners: 1, isTenacious: true };

interface Scene {
  readonly url: string;
  readonly sql: Sql;
  readonly folder: string;
  readonly log: (line: string) => void;
}

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const plan = short ? counts.short : counts.full;
  const cluster = await startCluster({ track_commit_timestamp: 'on', fsync: 'on' });
  const folder = temporaryFolder('unknown');
  const sql = openSql(cluster.url, { max: 2, statementMs: 0 });
  const scene: Scene = { url: cluster.url, sql, folder: folder.path, log };
  try {
    const shared = await cutsAndRivals(scene, plan);
    const crosswise = await crosswiseTrials(scene, plan.crosswise);
    return judge({ ...shared, crosswise, deadlocks: await countDeadlocks(sql) }, short);
  } finally {
    await sql.end();
    await cluster.stop();
    folder.remove();
  }
}

async function cutsAndRivals(scene: Scene, plan: (typeof counts)['short']) {
  const { url, sql, folder, log } = scene;
  const { proxy, url: through } = await TcpProxy.inFrontOf(url);
  let server = await startServer({ data: join(folder, 'first'), env: envFor(through) });
  const load = await Load.prepare(server, shape);
  const trials: RivalTrial[] = [];
  let behind = proxy;
  try {
    await load.connect(server.address);
    load.begin();
    const cuts = await cutAgainAndAgain(load, proxy, plan.cuts);
    log(`cuts: ${JSON.stringify(cuts)}`);
    const lateCommits = await countLateCommits(sql);
    log(`late commits: ${lateCommits}`);
    load.pause();
    await load.settled();
    for (let trial = 0; trial < plan.rivals; trial += 1) {
      const loss = losses[trial % losses.length] ?? 'cut';
      const next = await TcpProxy.inFrontOf(url);
      const { trial: seen, second } = await rival(
        { first: server, load, proxy: behind, sql, database: url, url: next.url, folder },
        loss,
      );
      await behind.close();
      server = second;
      behind = next.proxy;
      trials.push(seen);
      log(JSON.stringify(seen));
    }
    const violations = await check(sql, load);
    for (const { rule, message } of violations.slice(0, 10)) log(`${rule}: ${message}`);
    return { cuts, lateCommits, trials, violations, load };
  } finally {
    load.close();
    await end(server);
    await behind.close();
  }
}

async function check(sql: Sql, load: Load): Promise<Violation[]> {
  const stored = await readLog(sql, load.rooms);
  return checkRun(load.record(stored.map(({ event }) => event)));
}

async function end(server: TestServer): Promise<void> {
  server.kill('nubo');
  await server.ended;
}

async function crosswiseTrials({ url, folder, log }: Scene, count: number): Promise<CrosswiseResult[]> {
  const server = await startServer({
    data: join(folder, 'crosswise'),
    env: { ...envFor(url), NUBO_SHARDS: '2' },
  });
  const results: CrosswiseResult[] = [];
  try {
    const [one, other] = (await makePeople(server, ['one', 'other'])) as [Person, Person];
    const open = (token: string) => WireSocket.open({ address: server.address, token });
    const sockets = [await open(one.token), await open(one.token), await open(other.token)] as const;
    const rooms = [await roomOf(sockets[0], other, 0), await roomOf(sockets[0], other, 1)] as const;
    for (const pair of [[sockets[0], sockets[1]] as const, [sockets[0], sockets[2]] as const]) {
      results.push(await sendCrosswise({ rooms, sockets: pair, count: count / 2 }));
    }
    log(`crosswise: ${JSON.stringify(results)}`);
    for (const socket of sockets) socket.close();
    return results;
  } finally {
    await end(server);
  }
}

/** A group that the shard thread with this index owns. */
async function roomOf(owner: WireSocket, member: Person, shard: number): Promise<string> {
  const placement = createPlacement({ shards: [0, 1] });
  let id = uuidv7();
  while (placement.shardOf(id) !== shard) id = uuidv7();
  await owner.do({ op: 'create', id, type: 'group', members: [member.user] });
  return id;
}

async function countDeadlocks(sql: Sql): Promise<number> {
  const [row] = await sql<Array<{ deadlocks: number }>>`
    select sum(deadlocks)::int as deadlocks from pg_stat_database`;
  return row?.deadlocks ?? 0;
}

interface Seen {
  readonly cuts: CutResult;
  readonly lateCommits: number;
  readonly trials: readonly RivalTrial[];
  readonly violations: readonly Violation[];
  readonly load: Load;
  readonly crosswise: readonly CrosswiseResult[];
  readonly deadlocks: number;
}

function judge(seen: Seen, short: boolean): ProofResult {
  const { cuts, lateCommits, trials, violations, load, crosswise, deadlocks } = seen;
  const { book } = load;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const ids = sum(crosswise.map((result) => result.ids));
  const settled = sum(crosswise.map((result) => result.settled));
  const refused = [...book.sent.values()].filter((operation) => operation.refused !== undefined).length;
  const told = trials.filter(
    ({ refusal, lastWords, closeCode }) =>
      refusal.startsWith('Another nubo uses this database') && lastWords !== '' && closeCode === goodbyeCode,
  ).length;
  const beside = sum(trials.map(({ ackedByFirst, storedByFirst }) => ackedByFirst + storedByFirst));
  const passed =
    violations.length === 0 &&
    refused === 0 &&
    book.changed === 0 &&
    told === trials.length &&
    beside === 0 &&
    settled === ids &&
    deadlocks === 0 &&
    lateCommits >= (short ? 1 : 5);
  return {
    passed,
    trials: {
      'connections cut under a batch': sum(Object.values(cuts.cuts)),
      'batches committed late by the old backend': lateCommits,
      'longest outage after a cut, ms': Math.round(cuts.outageMsMax),
      'messages acked': book.acks.length,
      'lost, duplicated, swapped, missing or falsely not stored': violations.length,
      'messages refused': refused,
      'second servers refused': trials.length,
      'first servers that ended and said why': told,
      'acked or stored by them beside the second': beside,
      'ids sent crosswise': ids,
      'one ack and one conflict': settled,
      'acked by the first shard': sum(crosswise.map((result) => result.wonByFirst)),
      deadlocks,
    },
    details: { cuts, rivals: trials },
  };
}

export const proof: Proof = { item: 'unknown', command: 'npm run proof -- unknown', run };
