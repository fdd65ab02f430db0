/** Every byte that the three stores of a server hold, to be searched. */
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import postgres from 'postgres';

/** Where `needle` was found: the names of keys, collections and tables; none when it is nowhere. */
export interface Stores {
  readonly redisUrl: string;
  readonly mongoUrl: string;
  readonly postgresUrl: string;
}

export async function placesOf(needles: readonly string[], stores: Stores): Promise<string[]> {
  const places = await Promise.all([
    inRedis(needles, stores.redisUrl),
    inMongo(needles, stores.mongoUrl),
    inPostgres(needles, stores.postgresUrl),
  ]);
  return places.flat();
}

async function inRedis(needles: readonly string[], url: string): Promise<string[]> {
  const redis = new Redis(url);
  const places: string[] = [];
  try {
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      const values =
        type === 'hash'
          ? Object.entries(await redis.hgetallBuffer(key)).flatMap(([field, value]) => [
              Buffer.from(field),
              value,
            ])
          : type === 'zset'
            ? await redis.zrangeBuffer(key, '0', '-1')
            : type === 'string'
              ? [await redis.getBuffer(key)]
              : [];
      // `none`: it went in between.
      if (!['hash', 'zset', 'string', 'none'].includes(type)) throw new Error(`${key} is a ${type}`);
      if (values.some((value) => needles.some((needle) => value?.includes(needle))))
        places.push(`redis ${key}`);
    }
    return places;
  } finally {
    redis.disconnect();
  }
}

async function inMongo(needles: readonly string[], url: string): Promise<string[]> {
  const client = await MongoClient.connect(url);
  const places: string[] = [];
  try {
    const database = client.db();
    for (const { name } of await database.listCollections({}, { nameOnly: true }).toArray()) {
      for await (const document of database.collection(name).find()) {
        const text = JSON.stringify(document);
        if (needles.some((needle) => text.includes(needle))) places.push(`mongo ${name}: ${text}`);
      }
    }
    return places;
  } finally {
    await client.close();
  }
}

async function inPostgres(needles: readonly string[], url: string): Promise<string[]> {
  const sql = postgres(url, { max: 1 });
  const places: string[] = [];
  try {
    const tables = await sql<Array<{ name: string }>>`
      select c.oid::regclass::text as name from pg_class c
      where c.relkind in ('r', 'm') and c.relnamespace = 'public'::regnamespace`;
    for (const { name } of tables) {
      for (const needle of needles) {
        const rows = await sql.unsafe(
          `select t::text as row from ${name} as t where strpos(t::text, $1) > 0`,
          [needle],
        );
        for (const { row } of rows) places.push(`postgres ${name}: ${row}`);
      }
    }
    return places;
  } finally {
    await sql.end();
  }
}
