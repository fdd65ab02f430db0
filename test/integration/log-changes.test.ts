/** What mirrors read again after an outage, on a real Postgres. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { batchNumber, LogChanges, openLogChanges } from '#src/storage/postgres/log-changes.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
const closers: Array<() => Promise<void>> = [];

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await Promise.all(closers.map((close) => close()));
  await database.close();
});

function open(shard: number): { store: Asker; source: LogChanges } {
  const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
  const sql = openLogChanges(database.url, 'nubo test changes');
  closers.push(
    () => store.close(),
    () => sql.end(),
  );
  const changesOf: typeof changesOfEvents = changesOfEvents;
  return { store: new Asker(store), source: new LogChanges({ sql, shard, changesOf }) };
}

const headOf = (source: ChangeSource) =>
  new Promise<number>((resolve, reject) =>
    source.head((read) => (read.kind === 'head' ? resolve(read.head) : reject(new Error(read.message)))),
  );
const readAfter = (source: ChangeSource, after: number) =>
  new Promise<Extract<Parameters<Parameters<ChangeSource['read']>[1]>[0], { kind: 'changes' }>>(
    (resolve, reject) =>
      source.read({ after, limit: 100 }, (read) =>
        read.kind === 'changes' ? resolve(read) : reject(new Error(read.message)),
      ),
  );

test('T2 every batch after a place is read again, in its order, with the number that its rows have', async () => {
  const { store, source } = open(5);
  await store.own();
  const [one, other] = [new Script(), new Script()];
  await store.write([one.create([other.owner]), other.message('a')]);
  await store.write([]);
  await store.write([one.message('b'), other.message('c')]);
  expect(await headOf(source)).toBe(3);
  const all = await readAfter(source, 0);
  expect(all).toMatchObject({ to: 3, isAll: true });
  // What becomes of members and conversations is told by their tables.
  expect(new Set(all.changes.map(({ entity }) => entity.name))).toEqual(new Set(['messages']));
  expect(all.changes.map(({ version }) => version)).toEqual(
    [1, 1, 3, 3].map((batch) => batchNumber(5, batch)),
  );
  const last = await readAfter(source, 2);
  expect(last.changes.map(({ fields }) => fields?.content).sort()).toEqual(['b', 'c']);
  expect(await readAfter(source, 3)).toMatchObject({ changes: [], to: 3, isAll: true });
});

test('T2 many batches take many reads, and none is left out', async () => {
  const { store, source } = open(6);
  await store.own();
  const script = new Script();
  const batches = 60;
  for (let batch = 0; batch < batches; batch += 1) await store.write([script.message(`${batch}`)]);
  const texts: unknown[] = [];
  let after = 0;
  for (let reads = 0; reads < batches; reads += 1) {
    const { changes, to, isAll } = await readAfter(source, after);
    texts.push(...changes.map(({ fields }) => fields?.content));
    after = to;
    if (isAll) break;
  }
  expect(texts).toEqual(Array.from({ length: batches }, (_, batch) => `${batch}`));
});

test('T4 everything recent of one shard is walked page by page, once', async () => {
  const [here, there] = [open(7), open(8)];
  await here.store.own();
  await there.store.own();
  const script = new Script();
  const events = Array.from({ length: 25 }, (_, index) => script.message(`${index}`));
  await here.store.write(events);
  await there.store.write([new Script().message('elsewhere')]);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await new Promise<
      Extract<Parameters<Parameters<ChangeSource['walk']>[1]>[0], { kind: 'page' }>
    >((resolve, reject) =>
      here.source.walk({ cursor, limit: 10 }, (read) =>
        read.kind === 'page' ? resolve(read) : reject(new Error(read.message)),
      ),
    );
    seen.push(...page.changes.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(seen.sort()).toEqual(events.map(({ id }) => id).sort());
});

test('T2 a batch is found by the index on batches, however many others there are', async () => {
  const { store } = open(9);
  await store.own();
  for (let batch = 0; batch < 30; batch += 1) {
    const script = new Script();
    await store.write(
      Array.from({ length: 1_000 }, (_, index) => script.message(`${index} ${'x'.repeat(100)}`)),
    );
  }
  const sql = openLogChanges(database.url, 'nubo test plan');
  const asked: Array<{ text: string; values: never[] }> = [];
  const noting = new Proxy(sql, {
    apply(target, self, [strings, ...values]: [readonly string[], ...never[]]) {
      const text = strings.reduce((before, part, index) => `${before}$${index}${part}`);
      asked.push({ text, values });
      return Reflect.apply(target, self, [strings, ...values]) as unknown;
    },
  });
  const source = new LogChanges({ sql: noting, shard: 9, changesOf: changesOfEvents });
  try {
    // The index learns of the rows by the first read.
    await readAfter(source, 29);
    await readAfter(source, 14);
    const query = asked.findLast(({ text }) => text.includes('conversation_log l'));
    const plan = await sql.unsafe<Array<{ 'QUERY PLAN': string }>>(
      `explain (analyze, buffers off) ${query?.text}`,
      query?.values,
    );
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Bitmap Index Scan on conversation_log_\d{4}_\d\d_batch/);
    expect(text).not.toContain('pkey');
    const removed = [...text.matchAll(/Removed by Index Recheck: (\d+)/g)].map(([, rows]) => Number(rows));
    expect(Math.max(0, ...removed)).toBeLessThan(15_000);
  } finally {
    await sql.end();
  }
});
