/** What a Mongo can, found out by asking it: there are servers that accept an index and never use it. */
import type { Collection, Db, MongoClient } from 'mongodb';

export interface MongoFeatures {
  /** Indexes that let documents expire. */
  readonly ttl: boolean;
  /** Text indexes and `$text`. */
  readonly text: boolean;
  /** Updates by a pipeline of stages. */
  readonly pipelines: boolean;
  readonly transactions: boolean;
  readonly changeStreams: boolean;
}

/** In a database of its own, which is dropped. */
export async function askFeatures(client: MongoClient, database: string): Promise<MongoFeatures> {
  const db = client.db(database);
  const collection = db.collection('features');
  try {
    await collection.insertOne({ words: 'a hidden word', number: 1 });
    return {
      ttl: (await does(() => expires(collection, 60))) && !(await does(() => expires(collection, 'soon'))),
      text: await does(() => findsText(collection)),
      pipelines: await does(() => adds(collection)),
      transactions: await does(() => rollsBack(client, collection)),
      changeStreams: await does(() => watches(db)),
    };
  } finally {
    await db.dropDatabase();
  }
}

async function does(what: () => Promise<boolean>): Promise<boolean> {
  try {
    return await what();
  } catch {
    return false;
  }
}

/** Only a server that reads the time to live refuses one that is none. */
async function expires(collection: Collection, seconds: unknown): Promise<boolean> {
  const key = `at_${typeof seconds}`;
  await collection.createIndex({ [key]: 1 }, { expireAfterSeconds: seconds as number });
  return true;
}

async function findsText(collection: Collection): Promise<boolean> {
  await collection.createIndex({ words: 'text' });
  return (await collection.find({ $text: { $search: 'hidden' } }).toArray()).length === 1;
}

async function adds(collection: Collection): Promise<boolean> {
  await collection.updateOne({}, [{ $set: { sum: { $add: ['$number', 1] } } }]);
  return (await collection.findOne({}))?.sum === 2;
}

async function rollsBack(client: MongoClient, collection: Collection): Promise<boolean> {
  await client.withSession(async (session) => {
    session.startTransaction();
    await collection.insertOne({ rolledBack: true }, { session });
    await session.abortTransaction();
  });
  return (await collection.countDocuments({ rolledBack: true })) === 0;
}

async function watches(db: Db): Promise<boolean> {
  const stream = db.watch([], { maxAwaitTimeMS: 100 });
  try {
    await stream.tryNext();
    return true;
  } finally {
    await stream.close();
  }
}
