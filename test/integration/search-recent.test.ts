/** What a mirror adds to a search while the index of words is behind, whatever the mirror says (F5). */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { prepareIndexes } from '#src/storage/mongo/indexes.js';
import { MongoWords } from '#src/storage/mongo/words.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { createSearch, openSearch, type RecentOutcome } from '#src/storage/postgres/search.js';
import { openSearchIndex, PostgresSearchIndex } from '#src/storage/postgres/search-index.js';
import { phrasesOf, type RecentWords } from '#src/storage/tiers/recent-words.js';
import type { Services } from '#src/threads/services.js';
import { Asker } from '../support/log-events.js';
import { MirrorAsker } from '../support/mirrors.js';
import { MongoFixture } from '../support/mongo-mirror.js';
import { mongoHere, startMongo } from '../support/mongo-server.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { SearchModel } from '../support/search-model.js';
import { SearchSteps } from '../support/search-steps.js';
import { SeededRandom } from '../support/seeded-random.js';

const here = await mongoHere();
let database: TestDatabase;
let searchSql: Sql;
let indexSql: Sql;
let log: Asker;
const closers: Array<() => Promise<void>> = [];

beforeAll(async () => {
  database = await createDatabase();
  searchSql = openSearch(database.url, 'nubo test search');
  indexSql = openSearchIndex(database.url, 'nubo test index');
  const store = new PostgresLogStore({ url: database.url, shard: 30, readConnections: 1 });
  closers.push(() => store.close());
  log = new Asker(store);
  await log.own();
});
afterAll(async () => {
  await Promise.all([...closers.map((close) => close()), searchSql.end(), indexSql.end()]);
  await database.close();
});

type Input = Services['search.messages']['input'];

class Searcher {
  readonly outcomes: RecentOutcome[] = [];
  private readonly search: (asked: Input) => Promise<Services['search.messages']['output']>;

  constructor(words: RecentWords) {
    const recent = { words, onAsked: (outcome: RecentOutcome) => this.outcomes.push(outcome) };
    this.search = createSearch(searchSql, 'simple', { recent })['search.messages'];
  }

  /** Every page, one after the other. */
  async ids(asked: Input): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const { found, next } = await this.search({ ...asked, ...(cursor === undefined ? {} : { cursor }) });
      ids.push(...found.map(({ id }) => id));
      cursor = next ?? undefined;
    } while (cursor !== undefined);
    return ids;
  }
}

/** A mirror that names everything there ever was, whoever may read it, whatever it says now. */
function everything(model: SearchModel): RecentWords {
  return {
    find: async ({ place, limit }) =>
      model.messages
        .map(({ at, id }) => [at, id] as const)
        .sort(([at, id], [otherAt, other]) => otherAt - at || (other < id ? -1 : 1))
        .filter(([at, id]) => place === undefined || at < place[0] || (at === place[0] && id < place[1]))
        .slice(0, limit),
  };
}

const vocabulary = ['apple', 'pear', 'plum', 'fig'];

/** Rooms, and in them as many messages with what became of them. */
async function randomHistory(seed: number, count: number) {
  const random = new SeededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random.next() * items.length)] as Item;
  const model = new SearchModel();
  const users = Array.from({ length: 4 }, () => uuidv7());
  const text = () => `${pick(vocabulary)} ${pick(vocabulary)}`;
  await log.write(
    [0, 1, 2].map((room) => model.create(pick(users), users.slice(room), room === 2 ? 'channel' : 'group')),
  );
  while (model.messages.length < count) {
    const [room, said, dice] = [pick(model.rooms), pick(model.messages), random.next()];
    const events = [];
    if (dice < 0.7 || said === undefined || said.isDeleted)
      events.push(model.say(room, pick(users), text()), model.say(room, pick(users), text()));
    else if (dice < 0.8) events.push(model.edit(said, text()));
    else if (dice < 0.9) events.push(model.delete(said));
    else {
      const user = pick(users);
      events.push(room.members.has(user) ? model.leave(room, user) : model.join(room, user));
    }
    await log.write(events);
  }
  return { model, users, pick };
}

test('F1 F2 F5 whatever a mirror names, what is found is what a look at everything finds, on pages of any size', async () => {
  const { model, users, pick } = await randomHistory(5, 500);
  const steps = new SearchSteps(new PostgresSearchIndex(indexSql, 'simple'));
  for (const isFilling of [true, false]) {
    // Begun anew, and then with no more than its first rows.
    if (!isFilling) {
      await steps.begin();
      await steps.fill(100);
    }
    for (let round = 0; round < 24; round += 1) {
      const user = pick(users);
      const all = round % 2 === 0 ? [pick(vocabulary)] : [pick(vocabulary), pick(vocabulary)];
      const none = round % 3 === 0 ? ['fig'] : [];
      const room = round % 4 === 0 ? pick(model.rooms) : undefined;
      const filters = { user, ...(room === undefined ? {} : { conv: room.conv }) };
      const expected = model.find({ ...filters, all, none });
      const searcher = new Searcher(everything(model));
      const q = [...all, ...none.map((word) => `-${word}`)].join(' ');
      const ids = searcher.ids({ ...filters, q, limit: pick([3, 20, 50]) });
      if (expected === undefined) await expect(ids).rejects.toMatchObject({ code: 'not_found' });
      else expect({ q, filters, ids: await ids }).toEqual({ q, filters, ids: expected });
    }
  }
}, 60_000);

