/** The changes of watched tables, noted by triggers and read again by a source, whatever commits when. */
import type { Sql, TransactionSql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Change } from '#src/entities/entity.js';
import { watchedEntities } from '#src/entities/index.js';
import { sessions } from '#src/entities/sessions.js';
import { userSettings } from '#src/entities/user-settings.js';
import { users } from '#src/entities/users.js';
import { EntityChanges } from '#src/storage/postgres/entity-changes.js';
import { createEntityStore } from '#src/storage/postgres/entity-store.js';
import { askSource } from '../support/change-source.js';
import { addUsers, createDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let source: ReturnType<typeof askSource>;

beforeAll(async () => {
  database = await createDatabase();
  source = askSource(sourceOf(database.sql));
});
afterAll(() => database.close());

function sourceOf(sql: Sql): EntityChanges {
  return new EntityChanges({ sql, store: createEntityStore(sql), entities: watchedEntities });
}

/** A transaction that stays open until it is told to commit. */
async function slowly(write: (sql: TransactionSql) => Promise<unknown>): Promise<() => Promise<void>> {
  let commit = () => {};
  const gate = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let work: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    work = database.sql.begin(async (sql) => {
      await write(sql);
      resolve();
      await gate;
    });
    work.catch(reject);
  });
  return async () => {
    commit();
    await work;
  };
}

/** As a mirror would hold it, position and all. */
async function follow(after: number, limit = 1_000) {
  const held = new Map<string, Change>();
  let position = after;
  for (;;) {
    const { changes, to, isAll } = await source.read({ after: position, limit });
    for (const change of changes) held.set(change.id, change);
    expect(to >= position).toBe(true);
    position = to;
    if (isAll) return { held, position };
  }
}

/**
 * Until every transaction that began before has ended: other tests write to other databases of this server, and
 * transactions are counted for all of them.
 */
async function settle(): Promise<void> {
  const [row] = await database.sql<Array<{ now: number }>>`select pg_current_xact_id()::text::float8 as now`;
  await expect
    .poll(async () => (await source.head()).head, { timeout: 20_000 })
    .toBeGreaterThan((row?.now ?? 0) * 256);
}

async function versionOf(id: string): Promise<number> {
  const [row] = await database.sql<Array<{ version: number }>>`
    select version::float8 as version from entity_changes where id = ${id}`;
  return row?.version ?? 0;
}

test('every insert, change and removal is a new version, and what changes nothing is none', async () => {
  const { sql } = database;
  const id = uuidv7();
  const { head } = await source.head();
  await sql`insert into users (id, username, password_hash) values (${id}, 'ada', 'a secret')`;
  const first = await versionOf(id);
  expect(first).toBeGreaterThan(0);
  const { held } = await follow(head);
  expect(held.get(id)).toMatchObject({ entity: users, version: first, fields: { id, username: 'ada' } });
  expect(JSON.stringify([...held])).not.toContain('secret');

  await sql`update users set bio = 'ducks' where id = ${id}`;
  await sql`update users set bio = 'ducks' where id = ${id}`;
  expect(await versionOf(id)).toBe(first + 1);
  await sql`insert into user_settings (user_id) values (${id})`;
  await sql`delete from users where id = ${id}`;
  await settle();
  const after = await source.read({ after: head, limit: 100 });
  expect(after.changes.filter((change) => change.id === id)).toEqual([
    { entity: users, id, version: first + 2, fields: undefined },
    { entity: userSettings, id, version: expect.any(Number), fields: undefined },
  ]);
});

test('a session that is only used is told of once a day', async () => {
  const { sql } = database;
  const [user, id] = [uuidv7(), uuidv7()];
  await addUsers(sql, [user]);
  await sql`
    insert into sessions (id, user_id, created_at, last_used_at, expires_at)
    values (${id}, ${user}, '2030-01-01T10:00Z', '2030-01-01T10:00Z', '2030-02-01T10:00Z')`;
  const first = await versionOf(id);
  const touch = (at: string) =>
    sql`update sessions set last_used_at = ${at}, expires_at = ${at}::timestamptz + interval '31 days' where id = ${id}`;
  for (let minute = 10; minute < 60; minute += 10) await touch(`2030-01-01T10:${minute}Z`);
  expect(await versionOf(id)).toBe(first);
  await touch('2030-01-03T10:00Z');
  expect(await versionOf(id)).toBe(first + 1);
  await sql`update sessions set revoked = true, last_used_at = '2030-01-03T10:01Z' where id = ${id}`;
  expect(await versionOf(id)).toBe(first + 2);
});

test('what commits late is not skipped, and what commits early does not wait for it', async () => {
  const { sql } = database;
  const [late, early, later] = [uuidv7(), uuidv7(), uuidv7()];
  await settle();
  const { head: start } = await source.head();
  const commit = await slowly((own) => addUsers(own as unknown as Sql, [late]));
  await addUsers(sql, [early]);

  const during = await source.read({ after: start, limit: 10 });
  expect(during.isAll).toBe(true);
  const ids = during.changes.map(({ id }) => id);
  expect(ids).toContain(early);
  expect(ids).not.toContain(late);
  // Again, while it is still open: nothing is lost that came meanwhile.
  await addUsers(sql, [later]);
  const again = await source.read({ after: during.to, limit: 10 });
  expect(again.changes.map(({ id }) => id)).toContain(later);

  await commit();
  const after = await source.read({ after: again.to, limit: 10 });
  expect(after.changes.map(({ id }) => id)).toContain(late);
  await settle();
  const { to } = await source.read({ after: after.to, limit: 10 });
  expect(await source.read({ after: to, limit: 10 })).toMatchObject({ changes: [], isAll: true });
});

