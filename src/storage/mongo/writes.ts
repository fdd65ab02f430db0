/**
 * Changes → collections, never back in version: what is new is inserted; what is there already (E11000) is replaced if
 * it is older. So a new thing costs one round trip and a change two, in whatever order writers meet.
 */
import type { Db, Document } from 'mongodb';
import type { Change, CollectionIndex } from '../../entities/entity.js';
import type { Poisoned } from '../tiers/ports.js';
import { type Bulk, bulksOf, type Item } from './bulk.js';
import { deleteAll, type Fault, insertAll, replaceOlder } from './commands.js';
import type { MongoConnection } from './connection.js';
import { type DocumentShape, shapeOf } from './document.js';
import { isDuplicateKey, isOfId } from './failures.js';
import type { Senders } from './senders.js';

/** What became of the documents that were not taken. */
interface Sorted {
  /** Its id is there. */
  readonly known: Item[];
  /** Another document has a value that only one may have. */
  readonly rivalled: Item[];
  readonly refused: Array<{ item: Item; message: string }>;
}

/**
 * Writes each change, or says why one cannot be held; of such an element no older version stays.
 *
 * @param now Unix ms: all of it counts as used
 * @throws Error when the server failed: some of the changes may be written, and all may be written again
 */
export async function writeChanges(
  connection: MongoConnection,
  { changes, now, senders }: { changes: readonly Change[]; now: number; senders?: Senders | undefined },
): Promise<Poisoned[]> {
  const poisoned: Poisoned[] = [];
  const began = senders?.now() ?? 0;
  const known = await senders?.of(changes);
  for (const bulk of bulksOf(changes, { now, senders: known, onPoisoned: (one) => poisoned.push(one) })) {
    poisoned.push(...(await connection.run('write', (database) => writeBulk(database, bulk))));
  }
  await senders?.mend(connection, changes, began);
  if (poisoned.length > 0) await connection.run('write', (database) => removeOlder(database, poisoned));
  return poisoned;
}

async function writeBulk(database: Db, { shape, items }: Bulk): Promise<Poisoned[]> {
  const { rivalled, refused } = await insertOrReplace(database, shape, items);
  if (rivalled.length > 0) {
    await removeRivals(database, shape, rivalled);
    const again = await insertOrReplace(database, shape, rivalled);
    refused.push(...again.refused);
    for (const item of again.rivalled)
      refused.push({ item, message: 'another document has its unique value' });
  }
  return refused.map(({ item, message }) => ({ change: item.change, message }));
}

async function insertOrReplace(
  database: Db,
  { entity }: DocumentShape,
  items: readonly Item[],
): Promise<Sorted> {
  const { collection } = entity;
  const encoded = items.map((item) => item.encoded);
  const inserted = sorted(items, await insertAll(database, collection, encoded));
  if (inserted.known.length === 0) return inserted;
  const documents = inserted.known.map((item) => item.document);
  const faults = await replaceOlder(database, collection, documents);
  const replaced = sorted(inserted.known, faults);
  return {
    known: [],
    rivalled: [...inserted.rivalled, ...replaced.rivalled, ...replaced.known],
    refused: [...inserted.refused, ...replaced.refused],
  };
}

function sorted(items: readonly Item[], faults: readonly Fault[]): Sorted {
  const result: Sorted = { known: [], rivalled: [], refused: [] };
  for (const { index, code, message } of faults) {
    const item = items[index];
    if (item === undefined) continue;
    if (!isDuplicateKey(code)) result.refused.push({ item, message });
    else if (isOfId(message)) result.known.push(item);
    else result.rivalled.push(item);
  }
  return result;
}

/** Who has a unique value in Postgres now is who came last: the other one's document is of before that. */
async function removeRivals(database: Db, { entity }: DocumentShape, items: readonly Item[]): Promise<void> {
  const unique = entity.indexes.filter((index: CollectionIndex) => index.isUnique === true);
  const filters = items.flatMap(({ document }) =>
    unique
      .map(({ keys }) => Object.keys(keys))
      // Null is nobody's: it would match all that have none.
      .filter((columns) => columns.every((column) => (document[column] ?? null) !== null))
      .map((columns) => ({
        ...Object.fromEntries(columns.map((column) => [column, document[column]])),
        _id: { $ne: document._id },
      })),
  );
  await deleteAll(database, entity.collection, filters);
}

async function removeOlder(database: Db, poisoned: readonly Poisoned[]): Promise<void> {
  const byCollection = new Map<string, Document[]>();
  for (const { change } of poisoned) {
    const filter = olderOf(change);
    if (filter === undefined) continue;
    const { collection } = change.entity;
    byCollection.set(collection, [...(byCollection.get(collection) ?? []), filter]);
  }
  for (const [collection, filters] of byCollection) await deleteAll(database, collection, filters);
}

/** @returns undefined when its id is none, so that nothing of it can be there */
function olderOf({ entity, id, version }: Change): Document | undefined {
  try {
    return { _id: shapeOf(entity).idOf(id), v: { $lt: version } };
  } catch {
    return undefined;
  }
}
