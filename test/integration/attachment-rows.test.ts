/** The rows of attachments on a real Postgres: whose they are, who sees them, which message has them, and their end. */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachments } from '#src/entities/attachments.js';
import { schemaOf } from '#src/entities/schema.js';
import { createDiskStore } from '#src/media/disk-store.js';
import { sweepAttachments } from '#src/media/sweep.js';
import { AttachmentRows } from '#src/storage/postgres/attachment-rows.js';
import { temporaryFolder } from '#test/support/children.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';

let database: TestDatabase;
let rows: AttachmentRows;
beforeAll(async () => {
  database = await createDatabase();
  rows = new AttachmentRows(database.sql);
});
afterAll(() => database.close());

const hour = 3_600_000;
const noLimits = { bytesMax: 0, unfinishedMax: 100 };
const finding = { type: 'image/png', width: 4, height: 3, durationMs: null, hasThumbnail: false };

async function begun(owner: string, size = 10): Promise<string> {
  const id = uuidv7();
  const result = await rows.create(
    { id, owner, name: 'a.png', type: 'image/png', size },
    Date.now() + hour,
    noLimits,
  );
  expect(result).toBe('created');
  return id;
}

const take = (owner: string, id: string, lease: string, previous?: string) =>
  rows.lease(owner, id, { lease, previous, expiresAt: Date.now() + 2 * hour });

async function ready(owner: string): Promise<string> {
  const id = await begun(owner);
  const lease = randomUUID();
  expect(await take(owner, id, lease)).toBe('');
  expect(await rows.ready(id, lease, finding)).toMatchObject({ state: 'ready', width: 4 });
  return id;
}

async function conversation(...members: string[]): Promise<string> {
  const { sql } = database;
  const id = randomUUID();
  await sql`insert into conversations (id, type, creator, created_at) values (${id}, 'group', ${members[0] ?? id}, now())`;
  for (const user of members)
    await sql`insert into conversation_members (conversation, user_id, role, joined_seq, joined_at)
      values (${id}, ${user}, 'member', 1, now())`;
  return id;
}

async function link(
  links: ReadonlyArray<{ id: string; owner: string; conv: string; message: string }>,
): Promise<string[]> {
  const found = await database.sql<Array<{ id: string }>>`
    select nubo_attachments_link(${database.sql.json(links.map((each) => ({ ...each })))}) as id`;
  return found.map(({ id }) => id);
}

async function unlink(message: string): Promise<number> {
  const [row] = await database.sql<[{ count: number }]>`
    select nubo_attachments_unlink(${[message]}::uuid[])::int as count`;
  return row.count;
}

async function usable(owner: string, ids: readonly string[]): Promise<string[]> {
  const found = await database.sql<Array<{ id: string }>>`
    select id from nubo_attachments_ready(${owner}, ${[...ids]}::uuid[]) order by id`;
  return found.map(({ id }) => id);
}

test('M1 an upload begun again with the same id is the same, with anything else a conflict', async () => {
  const [owner, other] = [randomUUID(), randomUUID()];
  const id = await begun(owner);
  const again = (fields: object) =>
    rows.create(
      { id, owner, name: 'a.png', type: 'image/png', size: 10, ...fields },
      Date.now() + hour,
      noLimits,
    );
  expect(await again({})).toBe('found');
  for (const fields of [{ size: 11 }, { name: 'b.png' }, { owner: other }])
    expect(await again(fields)).toBe('conflict');
  const seen = await rows.seen(owner, id);
  expect(schemaOf(attachments).parse(seen)).toEqual(seen);
  expect(await rows.seen(other, id)).toBeUndefined();
});

test('M7 a user takes no more room than is theirs, however many uploads begin at once', async () => {
  const owner = randomUUID();
  const limits = { bytesMax: 1000, unfinishedMax: 100 };
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      rows.create({ id: uuidv7(), owner, name: 'x', type: 'x/y', size: 300 }, Date.now() + hour, limits),
    ),
  );
  expect(results.filter((result) => result === 'created')).toHaveLength(3);
  expect(results.filter((result) => result === 'full')).toHaveLength(17);
  const few = { bytesMax: 0, unfinishedMax: 3 };
  expect(
    await rows.create({ id: uuidv7(), owner, name: 'x', type: 'x/y', size: 1 }, Date.now() + hour, few),
  ).toBe('too many');
});

