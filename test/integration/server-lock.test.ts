/** One server a database: the lock on a real Postgres, through a network that breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '#src/errors.js';
import { createLog } from '#src/log.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { type PreparedDatabase, prepareDatabase } from '#src/storage/postgres/prepare.js';
import type { LockState } from '#src/storage/postgres/server-lock.js';
import { Asker, Script } from '#test/support/log-events.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';
import { TcpProxy } from '#test/support/tcp-proxy.js';

const log = createLog({ level: 'silent', thread: 'main' });
let database: TestDatabase;
let proxy: TcpProxy;
let through: string;
const undo: Array<() => Promise<unknown>> = [];

beforeEach(async () => {
  database = await createDatabase();
  ({ proxy, url: through } = await TcpProxy.inFrontOf(database.url));
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await proxy.close();
  await database.close();
});

interface Server {
  readonly prepared: PreparedDatabase;
  readonly moves: LockState[];
}

/** A server without threads. */
async function start(url: string, checkEveryMs = 60_000): Promise<Server> {
  const prepared = await prepareDatabase({ url, shards: 2, log, checkEveryMs });
  const moves: LockState[] = [];
  prepared.lock.watch((state) => moves.push(state));
  undo.push(() => prepared.close());
  return { prepared, moves };
}

/** The store of a shard thread that is started by this server now. */
function storeOf({ prepared }: Server, url: string, index = 0): Asker {
  const shard = prepared.shardNumbers[index] ?? -1;
  const store = new PostgresLogStore({
    ...{ url, shard, owners: prepared.ownersOf(shard) },
    readConnections: 1,
  });
  undo.push(() => store.close());
  return new Asker(store);
}

async function untilMoved({ moves }: Server, count: number): Promise<readonly LockState['kind'][]> {
  while (moves.length < count) await sleep(10);
  return moves.map(({ kind }) => kind);
}

/** The way to the database is gone; the returned function brings it back. */
async function block(): Promise<() => Promise<void>> {
  const { port } = proxy;
  await proxy.close();
  const { hostname, port: target } = new URL(database.url);
  return async () => {
    proxy = await TcpProxy.start({ host: hostname, port: Number(target) }, port);
  };
}

async function epochs(): Promise<number[]> {
  const rows = await database.sql<
    Array<{ epoch: number }>
  >`select epoch::int as epoch from writers order by shard`;
  return rows.map(({ epoch }) => epoch);
}

test('L13 a lock whose connection is cut is held again, a second server stays refused, nothing was raised', async () => {
  const first = await start(through);
  const shard = storeOf(first, database.url);
  await shard.own();
  const before = await epochs();
  proxy.cutAll();
  expect(await untilMoved(first, 2)).toEqual(['lost', 'held']);
  await expect(start(database.url)).rejects.toThrow(UserError);
  expect(await shard.write([new Script().message('as if nothing had happened')])).toEqual({
    kind: 'committed',
  });
  expect(await epochs()).toEqual(before);
  await first.prepared.close();
  await start(database.url);
});

test('L13 Postgres still holds the lock for the lost connection: the server ends its own backend, nobody else’s', async () => {
  const first = await start(through, 50);
  const backend = async () => {
    const [row] = await database.sql<Array<{ pid: number }>>`
      select pid from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`;
    return row?.pid;
  };
  const old = await backend();
  // Our side is cut at the next sign of life; the other side stays open, as with a network that went away.
  await proxy.cutNext('late data', { marker: 'select 1', lateMs: 60_000 });
  expect(await untilMoved(first, 2)).toEqual(['lost', 'held']);
  const now = await backend();
  expect(now).toBeTypeOf('number');
  expect(now).not.toBe(old);
});

