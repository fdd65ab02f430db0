/** People and conversations by their names, on a real Postgres: who finds whom, in which order, on which page. */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { createNameSearch, type NameSearchPorts } from '#src/storage/postgres/name-search.js';
import { openSearch } from '#src/storage/postgres/search.js';
import { SearchGate } from '#src/storage/postgres/search-gate.js';
import type { PublicUser } from '#src/threads/services.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { SeededRandom } from '../support/seeded-random.js';

let database: TestDatabase;
let sql: Sql;
let log: Asker;
let store: PostgresLogStore;
const [ann, bob] = [uuidv7(), uuidv7()] as [string, string];

beforeAll(async () => {
  database = await createDatabase();
  sql = openSearch(database.url, 'nubo test names');
  store = new PostgresLogStore({ url: database.url, shard: 1 });
  log = new Asker(store);
  await log.own();
});
afterAll(async () => {
  await Promise.all([store.close(), sql.end()]);
  await database.close();
});

/** Of a user no more than the id is looked at here. */
const usersOf = async (ids: string[]) => ids.toReversed().map((id) => ({ id }) as PublicUser);
const names = (ports: Partial<NameSearchPorts> = {}) =>
  createNameSearch({ sql, gate: new SearchGate(), usersOf, ...ports });

type Kind = 'search.users' | 'search.conversations';

/** Every page, one after the other. */
async function idsOf(kind: Kind, q: string, { user = ann, limit = 3 } = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const asked = { user, q, limit, ...(cursor === undefined ? {} : { cursor }) };
    const page = await names()[kind](asked);
    const items = 'users' in page ? page.users : page.conversations;
    ids.push(...items.map(({ id }) => String(id)));
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return ids;
}

interface Person {
  readonly id: string;
  readonly username: string | null;
  readonly name: string | null;
  readonly state?: number;
  readonly privacy?: object;
}

async function put(...people: Person[]): Promise<void> {
  for (const { id, username, name, state = 1, privacy } of people) {
    await database.sql`insert into users (id, username, external_id, display_name, state)
      values (${id}, ${username}, ${username === null ? id : null}, ${name}, ${state})`;
    if (privacy !== undefined)
      await database.sql`insert into user_settings (user_id, privacy) values (${id}, ${database.sql.json(privacy as never)})`;
  }
}

