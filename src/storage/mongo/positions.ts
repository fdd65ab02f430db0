/** Where the mirror stands in each source: in the mirror itself, so that one that was wiped knows nothing of it. */
import { type Db, MongoServerError } from 'mongodb';
import { isDuplicateKey } from './failures.js';

/** The collection: `_id` is the source. */
export const positionsCollection = 'mirrors';

interface Position {
  _id: string;
  position: number;
}

export async function readPosition(database: Db, source: string): Promise<number | undefined> {
  const found = await database.collection<Position>(positionsCollection).findOne({ _id: source });
  return typeof found?.position === 'number' ? found.position : undefined;
}

/** @returns false when it did not stand at `from` (undefined: nowhere) */
export async function movePosition(
  database: Db,
  { source, from, to }: { source: string; from: number | undefined; to: number },
): Promise<boolean> {
  const collection = database.collection<Position>(positionsCollection);
  if (from !== undefined) {
    const before = await collection.findOneAndUpdate(
      { _id: source, position: from },
      { $set: { position: to } },
    );
    return before !== null;
  }
  try {
    await collection.insertOne({ _id: source, position: to });
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && isDuplicateKey(error.code)) return false;
    throw error;
  }
}
