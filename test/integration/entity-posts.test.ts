/** A thing that nubo does not know yet: declared once, and nothing else is written for it. */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Entity, idOf } from '#src/entities/entity.js';
import { patchSchemaOf, schemaOf } from '#src/entities/schema.js';
import { smallint, text, time, uuid } from '#src/entities/values.js';
import { viewOf } from '#src/entities/view.js';
import { openApiDocument } from '#src/front/rest/openapi.js';
import { route } from '#src/front/rest/route.js';
import { check } from '#src/people/rules.js';
import { columnsOf, copyList } from '#src/storage/postgres/columns.js';
import { EntityChanges } from '#src/storage/postgres/entity-changes.js';
import { createEntityStore, type EntityStore } from '#src/storage/postgres/entity-store.js';
import { askSource } from '../support/change-source.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

const posts = {
  name: 'posts',
  table: 'scratch.posts',
  collection: 'posts_recent',
  key: ['id'],
  owner: 'user',
  recent: { since: 'createdAt' },
  fields: {
    id: { column: '_id', storedAs: 'id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    user: { column: 'user_id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    slug: { column: 'slug', type: 'text', schema: text(40), isNullable: true, shownTo: 'everybody' },
    content: { column: 'content', type: 'text', schema: text(1000), shownTo: 'everybody', isEditable: true },
    media: {
      column: 'media_ids',
      type: 'uuids',
      schema: z.array(uuid),
      shownTo: 'everybody',
      isEditable: true,
    },
    tags: { column: 'tags', type: 'texts', schema: z.array(text(20)), shownTo: 'everybody' },
    meta: {
      column: 'meta',
      type: 'json',
      schema: z.record(z.string(), z.json()),
      isNullable: true,
      shownTo: 'owner',
    },
    visibility: {
      column: 'visibility',
      type: 'smallint',
      schema: smallint,
      shownTo: 'owner',
      isEditable: true,
    },
    views: { column: 'views', type: 'bigint', schema: z.number().int(), shownTo: 'owner' },
    pinned: { column: 'pinned', type: 'boolean', schema: z.boolean(), shownTo: 'owner' },
    day: { column: 'day', type: 'date', schema: z.iso.date(), isNullable: true, shownTo: 'owner' },
    from: { column: 'addresses', type: 'addresses', schema: z.array(z.string()), shownTo: 'nobody' },
    token: { column: 'token', type: 'text', schema: z.string(), isSecret: true, shownTo: 'nobody' },
    createdAt: { column: 'created_at', type: 'time', schema: time, shownTo: 'everybody' },
  },
  indexes: [{ keys: { user_id: 1, created_at: -1 } }],
} as const satisfies Entity;

let database: TestDatabase;
let sql: Sql;
let store: EntityStore;

beforeAll(async () => {
  database = await createDatabase();
  sql = database.sql;
  store = createEntityStore(sql);
  await sql.unsafe(`
    create schema scratch;
    create table scratch.posts (
      id uuid primary key, user_id uuid not null, slug text unique, content text not null check (content <> ''),
      media_ids uuid[] not null default '{}', tags text[] not null default '{}', meta jsonb,
      visibility smallint not null default 0, views bigint not null default 0, pinned boolean not null default false,
      day date, addresses inet[] not null default '{}', token text, created_at timestamptz not null);
    select nubo_watch('scratch.posts', 'posts', '{id}')`);
});
afterAll(() => database.close());

function post(extra: object = {}) {
  return {
    id: uuidv7(),
    user: uuidv7(),
    slug: null,
    content: 'Ducks; "quoted", \\ and 🦆',
    media: [uuidv7(), uuidv7()],
    tags: ['a,b', '{}', 'NULL', ''],
    meta: { nested: { list: [1, null, 'x'] } },
    visibility: 2,
    views: 9_007_199_254_740_991,
    pinned: true,
    day: '2024-02-29',
    from: ['127.0.0.1', '2001:db8::1'],
    createdAt: Date.now(),
    ...extra,
  };
}

test('what is stored comes back as it was, in sets and in the order of the ids', async () => {
  const rows = [post(), post({ meta: null, day: null, media: [], tags: [] })];
  const [one, other] = rows.map((row) => idOf(posts, row)) as [string, string];
  await store.upsert(posts, rows);
  const found = await store.get(posts, [other, uuidv7(), 'no id', one]);
  expect(found.map((element) => element?.fields)).toEqual([rows[1], undefined, undefined, rows[0]]);
  for (const element of found) {
    if (element?.fields !== undefined)
      expect(schemaOf(posts).omit({ token: true }).parse(element.fields)).toBeTruthy();
  }
  const before = found[3]?.version ?? 0;
  await store.upsert(posts, rows);
  expect((await store.get(posts, [one]))[0]?.version).toBe(before);
  await store.upsert(posts, [{ ...rows[0], content: 'changed' }]);
  const [after] = await store.get(posts, [one]);
  expect(after).toMatchObject({ version: before + 1, fields: { content: 'changed', views: rows[0]?.views } });
  await sql`delete from scratch.posts where id = ${one}`;
  expect(await store.get(posts, [one])).toEqual([{ id: one, version: before + 2, fields: undefined }]);
});

test('R6 its owner changes it, and to everybody else it is not there', async () => {
  const row = post();
  await store.upsert(posts, [row]);
  await store.patch(posts, row.id, row.user, { content: 'mine', visibility: 1 });
  const [mine] = await store.get(posts, [row.id]);
  expect(mine?.fields).toMatchObject({ content: 'mine', visibility: 1, tags: row.tags });
  const refusal = { code: 'not_found', stored: false };
  await expect(store.patch(posts, row.id, uuidv7(), { content: 'theirs' })).rejects.toMatchObject(refusal);
  await expect(store.patch(posts, uuidv7(), row.user, { content: 'none' })).rejects.toMatchObject(refusal);
  await expect(store.patch(posts, "' or 1=1", row.user, { content: 'none' })).rejects.toMatchObject(refusal);
  expect((await store.get(posts, [row.id]))[0]).toEqual(mine);
});

test('what is taken, missing or none that can be stored is told by the name of the field', async () => {
  await store.upsert(posts, [post({ slug: 'ducks' })]);
  const told = (extra: object) => expect(store.upsert(posts, [post(), post(extra)])).rejects;
  await told({ slug: 'ducks' }).toMatchObject({ code: 'taken', message: 'This slug is taken.' });
  await told({ user: null }).toMatchObject({ code: 'invalid', message: 'user must not be missing.' });
  await told({ content: '' }).toMatchObject({ code: 'invalid', message: 'content cannot be stored.' });
  await told({ content: 'a\u0000b' }).toMatchObject({ code: 'invalid' });
  await told({ visibility: 70_000 }).toMatchObject({ code: 'invalid' });
  expect(() => check(patchSchemaOf(posts), { media: ['x'] })).toThrow('media.0 must be a lower-case UUID');
  expect(() => check(patchSchemaOf(posts), { token: 'x' })).toThrow('token cannot be changed here');
  expect(() => check(patchSchemaOf(posts), {})).toThrow('names no field to change');
});

test('its changes are told, and what is recent of it is walked', async () => {
  const source = askSource(new EntityChanges({ sql, store, entities: [posts] }));
  const { head } = await source.head();
  const [fresh, old] = [post(), post({ createdAt: Date.now() - 40 * 24 * 3_600_000 })];
  await store.upsert(posts, [fresh, old]);
  await sql`update scratch.posts set token = 'a secret' where id = ${fresh.id}`;
  const { changes } = await source.read({ after: head, limit: 100 });
  expect(changes.map(({ id }) => id)).toEqual(expect.arrayContaining([fresh.id, old.id]));
  expect(changes.find(({ id }) => id === fresh.id)?.fields).toEqual(fresh);
  const met: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await source.walk({ cursor, limit: 2 });
    met.push(...page.changes.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(met).toContain(fresh.id);
  expect(met).not.toContain(old.id);
  expect(await store.owned(posts, { owner: fresh.user, where: { pinned: true }, limit: 5 })).toEqual([fresh]);
  expect(await store.owned(posts, { owner: fresh.user, where: { pinned: false }, limit: 5 })).toEqual([]);
  expect(copyList(columnsOf(posts, ['id', 'user', 'createdAt']))).toBe('"id","user_id","created_at"');
});

test('R3 its shape over REST and its description are those of the declaration', () => {
  const everybody = viewOf(posts, 'everybody', 'Post');
  const owner = viewOf(posts, 'owner', 'OwnPost');
  const row = { ...post(), token: 'a secret' };
  const shown = ['id', 'user', 'slug', 'content', 'media', 'tags', 'createdAt'];
  expect(Object.keys(everybody.show(row)).sort()).toEqual([...shown].sort());
  expect(Object.keys(owner.show(row)).sort()).toEqual(
    [...shown, 'meta', 'visibility', 'views', 'pinned', 'day'].sort(),
  );
  expect(everybody.schema.parse(everybody.show(row))).toEqual(everybody.show(row));
  const document = openApiDocument(
    [
      route({
        method: 'PATCH',
        path: '/posts',
        access: 'user',
        tag: 'Posts',
        summary: 'Change a post',
        body: patchSchemaOf(posts),
        status: 200,
        response: owner.schema,
        handle: async () => ({ json: null }),
      }),
    ],
    '1.0.0',
  );
  const schemas = document.components?.schemas as Record<string, { properties: Record<string, unknown> }>;
  expect(Object.keys(schemas.OwnPost?.properties ?? {})).toEqual(Object.keys(owner.show(row)));
  const body = JSON.stringify(document.paths?.['/posts']?.patch?.requestBody);
  expect(body).toContain('"visibility"');
  expect(body).not.toContain('"views"');
});