test('two transactions that change one element in turn leave the newer version, also when read in between', async () => {
  const { sql } = database;
  const id = uuidv7();
  await addUsers(sql, [id]);
  const { head } = await source.head();
  const commit = await slowly((own) => own`update users set bio = 'first' where id = ${id}`);
  // It waits for the row, with a transaction id that may be the lower or the higher one.
  const second = sql`update users set bio = 'second' where id = ${id}`.execute();
  const before = await source.read({ after: head, limit: 10 });
  await commit();
  await second;
  const { held } = await follow(before.to);
  expect(held.get(id)).toMatchObject({ version: await versionOf(id), fields: { bio: 'second' } });
});

test('a page ends between transactions, and one that changed more than a page is read in parts', async () => {
  const { sql } = database;
  await settle();
  const { head } = await source.head();
  const small = Array.from({ length: 7 }, () => uuidv7());
  for (const id of small) await addUsers(sql, [id]);
  const large = Array.from({ length: 700 }, () => uuidv7());
  await addUsers(sql, large);
  const last = uuidv7();
  await addUsers(sql, [last]);
  await settle();

  const pages: number[] = [];
  const told = new Set<string>();
  let position = head;
  for (;;) {
    const { changes, to, isAll } = await source.read({ after: position, limit: 5 });
    expect(to).toBeGreaterThan(position);
    pages.push(changes.length);
    for (const { id } of changes) told.add(id);
    position = to;
    if (isAll) break;
  }
  expect(told).toEqual(new Set([...small, ...large, last]));
  expect(Math.max(...pages)).toBeLessThan(30);
  expect(pages.length).toBeGreaterThan(100);
});

test('a part of a large transaction is not skipped when another has changed what was in it', async () => {
  const { sql } = database;
  const { head } = await source.head();
  const ids = Array.from({ length: 300 }, () => uuidv7());
  await addUsers(sql, ids);
  await settle();
  const first = await source.read({ after: head, limit: 20 });
  expect(first.isAll).toBe(false);
  // Half of all leave the transaction that made them, told and untold alike.
  const moved = ids.filter((_, index) => index % 2 === 0);
  await sql`update users set bio = 'moved' where id = any(${moved}::uuid[])`;
  const { held } = await follow(first.to, 20);
  const told = new Set([...first.changes.map(({ id }) => id), ...held.keys()]);
  expect(told).toEqual(new Set(ids));
  for (const id of moved) expect(held.get(id)?.fields?.bio).toBe('moved');
});

test('a walk meets every user and their settings, and the sessions that live', async () => {
  const own = await createDatabase();
  const { sql } = own;
  const ids = Array.from({ length: 25 }, () => uuidv7());
  await addUsers(sql, ids);
  const [user = ''] = ids;
  await sql`insert into user_settings (user_id, theme) values (${user}, 1)`;
  const [living, over] = [uuidv7(), uuidv7()];
  await sql`
    insert into sessions (id, user_id, created_at, last_used_at, expires_at)
    values (${living}, ${user}, now(), now(), now() + interval '1 hour'),
      (${over}, ${user}, now(), now(), now() - interval '1 hour')`;

  const walker = askSource(sourceOf(sql));
  const met: Change[] = [];
  let cursor: string | undefined;
  do {
    const page = await walker.walk({ cursor, limit: 10 });
    expect(page.changes.length).toBeLessThanOrEqual(10);
    met.push(...page.changes);
    cursor = page.next;
  } while (cursor !== undefined);
  const of = (name: string) => met.filter(({ entity }) => entity.name === name).map(({ id }) => id);
  expect(of('users').sort()).toEqual([...ids].sort());
  expect(of('user_settings')).toEqual([user]);
  expect(of('sessions')).toEqual([living]);
  expect(met.every(({ version, fields }) => version > 0 && fields !== undefined)).toBe(true);
  expect(met.find(({ entity }) => entity === sessions)?.fields).toMatchObject({ user, revoked: false });
  await own.close();
});

test('what a restored database notes of transactions to come is no change', async () => {
  const { sql } = database;
  const id = uuidv7();
  await addUsers(sql, [id]);
  await sql`update entity_changes set changed = '4000000000' where id = ${id}`;
  const { head } = await source.head();
  const { changes, isAll } = await source.read({ after: head, limit: 10 });
  expect(isAll).toBe(true);
  expect(changes.map((change) => change.id)).not.toContain(id);
});

test('a database that does not answer is a failure, told once', async () => {
  const own = await createDatabase();
  const dead = askSource(sourceOf(own.sql));
  await own.close();
  await expect(dead.head()).rejects.toThrow();
  await expect(dead.read({ after: 0, limit: 1 })).rejects.toThrow();
  await expect(dead.walk({ cursor: undefined, limit: 1 })).rejects.toThrow();
});
