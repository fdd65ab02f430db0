/** A whole server of two fronts whose threads die one after the other: what was refused for good stays refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FaultyServer } from '#test/faults/faulty-server.js';
import { startFaultyServerOnDatabase } from '#test/support/faulty-server-on-database.js';
import { makePeople, type Person } from '#test/support/operator.js';
import type { TestDatabase } from '#test/support/postgres.js';
import { WireSocket } from '#test/support/wire-socket.js';

let database: TestDatabase;
let server: FaultyServer;
let end: () => Promise<void>;
/** The kernel spreads connections over the fronts: so many that each front has one, but for once in 2,000 runs. */
const socketCount = 12;

beforeEach(async () => {
  ({ database, server, end } = await startFaultyServerOnDatabase('refusals', { NUBO_FRONTS: '2' }));
});
afterEach(() => end());

async function die(fault: Parameters<FaultyServer['plant']>[0]): Promise<void> {
  const before = server.deaths();
  await server.plant(fault);
  await expect.poll(() => server.deaths(), { timeout: 10_000 }).toBe(before + 1);
  await server.ready();
}

/** As a client does it: again while a thread is being started, until there is a definite answer. */
async function answerTo(socket: WireSocket, conv: string, id: string) {
  for (;;) {
    const answer = await socket.ask({ op: 'send', id, conv, text: 'copy' });
    if (!('err' in answer) || answer.code !== 'unavailable') return answer;
    await sleep(50);
  }
}

/** What each copy is answered, on a connection of its own. */
async function answersTo({ token }: Person, conv: string, id: string) {
  const sockets = await Promise.all(
    Array.from({ length: socketCount }, () => WireSocket.open({ address: server.address, token })),
  );
  const answers = await Promise.all(sockets.map((socket) => answerTo(socket, conv, id)));
  for (const socket of sockets) socket.close();
  return answers;
}

test('P7 a refused operation is refused again by the next shard, on every front, also by one started again', {
  timeout: 60_000,
}, async () => {
  const [mia, nora] = (await makePeople(server, ['mia', 'nora'])) as [Person, Person];
  const owner = await WireSocket.open({ address: server.address, token: mia.token });
  const [conv, id] = [uuidv7(), uuidv7()];
  await owner.do({ op: 'create', id: conv, type: 'channel' });
  owner.close();
  const refused = expect.objectContaining({ code: 'not_found', stored: false });
  const stranger = await WireSocket.open({ address: server.address, token: nora.token });
  expect(await stranger.ask({ op: 'send', id, conv, text: 'too early' })).toEqual(refused);
  stranger.close();

  await die({ kind: 'shard throws', shard: 0 });
  const member = await WireSocket.open({ address: server.address, token: nora.token });
  await member.do({ op: 'join', id: uuidv7(), conv });
  await member.do({ op: 'send', id: uuidv7(), conv, text: 'now I may' });
  member.close();
  for (const answer of await answersTo(nora, conv, id)) expect(answer).toEqual(refused);

  // Each front dies: its successors know only what the shard has told them.
  await die({ kind: 'front throws', front: 0 });
  await die({ kind: 'front throws', front: 1 });
  await die({ kind: 'shard throws', shard: 0 });
  for (const answer of await answersTo(nora, conv, id)) expect(answer).toEqual(refused);
  expect(await database.sql`select 1 from conversation_log where id = ${id}`).toEqual([]);
});
