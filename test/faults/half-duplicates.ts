/** Batches of 1,000 rows, half of which are in the log already: at most three transactions each (L8). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { openSql } from '#src/storage/postgres/sql.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { WireSocket } from '#test/support/wire-socket.js';
import { type FaultyServer, startFaultyServer } from './faulty-server.js';

const rows = 1_000;
const known = rows / 2;
const framesOf = 250;

export interface HalfDuplicates {
  batches: number;
  /** The most transactions that one took. */
  transactionsMax: number;
  acked: number;
  conflicts: number;
  readonly wrong: string[];
}

export async function sendHalfDuplicates(data: string, count: number): Promise<HalfDuplicates> {
  const server = await startFaultyServer({ data, shards: 1 });
  const result: HalfDuplicates = { batches: 0, transactionsMax: 0, acked: 0, conflicts: 0, wrong: [] };
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  try {
    const [person] = (await makePeople(server, ['sender'])) as [Person];
    const open = () => WireSocket.open({ address: server.address, token: person.token });
    const [socket, other] = [await open(), await open()];
    await server.plant({ kind: 'shard reports its store', shard: 0 });
    for (let batch = 0; batch < count; batch += 1) await sendOne({ server, sql, socket, other, result });
    socket.close();
    other.close();
    return result;
  } finally {
    await sql.end();
    server.kill('everything');
    await server.ended;
  }
}

interface Scene {
  readonly server: FaultyServer;
  readonly sql: Sql;
  readonly socket: WireSocket;
  readonly other: WireSocket;
  readonly result: HalfDuplicates;
}

async function sendOne({ server, sql, socket, other, result }: Scene): Promise<void> {
  const [first, second] = [uuidv7(), uuidv7()];
  for (const id of [first, second]) await socket.do({ op: 'create', id, type: 'group' });
  const ids = Array.from({ length: rows }, () => uuidv7());
  const stored = ids.filter((_, index) => index % 2 === 0);
  await post(socket, first, stored);
  const before = (await server.reports()).length;
  // One row holds the writer up until all the others have gathered for the next batch.
  const answers = await sql.begin(async (transaction) => {
    await transaction`select 1 from writers where shard = 0 for update`;
    const plug = other.do({ op: 'send', id: uuidv7(), conv: first, text: 'wait' });
    await sleep(50);
    const all = post(socket, second, ids);
    await sleep(1_500);
    return { plug, all };
  });
  await answers.plug;
  const told = await answers.all;
  result.batches += 1;
  const reports = (await server.reports()).slice(before);
  const large = reports.findIndex((report) => report.kind === 'wrote' && report.rows === rows);
  const transactions = large < 0 ? Number.NaN : reports.length - large;
  result.transactionsMax = Math.max(result.transactionsMax, transactions);
  const acked = told.filter((answer) => 'ack' in answer).length;
  const conflicts = told.filter(
    (answer) => 'err' in answer && answer.code === 'conflict' && answer.stored === false,
  );
  result.acked += acked;
  result.conflicts += conflicts.length;
  if (!(transactions <= 3) || acked !== rows - known || conflicts.length !== known) {
    result.wrong.push(`${acked} acked, ${conflicts.length} conflicts, reports ${JSON.stringify(reports)}`);
  }
}

/** Resolves to all answers. */
function post(socket: WireSocket, conv: string, ids: readonly string[]) {
  const refs = ids.map(() => socket.nextRef());
  const answers = Promise.all(refs.map((ref) => socket.answerOf(ref)));
  for (let start = 0; start < ids.length; start += framesOf) {
    socket.post(
      ids
        .slice(start, start + framesOf)
        .map((id, index) => ({ op: 'send', ref: refs[start + index] ?? 0, id, conv, text: 'half' })),
    );
  }
  return answers;
}
