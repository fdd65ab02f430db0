/** Search on a real Postgres: what is found, by whom, and what the index does when things go wrong. */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { createSearch, openSearch } from '#src/storage/postgres/search.js';
import { openSearchIndex, PostgresSearchIndex } from '#src/storage/postgres/search-index.js';
import type { Services } from '#src/threads/services.js';
import { Asker } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { SearchModel, type Wanted } from '../support/search-model.js';
import { SearchSteps } from '../support/search-steps.js';
import { SeededRandom } from '../support/seeded-random.js';

let database: TestDatabase;
let searchSql: Sql;
let indexSql: Sql;
const closers: Array<() => Promise<void>> = [];

beforeAll(async () => {
  database = await createDatabase();
  searchSql = openSearch(database.url, 'nubo test search');
  indexSql = openSearchIndex(database.url, 'nubo test index');
});
afterAll(async () => {
  await Promise.all([...closers.map((close) => close()), searchSql.end(), indexSql.end()]);
  await database.close();
});

let shard = 20;
async function openLog(): Promise<Asker> {
  shard += 1;
  const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
  closers.push(() => store.close());
  const asker = new Asker(store);
  await asker.own();
  return asker;
}

/** A log of its own with a room in which one user is alone. */
async function openRoom() {
  const log = await openLog();
  const model = new SearchModel();
  const user = uuidv7();
  await log.write([model.create(user, [], 'group')]);
  const [room] = model.rooms;
  if (room === undefined) throw new Error('there is no room');
  return { log, model, user, room };
}

const stepsOf = (language = 'simple') => new SearchSteps(new PostgresSearchIndex(indexSql, language));
const search = (asked: Services['search.messages']['input'], language = 'simple') =>
  createSearch(searchSql, language)['search.messages'](asked);

/** Every page of three, one after the other. */
async function idsOf(asked: Services['search.messages']['input']): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const { found, next } = await search({ ...asked, limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...found.map(({ id }) => id));
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  return ids;
}

const vocabulary = ['pomme', 'Poire', 'été', 'ÉTÉ', 'naïve', 'x1', 'router', 'kernel', 'zoë', 'und'];
const distinct = [...new Set(vocabulary.map((word) => word.toLowerCase()))];

/** A random history; now and then what is found is held against the model. */
async function checkHistory(seed: number, operations: number): Promise<number> {
  const random = new SeededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random.next() * items.length)] as Item;
  const log = await openLog();
  const steps = stepsOf();
  const model = new SearchModel();
  const users = Array.from({ length: 5 }, () => uuidv7());
  const text = () =>
    Array.from({ length: Math.floor(random.next() * 6) }, () => pick(vocabulary)).join(
      pick([' ', ', ', ' - ']),
    );
  await log.write(
    [0, 1, 2, 3].map((room) =>
      model.create(pick(users), users.slice(room), room === 3 ? 'channel' : 'group'),
    ),
  );
  let checks = 0;
  const check = async (isWhole: boolean) => {
    const wanted: Wanted = {
      user: pick(users),
      all: random.next() < 0.6 ? [pick(distinct)] : [pick(distinct), pick(distinct)],
      none: random.next() < 0.3 ? [pick(distinct)] : [],
      ...(random.next() < 0.5 ? { conv: pick(model.rooms).conv } : {}),
      ...(random.next() < 0.2 ? { from: pick(users) } : {}),
      ...(random.next() < 0.2 && model.messages.length > 0 ? { since: pick(model.messages).at } : {}),
    };
    const { all, none, ...filters } = wanted;
    const q = [...all, ...none.map((word) => `-${word}`)].join(' ');
    const expected = model.find(wanted);
    checks += 1;
    if (expected === undefined) {
      await expect(search({ ...filters, q })).rejects.toMatchObject({ code: 'not_found' });
      return;
    }
    const ids = await idsOf({ ...filters, q });
    if (isWhole) expect({ q, filters, ids }).toEqual({ q, filters, ids: expected });
    else expect(ids.filter((id) => !expected.includes(id))).toEqual([]);
  };
  for (let operation = 0; operation < operations; operation += 1) {
    const room = pick(model.rooms);
    const user = pick(users);
    const dice = random.next();
    const said = pick(model.messages);
    const events = [];
    if (dice < 0.6 || said === undefined) {
      for (let count = Math.floor(random.next() * 4); count >= 0; count -= 1)
        events.push(model.say(room, user, text()));
    } else if (said.isDeleted) continue;
    else if (dice < 0.75) events.push(model.edit(said, text()));
    else if (dice < 0.85) events.push(model.delete(said));
    else if (room.members.has(user)) events.push(model.leave(room, user));
    else events.push(model.join(room, user));
    const outcome = await log.write(events);
    expect(outcome.kind).toBe('committed');
    if (random.next() < 0.3) await check(false);
    if (random.next() < 0.2) {
      await steps.catchUp();
      await check(true);
    }
    if (random.next() < 0.02) await database.sql`truncate message_search`;
  }
  await steps.catchUp();
  for (let count = 0; count < 10; count += 1) await check(true);
  return checks;
}

