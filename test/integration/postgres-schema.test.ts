/** The schema, and what must hold before a server starts on it. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '#src/errors.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { ensurePartitions } from '#src/storage/postgres/partitions.js';
import { shardNumbers } from '#src/storage/postgres/placement-store.js';
import { repairProgress } from '#src/storage/postgres/progress.js';
import { checkSettings } from '#src/storage/postgres/settings.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { idAt } from '../support/ids.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startCluster } from '../support/postgres-cluster.js';

let database: TestDatabase;
const stores: PostgresLogStore[] = [];
let shard = 0;

async function owned(): Promise<Asker> {
  shard += 1;
  const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
  stores.push(store);
  const asker = new Asker(store);
  await asker.own();
  return asker;
}

async function leafOf(id: string): Promise<string | undefined> {
  const [row] = await database.sql<Array<{ leaf: string }>>`
    select tableoid::regclass::text as leaf from conversation_log where id = ${id}`;
  return row?.leaf;
}

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await database.close();
});

describe('months', () => {
  test('L15 rows go to the leaf of their month, to the millisecond', async () => {
    const asker = await owned();
    const script = new Script();
    const now = new Date();
    const start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
    const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
    const times = [start - 1, start, next - 1, next];
    const ids = times.map(idAt);
    await asker.write(ids.map((id) => script.message('x', { id })));
    const expected = times.map(
      (at) => `conversation_log_${new Date(at).toISOString().slice(0, 7).replace('-', '_')}`,
    );
    expect(await Promise.all(ids.map(leafOf))).toEqual(expected);
  });

  test('L15 what landed in the default partition moves to its leaf when that is made, under live writes', async () => {
    const asker = await owned();
    const script = new Script();
    const times = [Date.UTC(2041, 4, 1), Date.UTC(2041, 4, 31, 23, 59, 59, 999), Date.UTC(2041, 5, 1)];
    const ids = times.map(idAt);
    const events = ids.map((id) => script.message('x', { id }));
    await asker.write(events);
    expect(await Promise.all(ids.map(leafOf))).toEqual(Array(3).fill('conversation_log_default'));
    let isMaking = true;
    const making = database.sql<
      Array<{ made: boolean }>
    >`select nubo_partition_ensure('2041-05-17') as made`.then((rows) => {
      isMaking = false;
      return rows[0]?.made;
    });
    const live = [];
    do {
      const event = script.message('live', { id: idAt(Date.UTC(2041, 4, 10)) });
      live.push(event);
      let outcome = await asker.write([event]);
      // A row that waited for the default partition while its leaf was attached is written again (L10).
      if (outcome.kind === 'retry') outcome = await asker.write([event]);
      expect(outcome).toEqual({ kind: 'committed' });
    } while (isMaking);
    expect(await making).toBe(true);
    const leaf = 'conversation_log_2041_05';
    expect(await Promise.all(ids.map(leafOf))).toEqual([leaf, leaf, 'conversation_log_default']);
    expect(await Promise.all(live.map((event) => leafOf(event.id)))).toEqual(live.map(() => leaf));
    expect(await asker.read({ conv: script.conv, after: 0, before: 1e9, limit: 1e4, last: false })).toEqual({
      kind: 'events',
      events: [...events, ...live],
    });
    expect(await database.sql`select nubo_partition_ensure('2041-05-01') as made`).toEqual([{ made: false }]);
    // The new leaf keeps both promises of uniqueness.
    expect(await asker.write([new Script().message('x', { id: ids[0] ?? '' })])).toEqual({
      kind: 'duplicate',
    });
    const again = { ...script.message('x', { id: idAt(Date.UTC(2041, 4, 2)) }), seq: 1 };
    expect(await asker.write([again])).toMatchObject({ kind: 'broken' });
  });

  test('L15 at every start last month to two months ahead are there', async () => {
    const now = new Date();
    const wanted = [-1, 0, 1, 2].map((months) => {
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
      return `conversation_log_${month.toISOString().slice(0, 7).replace('-', '_')}`;
    });
    const last = wanted[3] ?? '';
    await database.sql.unsafe(`drop table ${last}`);
    expect(await ensurePartitions(database.sql)).toBe(1);
    expect(await ensurePartitions(database.sql)).toBe(0);
    const rows = await database.sql<Array<{ leaf: string }>>`
      select inhrelid::regclass::text as leaf from pg_inherits where inhparent = 'conversation_log'::regclass`;
    expect(rows.map((row) => row.leaf)).toEqual(expect.arrayContaining(wanted));
  });
});

test('P2 the messages view has the shape other programs expect', async () => {
  const asker = await owned();
  const script = new Script();
  const replyTo = uuidv7();
  const message = script.message('hello', { type: 'image', metadata: { w: 3 }, replyTo });
  await asker.write([script.create(), message, script.message('plain')]);
  const rows =
    await database.sql`select * from messages where conversation_id = ${script.conv} order by created_at, id`;
  const common = {
    conversation_id: script.conv,
    sender_id: script.owner,
    is_edited: false,
    is_deleted: false,
  };
  expect(rows).toMatchObject([
    {
      ...common,
      id: message.id,
      type: 'image',
      content: 'hello',
      metadata: { w: 3 },
      reply_to_id: replyTo,
      created_at: new Date(message.at),
    },
    { ...common, type: 'text', content: 'plain', metadata: null, reply_to_id: null },
  ]);
});

test('L14 other views name the last message, its type as a number, and what each member has not read', async () => {
  const asker = await owned();
  const script = new Script();
  const ann = uuidv7();
  const { conv, owner } = script;
  const first = [script.create([ann]), script.message('text')];
  const image = script.message('an image', { type: 'image' });
  await asker.write([...first, image, script.leave(uuidv7())]);
  await asker.flush({
    batch: asker.batch,
    heads: [{ conv, seq: 4, number: 2, at: image.at, preview: 'an image' }],
    marks: [{ conv, user: owner, mark: 2 }],
  });
  const { sql } = database;
  expect(await sql`select type, last_message_id, state from conversations_meta where id = ${conv}`).toEqual([
    { type: 1, last_message_id: image.id, state: 0 },
  ]);
  expect(
    await sql`select user_id, role, unread_count from members where conversation_id = ${conv} order by role`,
  ).toEqual([
    { user_id: ann, role: 0, unread_count: 2 },
    { user_id: owner, role: 2, unread_count: 0 },
  ]);
  expect(
    await sql`select content, message_type from message_index where conversation_id = ${conv} order by message_type`,
  ).toEqual([
    { content: 'text', message_type: 0 },
    { content: 'an image', message_type: 1 },
  ]);
});

test('T2 mirrors are told once of each member and message that a batch has changed, and of what somebody does by hand', async () => {
  const asker = await owned();
  const script = new Script();
  const ann = uuidv7();
  const said = script.message('one');
  const { sql } = database;
  const versions = new Map<string, number>();
  /** By which elements moved since the last look, and how far; what is new counts as one. */
  const moved = async () => {
    const rows = await sql<Array<{ name: string; version: number }>>`
      select entity || ' ' || id as name, version::float8 as version from entity_changes
      where id in (${`${script.conv}:${ann}`}, ${said.id})`;
    const found = rows.map(({ name, version }) => {
      const known = versions.get(name);
      versions.set(name, version);
      return [name, known === undefined ? 1 : version - known] as const;
    });
    return Object.fromEntries(found.filter(([, steps]) => steps > 0));
  };
  const [member, state] = [`members ${script.conv}:${ann}`, `message_states ${said.id}`];
  await asker.write([script.create([ann]), said]);
  expect(await moved()).toEqual({ [member]: 1 });
  await asker.write([
    script.leave(ann),
    script.join(ann),
    script.react(said, '👍'),
    script.edit(said, 'two'),
  ]);
  expect(await moved()).toEqual({ [member]: 1, [state]: 1 });
  expect(await sql`select reactions from message_states where message = ${said.id}`).toEqual([
    { reactions: { '👍': 1 } },
  ]);
  await asker.write([script.delete(said)]);
  expect(await moved()).toEqual({ [state]: 1 });
  expect(await sql`select reactions, text from message_states where message = ${said.id}`).toEqual([
    { reactions: null, text: null },
  ]);
  await sql`update conversation_members set mark = mark + 1 where user_id = ${ann}`;
  expect(await moved()).toEqual({});
  await sql`update conversation_members set nickname = 'Annie' where user_id = ${ann}`;
  await sql`update message_states set version = version + 1 where message = ${said.id}`;
  expect(await moved()).toEqual({ [member]: 1, [state]: 1 });
});