test('L13 a server that comes back to a database of another one is told so, and takes no shard back', async () => {
  const first = await start(through);
  const unblock = await block();
  expect(await untilMoved(first, 1)).toEqual(['lost']);
  let mayStart: boolean | undefined;
  const waiting = first.prepared.lock.untilHeld().then((answer) => {
    mayStart = answer;
  });
  const second = await start(database.url);
  const mine = storeOf(second, database.url);
  expect(await mine.own()).toMatchObject({ kind: 'owned' });
  const before = await epochs();
  expect(mayStart).toBeUndefined();
  // A thread of the first server that starts all the same, by a way that is open: the shard is not its own.
  expect(await storeOf(first, database.url).own()).toEqual({ kind: 'fenced' });
  await unblock();
  expect(await untilMoved(first, 2)).toEqual(['lost', 'taken']);
  await waiting;
  expect(mayStart).toBe(false);
  expect(await storeOf(first, database.url).own()).toEqual({ kind: 'fenced' });
  expect(await epochs()).toEqual(before);
  expect(await mine.write([new Script().message('undisturbed')])).toEqual({ kind: 'committed' });
  expect(second.moves).toEqual([]);
});

test('L13 a server that came and went while the way was cut has left its name: the first one ends', async () => {
  const first = await start(through);
  const unblock = await block();
  const second = await start(database.url);
  await second.prepared.close();
  await unblock();
  expect(await untilMoved(first, 2)).toEqual(['lost', 'taken']);
  expect(first.moves[1]).toMatchObject({ reason: 'another server has written to it' });
  // Its lock is free again for whoever comes.
  await start(database.url);
});

test('L13 threads that are started again have their shard from their predecessors, which have it no more', async () => {
  const server = await start(database.url);
  const one = storeOf(server, database.url, 1);
  expect(await one.own()).toMatchObject({ kind: 'owned' });
  const idle = storeOf(server, database.url, 1);
  const other = storeOf(server, database.url, 1);
  expect(await other.own()).toMatchObject({ kind: 'owned', batch: 0 });
  // What a dead thread sent too late: it changes nothing.
  expect(await one.own()).toEqual({ kind: 'fenced' });
  expect(await idle.own()).toEqual({ kind: 'fenced' });
  expect(await other.write([new Script().message('x')])).toEqual({ kind: 'committed' });
  expect(await other.own()).toMatchObject({ kind: 'owned', batch: 1 });
});

for (const kind of ['a store of its own', 'a store of a server'] as const) {
  test(`L3 L13 ${kind}: the answer to the first claim is lost, and the owner comes back as itself`, async () => {
    const server = await start(database.url);
    const shard = server.prepared.shardNumbers[0] ?? 0;
    const open = () =>
      new PostgresLogStore({
        ...{ url: through, shard, readConnections: 1 },
        ...(kind === 'a store of a server' ? { owners: server.prepared.ownersOf(shard) } : {}),
      });
    const store = open();
    undo.push(() => store.close());
    const asker = new Asker(store);
    const [before = 0] = await epochs();
    const nameOf = async () => {
      const [row] = await database.sql<Array<{ owner: string }>>`
        select owner from writers where shard = ${shard}`;
      return row?.owner;
    };
    const stranger = await nameOf();
    const cut = proxy.cutNext('before answer', { marker: 'commit' });
    const first = asker.own();
    await cut;
    expect(await first).toMatchObject({ kind: 'failed' });
    // It was committed, and its owner does not know.
    expect((await epochs())[0]).toBe(before + 1);
    const name = await nameOf();
    expect(name).not.toBe(stranger);
    expect(await asker.own()).toEqual({ kind: 'owned', epoch: before + 2, batch: 0 });
    expect(await nameOf()).toBe(name);
    const script = new Script();
    expect(await asker.write([script.create(), script.message('one')])).toEqual({ kind: 'committed' });
    expect(await asker.write([script.message('two')])).toEqual({ kind: 'committed' });
    // The epoch whose answer was lost is nobody's: what came under it would be a fork.
    const late = { epoch: before + 1, batch: 3 };
    expect(await asker.write([script.message('late')], late)).toEqual({ kind: 'fenced' });
    expect(await asker.own()).toEqual({ kind: 'owned', epoch: before + 3, batch: 2 });
    expect(await asker.load(script.conv)).toMatchObject({ snapshot: { head: { seq: 3 } } });
  });
}