const wordsOf = (name: string) =>
  name
    .toLowerCase()
    .split(/[\s!-/:-@[-`{-~«»¡¿\u2000-\u206f]+/u)
    .filter(Boolean);
const answers = (name: string, q: string) =>
  wordsOf(q).every((typed) => wordsOf(name).some((word) => word.startsWith(typed)));
const compare = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

test('F6 people are found by the beginning of a username or of words of a name, each once, on pages of any size', async () => {
  const random = new SeededRandom(3);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random.next() * items.length)] as Item;
  const words = [
    'Zoë',
    'zora',
    'Zo',
    'Ümit',
    'ada',
    'Lovelace',
    "O'Zorn",
    'zo-zo',
    '🦘',
    'زهرة',
    'example.zone',
  ];
  const people: Person[] = Array.from({ length: 400 }, (_, index) => ({
    id: uuidv7(),
    username: index % 3 === 0 ? null : `${pick(['zo', 'ZOE', 'ada', 'x_zo', 'zo_e'])}${index}`,
    name: index % 4 === 0 ? null : [pick(words), pick(words), pick(['', '<b>', 'Zoë'])].join(' ').trim(),
  }));
  await put(...people);
  for (const q of [
    'zo',
    'Z',
    'zoë',
    'ZOË',
    'ada lo',
    '@ada',
    'x_zo1',
    'zo_e',
    'ümit',
    '🦘',
    'ز',
    'lovelace zo',
    'zone',
    "o'z",
  ]) {
    const typed = q.replace(/^@/, '').toLowerCase();
    const expected = people
      .flatMap(({ id, username, name }) => {
        if (username?.toLowerCase().startsWith(typed))
          return [{ id, rank: 0, place: username.toLowerCase() }];
        if (name === null || !answers(name, q)) return [];
        return [{ id, rank: name.toLowerCase().startsWith(typed) ? 1 : 2, place: name.toLowerCase() }];
      })
      .sort((a, b) => a.rank - b.rank || compare(a.place, b.place) || compare(a.id, b.id))
      .map(({ id }) => id);
    expect(expected.length, q).toBeGreaterThan(0);
    for (const limit of [1, 7, 100])
      expect({ q, limit, ids: await idsOf('search.users', q, { limit }) }).toEqual({
        q,
        limit,
        ids: expected,
      });
  }
});

test('F6 who is gone, blocked, or does not want to be found is not', async () => {
  const person = (name: string, rest: Partial<Person> = {}): Person => ({
    id: uuidv7(),
    username: null,
    name,
    ...rest,
  });
  const shown = ['everybody', 'public', null].map((search, index) =>
    person(`Quill ${index}`, { privacy: { search } }),
  );
  const hidden = ['friends', 'nobody', false].map((search) => person('Quill', { privacy: { search } }));
  const gone = [0, 2].map((state) => person('Quill', { state }));
  const named = { ...person('Hidden'), username: 'quill_pen', privacy: { search: 'nobody' } };
  await put(...shown, ...hidden, ...gone, named);
  const ids = shown.map(({ id }) => id);
  expect(await idsOf('search.users', 'quill', { limit: 2 })).toEqual(ids);
  const [first, second, third] = ids as [string, string, string];
  await put({ id: ann, username: null, name: 'Ann' });
  await database.sql`insert into blocks (blocker, blocked, conversation)
    values (${ann}, ${first}, ${uuidv7()}), (${second}, ${ann}, ${uuidv7()})`;
  // As if they were not there: no page is short, and no cursor has their name.
  const page = await names()['search.users']({ user: ann, q: 'quill', limit: 1 });
  expect(page).toEqual({ users: [{ id: third }], next: null });
  expect(await idsOf('search.users', 'quill', { user: bob })).toEqual(ids);
});

test('F7 G8 R6 conversations are found by their titles: one’s own first, then open ones, and nothing else', async () => {
  const room = async (
    type: 'group' | 'channel' | 'community' | 'announcement',
    title: string,
    owner: string,
    ...more: Array<(script: Script) => Parameters<Asker['write']>[0][number]>
  ): Promise<string> => {
    const script = new Script({ owner });
    await log.write([script.create([], type, title)]);
    for (const each of more) await log.write([each(script)]);
    return script.conv;
  };
  const own = await room('group', 'The big garden', ann);
  const joined = await room('channel', 'Garden party', bob, (script) => script.join(ann));
  const open = [
    await room('channel', 'Garden', bob),
    await room('announcement', 'garden news', bob),
    await room('community', 'A garden', bob),
    await room(
      'channel',
      'Gardens we left',
      bob,
      (script) => script.join(ann),
      (script) => script.leave(ann),
    ),
  ];
  await room('group', 'Garden, secret', bob);
  await room(
    'group',
    'Garden, left',
    bob,
    (script) => script.add(ann),
    (script) => script.leave(ann),
  );
  const ban = (script: Script) => script.event('member.ban', bob, { user: ann });
  await room('channel', 'Garden without you', bob, ban);
  const over = (script: Script) => script.event('conversation.change', script.owner, { state: 'deleted' });
  await room('channel', 'Garden, deleted', bob, over);
  await room('group', 'Garden, mine and deleted', ann, over);
  const [plain, news, community, left] = open;
  for (const limit of [1, 2, 50])
    expect(await idsOf('search.conversations', 'garden', { limit })).toEqual([
      joined,
      own,
      plain,
      news,
      left,
      community,
    ]);
  expect(await idsOf('search.conversations', '#Garden n')).toEqual([news]);
  const { conversations } = await names()['search.conversations']({ user: ann, q: 'party', limit: 5 });
  expect(conversations).toMatchObject([
    { id: joined, title: 'Garden party', role: 'member', memberCount: 2 },
  ]);
});

test('F4 F6 F7 what names nothing, too much or no place is invalid, and too many at once are refused', async () => {
  const service = names();
  for (const kind of ['search.users', 'search.conversations'] as const) {
    const words = Array.from({ length: 17 }, (_, index) => `w${index}`).join(' ');
    for (const asked of [{ q: '... -' }, { q: words }, { q: 'x', cursor: 'nonsense' }])
      await expect(service[kind]({ user: ann, limit: 3, ...asked })).rejects.toMatchObject({
        code: 'invalid',
      });
    const place = Buffer.from(JSON.stringify([0, '\u0000', uuidv7()])).toString('base64url');
    await expect(service[kind]({ user: ann, limit: 3, q: 'x', cursor: place })).rejects.toMatchObject({
      code: 'invalid',
    });
    const many = await Promise.allSettled(
      Array.from({ length: 6 }, () => service[kind]({ user: ann, limit: 3, q: 'x' })),
    );
    expect(many.filter(({ status }) => status === 'rejected')).toMatchObject(
      Array(2).fill({ reason: { code: 'rate_limited' } }),
    );
  }
});

test('F6 F7 both go by their indexes, however many there are', async () => {
  await database.sql`insert into users (id, username, display_name)
    select gen_random_uuid(), 'many_' || n, 'Person ' || md5(n::text) from generate_series(1, 20000) as n`;
  await database.sql`insert into conversations (id, type, title, creator, created_at)
    select gen_random_uuid(), 'channel', 'Room ' || md5(n::text), gen_random_uuid(), now() from generate_series(1, 20000) as n`;
  await database.sql`analyze users, conversations`;
  const scans = async () => {
    const rows = await database.sql<Array<{ name: string; scans: number }>>`
      select indexrelname as name, idx_scan::int as scans from pg_stat_user_indexes
      where indexrelname in ('users_username_place', 'users_name_words', 'conversations_title_words')`;
    return new Map(rows.map(({ name, scans }) => [name, scans]));
  };
  const fresh = openSearch(database.url, 'nubo test names');
  const service = names({ sql: fresh });
  const before = await scans();
  const { users } = await service['search.users']({ user: ann, q: 'many_77', limit: 3 });
  await service['search.users']({ user: ann, q: 'c4ca4238', limit: 3 });
  const { conversations } = await service['search.conversations']({ user: ann, q: 'c4ca4238', limit: 3 });
  expect([users.length, conversations.length]).toEqual([3, 1]);
  // Statistics are told when a connection ends.
  await fresh.end();
  for (const name of before.keys())
    await expect
      .poll(async () => (await scans()).get(name), { timeout: 10_000 })
      .toBeGreaterThan(before.get(name) ?? 0);
});