describe('after a crash', () => {
  test('L14 heads and senders’ marks are made again from the log, once', async () => {
    const asker = await owned();
    const script = new Script();
    const ann = uuidv7();
    const { conv } = script;
    await asker.write([script.create([ann]), script.message('one'), script.message('two', { from: ann })]);
    await asker.flush({ batch: 1, heads: [{ conv, seq: 3, number: 2, at: 5, preview: 'two' }], marks: [] });
    await asker.write([
      script.message('three', { from: ann }),
      script.message('x'.repeat(200)),
      script.leave(ann),
    ]);
    await asker.write([script.join(ann)]);
    expect(await repairProgress(database.sql)).toBeGreaterThanOrEqual(2);
    const [head] = await database.sql`
      select seq::int as seq, number::int as number, preview, shard, (last_batch - (shard::bigint << 40))::int as batch
      from conversation_heads where conversation = ${conv}`;
    expect(head).toEqual({ seq: 7, number: 4, preview: 'x'.repeat(140), shard, batch: 3 });
    const marks = await database.sql`
      select user_id as user, mark::int as mark from conversation_members where conversation = ${conv}`;
    expect(new Map(marks.map((row) => [row.user, row.mark]))).toEqual(
      new Map([
        [script.owner, 4],
        [ann, 4],
      ]),
    );
    expect(await repairProgress(database.sql)).toBe(0);
  });

  test('T12 a preview that was written before its message was edited or deleted is made again', async () => {
    const asker = await owned();
    const script = new Script();
    const { conv } = script;
    const [older, last] = [script.message('older'), script.message('secret')];
    await asker.write([script.create(), older, last]);
    const { seq, number, at } = last;
    const shown = { preview: 'secret', messageSeq: last.seq };
    await asker.flush({ batch: 1, heads: [{ conv, seq, number, at, ...shown }], marks: [] });
    const preview = async () => {
      await repairProgress(database.sql);
      const [head] = await database.sql<Array<{ preview: string; seq: number }>>`
        select preview, seq::int as seq from conversation_heads where conversation = ${conv}`;
      return head;
    };
    await asker.write([script.edit(older, 'no longer the last')]);
    expect(await preview()).toEqual({ preview: 'secret', seq: script.seq });
    await asker.write([script.edit(last, 'mended')]);
    expect(await preview()).toEqual({ preview: 'mended', seq: script.seq });
    await asker.write([script.delete(last)]);
    expect(await preview()).toEqual({ preview: null, seq: script.seq });
    await asker.write([script.react(older, '👍')]);
    expect(await preview()).toEqual({ preview: null, seq: script.seq });
    await asker.write([script.message('a new one')]);
    expect(await preview()).toEqual({ preview: 'a new one', seq: script.seq });
  });
});