test('F1 F2 F3 what is found is what a look at everything finds, after edits, deletes, leaves, joins and a wipe', async () => {
  const seeds = Number(process.env.NUBO_SEARCH_SEEDS ?? 4);
  const first = Number(process.env.NUBO_SEARCH_SEED ?? 1);
  let checks = 0;
  for (let seed = first; seed < first + seeds; seed += 1) checks += await checkHistory(seed, 80);
  expect(checks).toBeGreaterThan(30 * seeds);
}, 120_000);

test('F1 marks are ranges of plain text, whatever the message says', async () => {
  const { log, model, user, room } = await openRoom();
  const texts = [
    'é <b>\u0002Quokka\u0003</b> & "quokka" 🦘 quokkas',
    '<quokka src="https://example.org/a"> only there',
    `${'w'.repeat(1_900)} ${'🦘'.repeat(300)} quokka ${'🦘'.repeat(900)}`,
    `quokka${' and so on'.repeat(1_000)} quokka`,
  ];
  await log.write(texts.map((text) => model.say(room, user, text)));
  await stepsOf().catchUp();
  const { found } = await search({ user, q: 'QUOKKA' });
  expect(found).toHaveLength(texts.length);
  for (const { id, snippet, marks } of found) {
    expect(model.messages.find((said) => said.id === id)?.text).toContain(snippet);
    expect(marks.length).toBeGreaterThan(0);
    for (const [start, length] of marks)
      expect(snippet.slice(start, start + length).toLowerCase()).toContain('quokka');
    expect(snippet.length).toBeLessThanOrEqual(300);
    expect(snippet.isWellFormed()).toBe(true);
  }
  const byText = new Map(found.map((each) => [texts.findIndex((text) => text.includes(each.snippet)), each]));
  expect(byText.get(0)).toMatchObject({ snippet: texts[0], conv: room.conv, from: user });
  expect(byText.get(0)?.marks).toHaveLength(2);
});

test('F2 a deletion is not found from its ack on, and an edit by what it says now, before the index knows', async () => {
  const { log, model, user, room } = await openRoom();
  const steps = stepsOf();
  await log.write([model.say(room, user, 'alpaca one'), model.say(room, user, 'alpaca two')]);
  await steps.catchUp();
  expect(await idsOf({ user, q: 'alpaca' })).toHaveLength(2);
  const [one, two] = model.messages;
  if (one === undefined || two === undefined) throw new Error('nothing was said');
  await log.write([model.delete(one), model.edit(two, 'llama two')]);
  expect(await idsOf({ user, q: 'alpaca' })).toEqual([]);
  await steps.catchUp();
  expect(await idsOf({ user, q: 'alpaca' })).toEqual([]);
  expect(await idsOf({ user, q: 'llama' })).toEqual([two.id]);
  expect((await search({ user, q: 'llama' })).found[0]).toMatchObject({ snippet: 'llama two' });
  const left = await database.sql`select from message_search where message = ${one.id}`;
  expect(left).toHaveLength(0);
});