test('M7 the room of a user is looked at by one upload after another', async () => {
  const owner = randomUUID();
  const limits = { bytesMax: 1000, unfinishedMax: 100 };
  const begin = (on: AttachmentRows) =>
    on.create({ id: uuidv7(), owner, name: 'x', type: 'x/y', size: 600 }, Date.now() + hour, limits);
  const first = await database.sql.reserve();
  try {
    await first`begin`;
    expect(await begin(new AttachmentRows(first))).toBe('created');
    let isAnswered = false;
    const second = begin(rows).finally(() => {
      isAnswered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAnswered).toBe(false);
    await first`commit`;
    expect(await second).toBe('full');
  } finally {
    first.release();
  }
});

test('M4 one holds the lease; another takes it when it has run out or was given up, and the first learns of it', async () => {
  const owner = randomUUID();
  const id = await begun(owner);
  const [one, other, third] = [randomUUID(), randomUUID(), randomUUID()];
  await rows.setHandle(id, 'h');
  expect(await take(randomUUID(), id, one)).toBeUndefined();
  expect(await take(owner, id, one)).toBe('h');
  // An upload that goes on does not expire.
  expect((await rows.seen(owner, id))?.expiresAt).toBeGreaterThan(Date.now() + 1.5 * hour);
  expect(await take(owner, id, other)).toBeUndefined();
  expect(await rows.keep(id, one, Date.now() + hour)).toBe(true);
  expect(await take(owner, id, other, one)).toBe('h');
  expect(await rows.keep(id, one, Date.now() + hour)).toBe(false);
  await rows.release(id, one);
  expect(await take(owner, id, third)).toBeUndefined();
  await database.sql`update attachment_uploads set leased_until = now() - interval '1 s' where id = ${id}`;
  expect(await take(owner, id, third)).toBe('h');
  expect(await rows.ready(id, other, finding)).toBeUndefined();
  expect(await rows.ready(id, third, finding)).toMatchObject({ state: 'ready' });
  expect(await take(owner, id, one)).toBeUndefined();
});

test('M6 R6 a file is its owner’s until it is sent, then its conversation’s, and nobody else’s', async () => {
  const [owner, member, left, stranger] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const conv = await conversation(owner, member, left);
  const id = await ready(owner);
  const seers = async () => {
    const found = await Promise.all([owner, member, left, stranger].map((user) => rows.seen(user, id)));
    return found.map((each) => each !== undefined);
  };
  expect(await seers()).toEqual([true, false, false, false]);
  const message = uuidv7();
  expect(await link([{ id, owner, conv, message }])).toEqual([id]);
  expect(await seers()).toEqual([true, true, true, false]);
  await database.sql`update conversation_members set left_at = now() where conversation = ${conv} and user_id = ${left}`;
  expect(await seers()).toEqual([true, true, false, false]);
  expect(await unlink(message)).toBe(1);
  expect(await seers()).toEqual([false, false, false, false]);
  expect(await unlink(message)).toBe(0);
});

test('M9 a message carries what is ready, its sender’s own and in no other message', async () => {
  const [owner, other] = [randomUUID(), randomUUID()];
  const conv = await conversation(owner, other);
  const [good, foreign, unfinished, expired] = [
    await ready(owner),
    await ready(other),
    await begun(owner),
    await ready(owner),
  ];
  await database.sql`update attachments set expires_at = now() - interval '1 s' where id = ${expired}`;
  const all = [good, foreign, unfinished, expired, uuidv7()];
  expect(await usable(owner, all)).toEqual([good]);
  const message = uuidv7();
  const links = [good, foreign, unfinished].map((id) => ({ id, owner, conv, message }));
  expect(await link(links)).toEqual([good]);
  // The batch that says so again, after its answer was lost.
  expect(await link(links)).toEqual([good]);
  expect(await link([{ id: good, owner, conv, message: uuidv7() }])).toEqual([]);
  expect(await usable(owner, all)).toEqual([]);
  expect(await rows.remove(owner, good)).toBe('sent');
  expect(await rows.remove(other, good)).toBe('none');
});

test('M9 two batches that give the same files crosswise do not wait for each other for ever', async () => {
  const owner = randomUUID();
  const conv = await conversation(owner);
  const ids = await Promise.all(Array.from({ length: 10 }, () => ready(owner)));
  const message = uuidv7();
  const links = ids.map((id) => ({ id, owner, conv, message }));
  const given = await Promise.all(
    Array.from({ length: 8 }, (_, turn) => link(turn % 2 === 0 ? links : links.toReversed())),
  );
  for (const each of given) expect(each.toSorted()).toEqual(ids.toSorted());
});

test('M7 what expires, is removed or goes with its message leaves neither bytes nor row', async () => {
  const folder = temporaryFolder('sweep');
  try {
    const store = createDiskStore(folder.path);
    const owner = randomUUID();
    const conv = await conversation(owner);
    const bytesOf = () =>
      readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /[0-9a-f-]{36}/.test(name),
      );
    const stored = async () => {
      const id = await ready(owner);
      const upload = { key: id, length: 1, handle: await store.create(id, 1) };
      const writer = await store.append(upload, 0);
      await writer.write(Buffer.from('x'));
      await writer.close();
      await store.finish(upload);
      return id;
    };
    const [kept, sent, unsent] = [await stored(), await stored(), await stored()];
    const unfinished = await begun(owner);
    await store.create(unfinished, 10);
    const leased = await begun(owner);
    await store.create(leased, 10);
    await take(owner, leased, randomUUID());
    const message = uuidv7();
    await link([
      { id: sent, owner, conv, message },
      { id: kept, owner, conv, message: uuidv7() },
    ]);
    await sweepAttachments(rows, store);
    expect(bytesOf()).toHaveLength(5);

    await unlink(message);
    await database.sql`update attachments set expires_at = now() - interval '1 s' where id = any(${[unsent, unfinished, leased]}::uuid[])`;
    await sweepAttachments(rows, store);
    // Somebody writes to `leased` now.
    expect(
      bytesOf()
        .map((name) => name.slice(-36))
        .toSorted(),
    ).toEqual([kept, leased].toSorted());
    for (const id of [sent, unsent, unfinished]) expect(await rows.seen(owner, id)).toBeUndefined();

    // Whoever wrote when it was removed may have left something: an hour later it goes for good, and the row.
    await store.create(unfinished, 10);
    await database.sql`update attachments set expires_at = now() - interval '2 hours' where state = 'removed'`;
    await database.sql`update attachment_uploads set leased_until = now() - interval '1 s' where id = ${leased}`;
    expect(await sweepAttachments(rows, store)).toBeGreaterThanOrEqual(3);
    expect(bytesOf().map((name) => name.slice(-36))).toEqual([kept]);
    const [left] = await database.sql<[{ count: number }]>`
      select count(*)::int as count from attachments where id = any(${[sent, unsent, unfinished]}::uuid[])`;
    expect(left.count).toBe(0);
  } finally {
    folder.remove();
  }
});
