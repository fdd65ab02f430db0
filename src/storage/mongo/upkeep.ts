/** What is done to whole collections: old documents removed, all of them walked, all of them dropped. */
import type { Db, Document } from 'mongodb';
import type { Change, Entity } from '../../entities/entity.js';
import { zeroUuid } from '../../uuid-bytes.js';
import { recentDays } from '../tiers/ports.js';
import type { MongoConnection } from './connection.js';
import { type DocumentId, shapeOf } from './document.js';
import { positionsCollection } from './positions.js';
import { uuidBinary } from './values.js';

export interface Removed {
  readonly collection: string;
  readonly documents: number;
}

const dayMs = 86_400_000;

/**
 * Removes what was not used for 30 days: at each start, and daily where the server does not do it by itself.
 *
 * @param now Unix ms
 * @throws Error when Mongo is away; collections before that one are done
 */
export async function removeUnused(
  connection: MongoConnection,
  { entities, now }: { entities: readonly Entity[]; now: number },
): Promise<Removed[]> {
  const before = new Date(now - recentDays * dayMs);
  const removed: Removed[] = [];
  for (const { collection } of entities) {
    const { deletedCount } = await connection.run('upkeep', (database) =>
      database.collection(collection).deleteMany({ last_use: { $lt: before } }),
    );
    removed.push({ collection, documents: deletedCount });
  }
  return removed;
}

/**
 * Says whose mirror this is. What is there of another database goes: its elements would never be found, or be wrong.
 *
 * @returns whether there was such a one
 */
export async function claimMongo(
  connection: MongoConnection,
  { entities, database: name }: { entities: readonly Entity[]; database: string },
): Promise<boolean> {
  const claim = { _id: 'database', name };
  const find = (database: Db) => database.collection<typeof claim>(positionsCollection);
  const known = await connection.run('upkeep', (database) => find(database).findOne({ _id: claim._id }));
  if (known?.name === name) return false;
  const isForeign = known !== null;
  if (isForeign) await dropAll(connection, entities);
  await connection.run('upkeep', (database) =>
    find(database).updateOne({ _id: claim._id }, { $set: { name } }, { upsert: true }),
  );
  return isForeign;
}

/** Drops every collection that is nubo's, and nothing else in the database. */
export async function dropAll(connection: MongoConnection, entities: readonly Entity[]): Promise<void> {
  // The positions go first: what is half dropped stands nowhere.
  await dropThose(connection, [positionsCollection, ...entities.map((entity) => entity.collection)]);
  // And last: whoever began to fill it meanwhile begins anew.
  await dropThose(connection, [positionsCollection]);
}

async function dropThose(connection: MongoConnection, names: readonly string[]): Promise<void> {
  const all = await connection.run('read', (database) =>
    database.listCollections({}, { nameOnly: true }).toArray(),
  );
  const there = new Set(all.map(({ name }) => name));
  for (const collection of names.filter((name) => there.has(name))) {
    await connection.run('upkeep', (database) => database.dropCollection(collection));
  }
}

/** A document as it is: what it says, or that it says nothing. */
export interface Walked {
  /** As text; of a document whose id is none of the entity's, whatever it is. */
  readonly id: string;
  /** undefined: it is malformed, and readers take it for absent. */
  readonly change: Change | undefined;
  readonly document: Document;
}

/** A page of a collection, in the order of `_id`. `next` undefined: that was all. */
export interface WalkedPage {
  readonly documents: readonly Walked[];
  readonly next: DocumentId | undefined;
}

/** @param after `next` of the page before; undefined: from the beginning */
export async function walkCollection(
  connection: MongoConnection,
  { entity, after, limit }: { entity: Entity; after: DocumentId | undefined; limit: number },
): Promise<WalkedPage> {
  const shape = shapeOf(entity);
  const first = shape.hasUuidIds ? uuidBinary(zeroUuid) : '';
  const documents = await connection.run('upkeep', (database) =>
    database
      .collection<Document & { _id: DocumentId }>(entity.collection)
      .find({ _id: after === undefined ? { $gte: first } : { $gt: after } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray(),
  );
  const walked = documents.map((document): Walked => {
    const element = shape.elementOf(document);
    const id = element?.id ?? String(document._id);
    return { id, change: element === undefined ? undefined : { entity, ...element }, document };
  });
  return { documents: walked, next: documents.length < limit ? undefined : documents.at(-1)?._id };
}
