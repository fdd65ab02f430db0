/** Connections that are cut, owners that come late, a database that goes away. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { drillUnknown } from '../support/drill-unknown.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';

let database: TestDatabase;
const stores: PostgresLogStore[] = [];

function open(shard: number, url = database.url): Asker {
  const store = new PostgresLogStore({ url, shard, readConnections: 1 });
  stores.push(store);
  return new Asker(store);
}

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await database.close();
});

test('L3 a connection cut with a batch under way is unknown, and the batch number settles it', async () => {
  const rounds = Number(process.env.NUBO_TEST_UNKNOWN ?? 30);
  const result = await drillUnknown(database.url, { rounds });
  console.log('unknown', result);
  expect(result).toMatchObject({ rounds, wrong: 0, committed: expect.any(Number) });
  expect(result.committed + result.never).toBe(rounds);
  expect(result.committed).toBeGreaterThan(0);
  expect(result.never).toBeGreaterThan(0);
  for (const count of Object.values(result.unknown)) expect(count).toBeGreaterThan(0);
});

test('L2 a new owner waits for the transaction of the old one, and counts it', async () => {
  const { proxy, url } = await TcpProxy.inFrontOf(database.url);
  const old = open(1, url);
  await old.own();
  const script = new Script();
  const cut = proxy.cutNext('late end', { marker: 'nubo_claim', lateMs: 300 });
  const late = old.write([script.message('late, but in time')]);
  await cut;
  expect(await late).toMatchObject({ kind: 'unknown' });
  const heir = open(1);
  expect(await heir.own()).toMatchObject({ kind: 'owned', batch: 1 });
  expect(await heir.load(script.conv)).toMatchObject({ snapshot: { head: { seq: 1 } } });
  await proxy.close();
});

test('L2 a transaction that hangs for more than a second is ended by the new owner', async () => {
  const { proxy, url } = await TcpProxy.inFrontOf(database.url);
  const old = open(2, url);
  await old.own();
  const script = new Script();
  const cut = proxy.cutNext('late end', { marker: 'nubo_claim', lateMs: 60_000 });
  const late = old.write([script.message('never')]);
  await cut;
  await late;
  const heir = open(2);
  expect(await heir.own()).toMatchObject({ kind: 'owned', batch: 0 });
  expect(await heir.write([script.message('instead')])).toEqual({ kind: 'committed' });
  await proxy.close();
});

test('L13 two servers write one shard: the older one is fenced, nothing is written twice', async () => {
  const [one, other] = [open(3), open(3)];
  const script = new Script();
  await one.own();
  await one.write([script.message('one')]);
  await other.own();
  const [late, mine] = await Promise.all([
    one.write([script.message('late')]),
    other.write([script.message('mine')]),
  ]);
  expect(late).toEqual({ kind: 'fenced' });
  expect(mine).toEqual({ kind: 'committed' });
});

test('L3 a network that goes silent ends as unknown when it is cut, not before', async () => {
  const { proxy, url } = await TcpProxy.inFrontOf(database.url);
  const asker = open(4, url);
  await asker.own();
  proxy.hold();
  let isAnswered = false;
  const waiting = asker.write([new Script().message('x')]).finally(() => {
    isAnswered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isAnswered).toBe(false);
  proxy.cutAll();
  expect(await waiting).toMatchObject({ kind: 'unknown' });
  await proxy.close();
});

test('L10 without a database every call is answered with a failure, and all is well once it is back', async () => {
  const { proxy, url } = await TcpProxy.inFrontOf(database.url);
  const asker = open(5, url);
  const script = new Script();
  const { port } = proxy;
  await proxy.close();
  const range = { conv: script.conv, after: 0, before: 9, limit: 9, last: false };
  expect(await asker.own()).toMatchObject({ kind: 'failed' });
  expect(await asker.write([script.message('x')], { epoch: 1, batch: 1 })).toMatchObject({ kind: 'retry' });
  expect(await asker.load(script.conv)).toMatchObject({ kind: 'failed' });
  expect(await asker.lookup([script.conv])).toMatchObject({ kind: 'failed' });
  expect(await asker.read(range)).toMatchObject({ kind: 'failed' });
  expect(await asker.unknownUsers([script.conv])).toMatchObject({ kind: 'failed' });
  expect(await asker.flush({ batch: 1, heads: [], marks: [] })).toMatchObject({ kind: 'failed' });
  const target = new URL(database.url);
  const back = await TcpProxy.start({ host: target.hostname, port: Number(target.port) }, port);
  while ((await asker.own()).kind !== 'owned');
  script.seq = 0;
  expect(await asker.write([script.message('x')])).toEqual({ kind: 'committed' });
  while ((await asker.load(script.conv)).kind !== 'loaded');
  expect(await asker.read(range)).toMatchObject({ kind: 'events', events: [{ seq: 1 }] });
  // Every connection is lost while nothing is asked: that is nobody's outcome.
  back.cutAll();
  const outcome = await asker.write([script.message('y')]);
  expect(['committed', 'retry', 'unknown']).toContain(outcome.kind);
  while ((await asker.own()).kind !== 'owned');
  await back.close();
});
