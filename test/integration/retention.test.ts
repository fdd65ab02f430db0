/** What a conversation is when a part of its log is gone: its order goes on, and nothing is passed over in silence. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { monthAt, startOfMonth } from '#src/months.js';
import type { PartitionStore } from '#src/storage/ports.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { openHousekeeping, PostgresPartitions } from '#src/storage/postgres/partitions.js';
import { idAt } from '../support/ids.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

/** A month that was long ago. */
const month = monthAt(Date.UTC(2031, 4));
const start = startOfMonth(month);
const next = startOfMonth(month + 1);

let database: TestDatabase;
let asker: Asker;
let store: PostgresLogStore;
const undo: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  database = await createDatabase();
  store = new PostgresLogStore({ url: database.url, shard: 0, readConnections: 1 });
  asker = new Asker(store);
  await asker.own();
  undo.push(
    () => store.close(),
    () => database.close(),
  );
});
afterAll(async () => {
  for (const step of undo) await step();
});

type Detached = Parameters<Parameters<PartitionStore['detach']>[2]>[0];

async function detach(isKept = true): Promise<Detached> {
  const sql = openHousekeeping(database.url);
  const partitions = new PostgresPartitions(sql);
  await new Promise((resolve) => partitions.make(month, resolve));
  const result = await new Promise<Detached>((resolve) => partitions.detach(month, { isKept }, resolve));
  await sql.end();
  return result;
}

test('L16 P4 a month leaves the log only once the heads cover it, and seqs and retries go on rightly after it', async () => {
  const script = new Script();
  const quiet = new Script();
  const { conv } = script;
  const at = (moment: number) => ({ id: idAt(moment), at: moment });
  const gone = [script.message('one', at(start)), script.message('two', at(start + 1))];
  // Written before the next one, with an id of the month after: it stays, and leaves a hole.
  const early = script.message('three', at(next));
  const late = script.message('four', at(next - 1));
  const kept = [script.message('five', at(next + 1)), script.message('six', at(next + 2))];
  const only = quiet.message('alone', at(start + 5));
  await asker.write([...gone, early, late, ...kept, only]);

  expect(await detach()).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('newer than the heads'),
  });
  expect(await asker.lookup([only.id])).toMatchObject({ operations: [{ id: only.id }] });
  const head = ({ conv: of, seq, number }: Script) => ({ conv: of, seq, number, at: next, preview: '' });
  await asker.flush({ batch: asker.batch, heads: [head(script), head(quiet)], marks: [] });
  expect(await detach()).toEqual({ kind: 'detached', rows: 4, table: 'conversation_log_2031_05_detached' });

  // Heads outlive their rows; what is remembered of the log has no hole.
  expect(await asker.load(quiet.conv)).toMatchObject({
    snapshot: { head: { seq: 1, number: 1 }, recent: [] },
  });
  const loaded = await asker.load(conv);
  expect(loaded).toMatchObject({ snapshot: { head: { seq: 6, number: 6 }, recent: kept } });
  expect(await asker.read({ conv, after: 0, before: 9, limit: 9, last: false })).toEqual({
    kind: 'events',
    events: [early, ...kept],
  });
  expect(await asker.write([quiet.message('again')])).toEqual({ kind: 'committed' });
  expect(await asker.load(quiet.conv)).toMatchObject({ snapshot: { head: { seq: 2, number: 2 } } });

  // What was stored there is not found, and the answer says up to when that means nothing.
  const [old, fresh] = [uuidv7Before(), uuidv7()];
  expect(await asker.lookup([old])).toEqual({ kind: 'found', operations: [], horizon: next });
  expect(await asker.lookup([fresh])).toEqual({ kind: 'found', operations: [] });
  const { sql } = database;
  expect(await sql`select count(*)::int as rows from conversation_log_2031_05_detached`).toEqual([
    { rows: 4 },
  ]);
});

/** Of a time that is out of the window today. */
function uuidv7Before(): string {
  return idAt(Date.now() - 40 * 86_400_000);
}