test('F1 pages stay as they are when new messages come', async () => {
  const { log, model, user, room } = await openRoom();
  const steps = stepsOf();
  for (let count = 0; count < 7; count += 1) await log.write([model.say(room, user, `wombat ${count}`)]);
  await steps.catchUp();
  const before = await idsOf({ user, q: 'wombat' });
  const first = await search({ user, q: 'wombat', limit: 4 });
  await log.write([model.say(room, user, 'wombat, a new one')]);
  await steps.catchUp();
  const second = await search({ user, q: 'wombat', limit: 4, cursor: first.next ?? '' });
  expect([...first.found, ...second.found].map(({ id }) => id)).toEqual(before);
  await expect(search({ user, q: 'wombat', cursor: 'nonsense' })).rejects.toMatchObject({ code: 'invalid' });
});

test('F3 a step takes in some rows, however many a batch has, and one batch at least', async () => {
  const { log, model, user, room } = await openRoom();
  const steps = stepsOf();
  await steps.catchUp();
  for (const count of [1, 1, 20, 20, 20, 60, 1])
    await log.write(Array.from({ length: count }, () => model.say(room, user, 'ibex')));
  const taken: Array<[rows: number, behind: number]> = [];
  for (let left = 1; left > 0; ) {
    const { rows, behind } = await steps.follow(64, 50);
    taken.push([rows, behind]);
    left = behind;
  }
  expect(taken).toEqual([
    [42, 3],
    [20, 2],
    [60, 1],
    [1, 0],
  ]);
});

test('F4 what would keep the database busy is refused', async () => {
  const user = uuidv7();
  for (const q of ['-wombat', '...', Array.from({ length: 40 }, (_, word) => `w${word}`).join(' ')])
    await expect(search({ user, q })).rejects.toMatchObject({ code: 'invalid' });
  const { 'search.messages': find } = createSearch(searchSql, 'simple');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => find({ user: index < 6 ? user : uuidv7(), q: 'wombat' })),
  );
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'found'));
  expect(codes.slice(0, 6)).toEqual([...Array(4).fill('found'), 'rate_limited', 'rate_limited']);
  expect(codes.filter((code) => code === 'overloaded').length).toBe(60 - 2 - 34);
  await expect(
    createSearch(searchSql, undefined)['search.messages']({ user, q: 'wombat' }),
  ).rejects.toMatchObject({ code: 'not_found' });
});

test('F4 a statement that takes too long is ended, and its client told what to ask instead', async () => {
  const slow = openSearch(database.url, 'nubo test slow search');
  try {
    const locked = await database.sql.reserve();
    await locked`begin`;
    await locked`lock table message_search in access exclusive mode`;
    const asked = createSearch(slow, 'simple')['search.messages']({ user: uuidv7(), q: 'wombat' });
    await expect(asked).rejects.toMatchObject({ code: 'overloaded' });
    await locked`rollback`;
    locked.release();
  } finally {
    await slow.end();
  }
});

test('F3 another language makes the index anew: in French one form of a word finds the others', async () => {
  const { log, model, user, room } = await openRoom();
  await log.write([model.say(room, user, 'Les chevaux mangeaient dans les champs')]);
  await stepsOf('simple').catchUp();
  expect((await search({ user, q: 'manger' })).found).toEqual([]);
  await stepsOf('french').catchUp();
  const { found } = await search({ user, q: 'manger' }, 'french');
  expect(found.map(({ id }) => id)).toEqual(model.messages.map(({ id }) => id));
  await expect(stepsOf('klingon').begin()).rejects.toThrow('klingon');
  expect((await stepsOf('french').begin()).isFilled).toBe(true);
  await stepsOf('simple').catchUp();
});

test('F3 messages that have left the log leave the index, and are not found before that', async () => {
  const { log, model, user, room } = await openRoom();
  const steps = stepsOf();
  await log.write([model.say(room, user, 'numbat')]);
  await steps.catchUp();
  expect(await idsOf({ user, q: 'numbat' })).toHaveLength(1);
  await database.sql.begin(async (sql) => {
    // What the detachment of a month does to one of its messages.
    await sql`delete from conversation_log where id = ${model.messages[0]?.id ?? ''}`;
    await sql`insert into log_horizon (until) values (now() + interval '1 hour')
      on conflict (is_only) do update set until = excluded.until`;
  });
  expect(await idsOf({ user, q: 'numbat' })).toEqual([]);
  for (let rows = 1; rows > 0; ) ({ rows } = await steps.prune(100));
  expect(await database.sql`select from message_search`).toHaveLength(0);
  await database.sql`delete from log_horizon`;
});