describe('starting', () => {
  test('L12 unsafe settings are refused, each by name', async () => {
    await expect(checkSettings(database.sql)).resolves.toBeUndefined();
    const soft = await createDatabase({ empty: true });
    await soft.sql.unsafe(`alter database ${soft.name} set synchronous_commit = off`);
    const sql = openSql(soft.url, { max: 1 });
    await expect(checkSettings(sql)).rejects.toThrow(/synchronous_commit is off/);
    await expect(checkSettings(sql)).rejects.toThrow(UserError);
    await sql.end();
    await soft.sql.unsafe(`alter database ${soft.name} set synchronous_commit = on`);
    await soft.sql.unsafe(
      `create database ${soft.name}_ascii template template0 encoding 'SQL_ASCII' locale_provider libc locale 'C'`,
    );
    const url = new URL(soft.url);
    url.pathname += '_ascii';
    const ascii = openSql(url.href, { max: 1 });
    await expect(checkSettings(ascii)).rejects.toThrow(/server_encoding is SQL_ASCII/);
    await ascii.end();
    await soft.sql.unsafe(`drop database ${soft.name}_ascii`);
    await soft.close();
    const cluster = await startCluster({ fsync: 'off', full_page_writes: 'off' });
    const unsafe = openSql(cluster.url, { max: 1 });
    try {
      await expect(checkSettings(unsafe)).rejects.toThrow(
        /fsync is off.*full_page_writes is off|full_page_writes is off.*fsync is off/,
      );
    } finally {
      await unsafe.end();
      await cluster.stop();
    }
  });

  test('L13 shard numbers stay while their count stays, and are never used twice', async () => {
    const { sql, close } = await createDatabase();
    expect(await shardNumbers(sql, 2)).toEqual([0, 1]);
    expect(await shardNumbers(sql, 2)).toEqual([0, 1]);
    expect(await shardNumbers(sql, 3)).toEqual([2, 3, 4]);
    expect(await shardNumbers(sql, 2)).toEqual([5, 6]);
    await expect(shardNumbers(sql, 9_000)).rejects.toThrow('used up');
    await close();
  });
});
