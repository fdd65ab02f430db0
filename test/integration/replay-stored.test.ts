/** The check of a replay on a real database: what is stored is read back as it is, and faults planted there are found. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkRoom, type Findings, type SeenEvent, type SentLine } from '#cli/replay/check.js';
import { findPostmaster, sampleCpu } from '#cli/replay/cpu.js';
import { measureRawCopy } from '#cli/replay/raw-copy.js';
import { readBatches, readRoom } from '#cli/replay/stored.js';
import { metadataOf } from '#cli/replay/transcript.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import type { LogEvent } from '#src/wire/events.js';
import { Asker, Script } from '#test/support/log-events.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';

let database: TestDatabase;
let store: PostgresLogStore;
let asker: Asker;

beforeAll(async () => {
  database = await createDatabase();
  store = new PostgresLogStore({ url: database.url, shard: 0, readConnections: 1 });
  asker = new Asker(store);
  await asker.own();
});

afterAll(async () => {
  await store.close();
  await database.close();
});

const texts = ['tab\there \\. \\N', '\u000304red\u0003 ☃ 🐧', '"quoted" \\', '', '\ufeffmark', 'cr\r\nlf'];

interface Written {
  readonly conv: string;
  readonly room: Omit<Parameters<typeof checkRoom>[0], 'stored'>;
  readonly events: LogEvent[];
}

/** A creation, a join and these texts, in two batches; the second text is an action. */
async function writeRoom(): Promise<Written> {
  const script = new Script();
  const author = crypto.randomUUID();
  const sent: SentLine[] = [];
  const events: LogEvent[] = [script.create([], 'channel', 'a room'), script.join(author)];
  for (const [index, text] of texts.entries()) {
    const line = { text, isAction: index === 1, at: `2006-02-24T00:00:0${index}Z` };
    const event = script.message(text, { from: author, metadata: metadataOf(line) });
    events.push(event);
    sent.push({ ...line, id: event.id, author, ackedSeq: event.seq });
  }
  expect(await asker.write(events.slice(0, 5))).toEqual({ kind: 'committed' });
  expect(await asker.write(events.slice(5))).toEqual({ kind: 'committed' });
  const seen = events.map((event): SeenEvent => {
    const isMessage = event.ev === 'message.new';
    return {
      ...{ seq: event.seq, id: event.id, from: event.from, kind: event.ev },
      text: isMessage ? event.text : '',
      isAction: isMessage && event.metadata?.action === true,
    };
  });
  return { conv: script.conv, room: { listener: script.owner, authors: [author], sent, seen }, events };
}

let written: Written;
beforeEach(async () => {
  written = await writeRoom();
});

/** Counts that are not as they should be. */
async function faults(): Promise<Partial<Findings>> {
  const stored = await readRoom(database.sql, written.conv);
  const { stored: messages, heard, ...rest } = checkRoom({ ...written.room, stored });
  const counts = { stored: messages - texts.length, heard: heard - texts.length - 2, ...rest };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** The row of the line at this place, for a `where`. */
const idOf = (place: number) => written.room.sent[place]?.id ?? '';

test('P1 P4 what a store wrote is found as it was sent', async () => {
  expect(await faults()).toEqual({});
  expect(await readBatches(database.sql, [written.conv])).toBe(2);
});

test('P1 P2 a row that was deleted is lost, and one that was added is a duplicate', async () => {
  const { sql } = database;
  await sql`
    insert into conversation_log
    select gen_random_uuid(), conversation, actor, seq + 1, number + 1, batch, at, kind, target, body, details
    from conversation_log where id = ${idOf(5)}`;
  expect(await faults()).toMatchObject({ duplicates: 1, stored: 1, seqBreaks: 1, numberBreaks: 1 });
  await sql`delete from conversation_log where conversation = ${written.conv} and seq = 9`;
  await sql`delete from conversation_log where id = ${idOf(2)}`;
  expect(await faults()).toMatchObject({ lost: 1, stored: -1, seqBreaks: 1, numberBreaks: 1 });
});

test('P4 rows that changed places and a seq that was left out are found', async () => {
  const { sql } = database;
  const move = (place: number, by: number) => sql`
    update conversation_log set seq = seq + ${by}, number = number + ${by} where id = ${idOf(place)}`;
  await move(3, 100);
  await move(4, -1);
  await move(3, -99);
  expect(await faults()).toEqual({ orderBreaks: 1, ackFaults: 2, heardDifferent: 2 });
  await move(5, 1);
  expect(await faults()).toMatchObject({ seqBreaks: 2, numberBreaks: 2, heardBreaks: 1 });
});

test('W16 one changed byte, another author, another action and another time are found', async () => {
  const { sql } = database;
  await sql`update conversation_log set body = replace(body, chr(3), chr(2)) where id = ${idOf(1)}`;
  expect(await faults()).toEqual({ bytesDifferent: 1, heardDifferent: 1 });
  await sql`update conversation_log set actor = gen_random_uuid() where id = ${idOf(2)}`;
  expect(await faults()).toEqual({ bytesDifferent: 1, authorsDifferent: 1, heardDifferent: 2 });
  await sql`update conversation_log set details = '{"metadata": {"action": "true"}}' where id = ${idOf(1)}`;
  expect(await faults()).toMatchObject({ actionsDifferent: 1, timesDifferent: 1 });
});

test('P4 raw COPY takes the same rows into a table that is gone afterwards', async () => {
  const { sql, url } = database;
  const events = written.events.filter(({ ev }) => ev === 'message.new');
  let copied = 0;
  const step = {
    add: (count = 1) => {
      copied += count;
    },
    end: () => 0,
  };
  const perSecond = await measureRawCopy({ postgresUrl: url, sql, events, batchSize: 4, step });
  expect(perSecond).toBeGreaterThan(0);
  expect(copied).toBe(texts.length);
  // The same row twice cannot be: the scratch table has the indexes of the log.
  const twice = measureRawCopy({
    postgresUrl: url,
    sql,
    events: [...events, ...events],
    batchSize: 20,
    step,
  });
  await expect(twice).rejects.toThrow('The raw COPY failed');
  const tables = await sql<
    { relname: string }[]
  >`select relname from pg_class where relname like '%scratch%'`;
  expect(tables).toEqual([]);
});

test('O3 the CPU time of Postgres is that of the postmaster and its children', async () => {
  const postgres = await findPostmaster(database.sql);
  const before = sampleCpu({ server: process.pid, postgres });
  await database.sql`select count(*) from generate_series(1, 2000000)`;
  const after = sampleCpu({ server: process.pid, postgres });
  expect(after.postgres ?? 0).toBeGreaterThan(before.postgres ?? 0);
  expect(after.server ?? 0).toBeGreaterThanOrEqual(before.server ?? 0);
  expect(sampleCpu({ server: undefined, postgres: 2 ** 30 })).toMatchObject({
    server: undefined,
    postgres: undefined,
  });
});