test('F5 a mirror is asked only while the index is behind, and for words that all have to be there', async () => {
  const model = new SearchModel();
  const user = uuidv7();
  await log.write([model.create(user, [], 'group')]);
  const [room] = model.rooms;
  if (room === undefined) throw new Error('there is no room');
  await log.write([model.say(room, user, 'a quince'), model.say(room, user, 'a medlar')]);
  const ids = model.messages.map(({ id }) => id);
  const searcher = new Searcher(everything(model));
  expect(await searcher.ids({ user, q: 'quince' })).toEqual([ids[0]]);
  expect(await searcher.ids({ user, q: 'quince or medlar' })).toEqual([]);
  await new SearchSteps(new PostgresSearchIndex(indexSql, 'simple')).catchUp();
  expect(await searcher.ids({ user, q: 'quince or medlar' })).toEqual(ids.toReversed());
  expect(await searcher.ids({ user, q: 'medlar' })).toEqual([ids[1]]);
  expect(searcher.outcomes).toEqual(['found', 'passed', 'passed', 'passed']);
});

test('F5 what has to be in a message is told from what must not be', () => {
  expect(phrasesOf('Pear "two  words" -plum -"not this" c\\d "to the end')).toEqual([
    ...['Pear', 'two  words', 'c d', 'to the end'],
  ]);
  for (const q of ['pear or plum', 'pear OR plum', '-pear', '... !', '""'])
    expect(phrasesOf(q)).toBeUndefined();
});

describe.runIf(here !== undefined)(`on ${here?.name}`, () => {
  let fixture: MongoFixture;
  let model: SearchModel;
  let user: string;

  beforeAll(async () => {
    fixture = await MongoFixture.open(await startMongo());
    closers.push(() => fixture.close());
    model = new SearchModel();
    user = uuidv7();
    const creation = model.create(user, [], 'group');
    const [room] = model.rooms;
    if (room === undefined) throw new Error('there is no room');
    await log.write([creation]);
    await new SearchSteps(new PostgresSearchIndex(indexSql, 'simple')).catchUp();
    const said = ['Le Nashi, mûr', 'naranja', 'nashi again', 'nashi no more'].map((text) =>
      model.say(room, user, text),
    );
    await log.write(said);
    const kept = await new MirrorAsker(fixture.mirror).put(said.map((event) => changeOfEvent(event, 1)));
    expect(kept).toMatchObject({ kind: 'applied', poisoned: [] });
    const gone = model.messages[3];
    if (gone !== undefined) await log.write([model.delete(gone)]);
    await prepareIndexes(fixture.connection, { entities: [messages], language: 'none' });
  });

  test('F5 a Mongo that finds words finds what the index does not know yet; one that cannot changes nothing', async (context) => {
    const searcher = new Searcher(new MongoWords(fixture.connection));
    const expected = here?.features.text === true ? model.find({ user, all: ['nashi'], none: [] }) : [];
    expect(await searcher.ids({ user, q: 'NASHI', limit: 1 })).toEqual(expected);
    if (here?.features.text !== true) {
      expect(searcher.outcomes).toEqual(['failed']);
      context.skip(`${here?.name} finds no words`);
    }
    expect(expected).toHaveLength(2);
    expect(await searcher.ids({ user, q: 'nashi -again' })).toEqual(expected?.slice(1));
    expect(await searcher.ids({ user, q: 'nashi', until: model.messages[2]?.at })).toHaveLength(1);
    expect(await searcher.ids({ user: uuidv7(), q: 'nashi' })).toEqual([]);
    const words = new MongoWords(fixture.connection);
    const wanted = { phrases: ['nashi'], convs: model.rooms.map(({ conv }) => conv), limit: 2 };
    const [first, second] = await words.find({ ...wanted, place: undefined });
    expect([first?.[1], second?.[1]]).toEqual([model.messages[3]?.id, model.messages[2]?.id]);
    expect((await words.find({ ...wanted, place: first })).map(([, id]) => id)).toEqual(expected);
    expect(await searcher.ids({ user, q: 'nashi', from: uuidv7() })).toEqual([]);
  });

  test('F5 while Mongo is away, Postgres answers alone', async () => {
    await fixture.outage.begin();
    const searcher = new Searcher(new MongoWords(fixture.connection));
    expect(await searcher.ids({ user, q: 'nashi' })).toEqual([]);
    expect(searcher.outcomes).toEqual(['failed']);
    await fixture.outage.end();
  });
});
