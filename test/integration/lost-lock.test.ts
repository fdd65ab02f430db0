/** A whole server that loses the lock on its database while its shards go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PostgresLockSession } from '#src/storage/postgres/lock-session.js';
import { openSql } from '#src/storage/postgres/sql.js';
import type { FaultyServer } from '#test/faults/faulty-server.js';
import { startFaultyServerOnDatabase } from '#test/support/faulty-server-on-database.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { serverUrl, type TestDatabase } from '#test/support/postgres.js';
import { WireSocket } from '#test/support/wire-socket.js';

let database: TestDatabase;
let server: FaultyServer;
let end: () => Promise<void>;
let socket: WireSocket;
const conv = uuidv7();

beforeEach(async () => {
  ({ database, server, end } = await startFaultyServerOnDatabase('lost-lock'));
  const [person] = (await makePeople(server, ['someone'])) as [Person];
  socket = await WireSocket.open({ address: server.address, token: person.token });
  await socket.do({ op: 'create', id: conv, type: 'group' });
  await server.ready();
  // A connection to look on with, while no other can be made.
  await database.sql`select 1`;
});
afterEach(async () => {
  await allowConnections(true);
  await end();
});

/** Connections there are go on; no other can be made. */
async function allowConnections(isAllowed: boolean): Promise<void> {
  const sql = openSql(await serverUrl(), { max: 1 });
  await sql.unsafe(`alter database ${database.name} allow_connections ${isAllowed}`);
  await sql.end();
}

async function endLockSession(): Promise<void> {
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name like 'nubo server lock%' and application_name not like '%rival'
    and datname = ${database.name}`;
}

interface Ready {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

async function readiness(): Promise<Ready> {
  return (await (await fetch(`${server.address}/readyz`)).json()) as Ready;
}

async function untilReadiness(isRight: (answer: Ready) => boolean): Promise<Ready> {
  for (;;) {
    // While a front is started again nobody listens.
    const answer = await readiness().catch(() => undefined);
    if (answer !== undefined && isRight(answer)) return answer;
    await sleep(20);
  }
}

const logged = (words: string) => server.line((line) => (line.includes(words) ? true : undefined));
const send = () => socket.do({ op: 'send', id: uuidv7(), conv, text: 'x' });
const shardIsThere = async () =>
  (await (await fetch(`${server.address}/metrics`)).text()).includes('thread="shard-0"');
const epoch = async () => {
  const [row] = await database.sql<Array<{ epoch: number }>>`select epoch::int as epoch from writers`;
  return row?.epoch ?? 0;
};

test('L13 O2 without its lock a server is not ready and says so, starts no shard again, and goes on when it has it', async () => {
  await allowConnections(false);
  await endLockSession();
  const lost = await untilReadiness(({ ready }) => !ready);
  expect(lost.checks).toEqual({ 'shard-0': 'ok', 'database lock': 'lost, and being taken again' });
  expect((await fetch(`${server.address}/readyz`)).status).toBe(503);
  await send();
  const before = await epoch();
  // A front that is started now knows it as well.
  await server.plant({ kind: 'front throws', front: 0 });
  await socket.closed;
  await logged('"role":"front"');
  expect((await untilReadiness(() => true)).checks).toEqual(lost.checks);
  expect(await shardIsThere()).toBe(true);
  await server.plant({ kind: 'shard throws', shard: 0 });
  await logged('"role":"shard"');
  await sleep(500);
  expect(await shardIsThere()).toBe(false);
  expect(await epoch()).toBe(before);
  await allowConnections(true);
  await logged('the lock on the database is held again');
  await server.ready();
  expect(await shardIsThere()).toBe(true);
  expect(await epoch()).toBe(before + 1);
  expect(server.output()).not.toContain('this one ends');
});

test('L13 a server whose lock another one has says goodbye to its clients, says why, and ends with 1', async () => {
  const rival = await PostgresLockSession.open(database.url, 'rival');
  await allowConnections(false);
  await endLockSession();
  await untilReadiness(({ ready }) => !ready);
  expect(await rival.take()).toBe(true);
  await allowConnections(true);
  const { code, reason } = await socket.closed;
  expect(code).toBe(4000);
  expect(reason).toMatch(/^windowMs=\d+$/);
  expect(await server.ended).toBe(1);
  const fatal = server
    .output()
    .split('\n')
    .filter((line) => line.includes('"level":"fatal"'));
  expect(fatal).toHaveLength(1);
  expect(fatal[0]).toContain('Another nubo has this database now (another server holds it): this one ends.');
  await rival.end();
});
