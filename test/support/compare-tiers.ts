/**
 * Whether mirrors hold what Postgres holds, by looking into each store itself: every row of the log is asked of Mongo,
 * every document of Mongo is counted, and every element of Redis is asked of Postgres.
 */
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import { type Db, MongoClient } from 'mongodb';
import type { Sql } from 'postgres';
import type { Change } from '#src/entities/entity.js';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { type StoredDocument, shapeOf } from '#src/storage/mongo/document.js';
import { uuidText } from '#src/storage/mongo/values.js';
import { eventOf, type LogRow } from '#src/storage/postgres/log-rows.js';
import { decodeEvent } from '#src/storage/redis/codec.js';
import { literalPattern, redisKeys } from '#src/storage/redis/keys.js';
import type { LogEvent } from '#src/wire/events.js';

export interface Comparison {
  /** Rows of the log, or elements of Redis. */
  readonly compared: number;
  /** Of the log and not in the mirror; Redis, which holds what was used last, may lack any. */
  missing: number;
  /** In the mirror and not of the log. */
  extra: number;
  /** In both, and not the same; or not to be read. */
  different: number;
  /** The first few of what is wrong, in words. */
  readonly details: readonly string[];
}

const pageRows = 1_000;
const detailsMax = 5;
const broughtVersion = 0;
const nowhere = '00000000-0000-0000-0000-000000000000';

/** 0 when the mirror is as Postgres is. */
export function differencesOf({ missing, extra, different }: Comparison): number {
  return missing + extra + different;
}

class Findings {
  compared = 0;
  missing = 0;
  extra = 0;
  different = 0;
  readonly details: string[] = [];

  note(what: 'missing' | 'extra' | 'different', of: string, count = 1): void {
    this[what] += count;
    if (this.details.length < detailsMax) this.details.push(`${what}: ${of}`);
  }
}

/**
 * Every row of the log against Mongo, page by page, and how many documents there are.
 *
 * @param url names the database
 */
export async function compareMongo(sql: Sql, url: string): Promise<Comparison> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000 });
  const found = new Findings();
  try {
    const database = client.db();
    for await (const page of logPages(sql)) await compareDocuments(database, page, found);
    const documents = await database.collection(messages.collection).countDocuments({});
    const surplus = documents - (found.compared - found.missing);
    if (surplus > 0) found.note('extra', `${surplus} documents`, surplus);
    return found;
  } finally {
    await client.close();
  }
}

async function compareDocuments(database: Db, page: readonly Change[], found: Findings): Promise<void> {
  const shape = shapeOf(messages);
  const documents = await database
    .collection<StoredDocument>(messages.collection)
    .find({ _id: { $in: page.map(({ id }) => shape.idOf(id)) } })
    .batchSize(pageRows + 1)
    .toArray();
  const elements = new Map(
    documents.map((document) => [uuidText(document._id) ?? '', shape.elementOf(document)]),
  );
  for (const { id, version, fields } of page) {
    found.compared += 1;
    const element = elements.get(id);
    if (!elements.has(id)) found.note('missing', id);
    // What a reader brought is as it was first, whatever batch that was.
    else if (![version, broughtVersion].includes(element?.version ?? Number.NaN))
      found.note('different', `${id} at ${element?.version}, not ${version}`);
    else if (!isDeepStrictEqual(element?.fields, fields)) found.note('different', id);
  }
}

/**
 * Every element of the messages of Redis against Postgres. What Redis does not hold is no difference; an element of any
 * node that has no place in the order of last use is one, and so is a place without an element.
 */
export async function compareRedis(sql: Sql, url: string, prefix = 'nubo:'): Promise<Comparison> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  const keys = redisKeys(prefix);
  const found = new Findings();
  try {
    let cursor = '0';
    do {
      const [next, flat] = await redis.hscanBuffer(keys.cache(messages.name), cursor, 'COUNT', pageRows);
      cursor = next.toString();
      await compareElements(sql, flat, found);
    } while (cursor !== '0');
    const elements = await countElements(redis, keys.cache(''));
    const places = await redis.zcard(keys.lru);
    if (elements !== places)
      found.note('different', `${elements} elements, ${places} in the order of last use`, 1);
    return found;
  } finally {
    redis.disconnect();
  }
}

async function countElements(redis: Redis, start: string): Promise<number> {
  let count = 0;
  for (const key of await redis.keys(`${literalPattern(start)}*`)) count += await redis.hlen(key);
  return count;
}

async function compareElements(sql: Sql, flat: readonly Buffer[], found: Findings): Promise<void> {
  const values = new Map<string, Buffer>();
  for (let index = 0; index + 1 < flat.length; index += 2)
    values.set(String(flat[index]), flat[index + 1] ?? Buffer.alloc(0));
  const places = [...values.keys()].map(placeOf).filter((place) => place !== undefined);
  const rows = await sql<Array<{ row: LogRow }>>`
    select nubo_row(l) as row from unnest(${places.map(({ conv }) => conv)}::uuid[],
      ${places.map(({ seq }) => seq)}::bigint[]) as p (conversation, seq)
    join conversation_log l on l.conversation = p.conversation and l.seq = p.seq`;
  const stored = new Map<string, LogEvent>();
  for (const { row } of rows) {
    const event = eventOf(row);
    stored.set(`${event.conv}:${event.seq}`, event);
  }
  for (const [name, value] of values) {
    found.compared += 1;
    const event = stored.get(name);
    if (event === undefined) found.note('extra', name);
    else if (!isDeepStrictEqual(decodeEvent(event, value), event)) found.note('different', name);
  }
}

function placeOf(name: string): { conv: string; seq: number } | undefined {
  const [, conv, seq] = /^([0-9a-f-]{36}):(\d{1,15})$/.exec(name) ?? [];
  return conv === undefined ? undefined : { conv, seq: Number(seq) };
}

async function* logPages(sql: Sql): AsyncGenerator<Change[]> {
  let cursor = nowhere;
  for (;;) {
    const rows = await sql<Array<{ row: LogRow; batch: number }>>`
      select nubo_row(l) as row, batch::float8 as batch from conversation_log l
      where id > ${cursor} order by id limit ${pageRows}`;
    const last = rows.at(-1)?.row[0];
    if (last === undefined) return;
    cursor = last;
    yield rows.map(({ row, batch }) => changeOfEvent(eventOf(row), batch));
  }
}
