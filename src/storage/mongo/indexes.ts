/**
 * The indexes of every collection: those of its declaration, and one by which the server itself removes what was not
 * used for 30 days. A server may lack a kind of index: then the rest is made, and it is said once what is missing.
 */
import type { CreateIndexesOptions, Db, Document, IndexSpecification } from 'mongodb';
import type { CollectionIndex, Entity } from '../../entities/entity.js';
import { UserError } from '../../errors.js';
import { recentDays } from '../tiers/ports.js';
import type { MongoConnection } from './connection.js';
import { isRefusal, sentenceOf } from './failures.js';

export interface IndexOptions {
  readonly entities: readonly Entity[];
  /** Of text indexes, such as `french`, or `none`: words are taken as they are. Without one there are no text indexes. */
  readonly language?: string;
}

/** Kinds of index that servers are known to lack. */
export type IndexFeature = 'ttl' | 'text' | 'sparse' | 'plain';

export interface IndexReport {
  /** Each kind that was refused, with the server's words and the collections it was wanted for. */
  readonly refused: ReadonlyMap<IndexFeature, { message: string; collections: string[] }>;
}

/** Of a month of 30 days. */
export const lastUseSeconds = recentDays * 86_400;

interface Attempt {
  readonly feature: IndexFeature;
  readonly keys: IndexSpecification;
  readonly options: CreateIndexesOptions;
}

/** @throws Error when Mongo is away */
export async function prepareIndexes(
  connection: MongoConnection,
  { entities, language }: IndexOptions,
): Promise<IndexReport> {
  const refused = new Map<IndexFeature, { message: string; collections: string[] }>();
  const onRefused = (feature: IndexFeature, collection: string, message: string) => {
    const known = refused.get(feature);
    if (known === undefined) refused.set(feature, { message, collections: [collection] });
    else if (!known.collections.includes(collection)) known.collections.push(collection);
  };
  for (const entity of entities) {
    await connection.run('upkeep', (database) => dropTexts(database, entity.collection, language));
    const all = [...entity.indexes.map((index) => attemptsFor(index, language)), lastUseAttempts];
    for (const attempts of all) {
      await connection.run('upkeep', (database) =>
        makeFirstTaken(database, attempts, {
          collection: entity.collection,
          onRefused: (feature, message) => onRefused(feature, entity.collection, message),
        }),
      );
    }
  }
  return { refused };
}

/** One sentence for each kind that is missing, and what that means. */
export function refusalLines({ refused }: IndexReport): string[] {
  return [...refused].map(
    ([feature, { message, collections }]) =>
      `This Mongo refuses ${meanings[feature]} (${collections.join(', ')}): ${message}`,
  );
}

const meanings: Readonly<Record<IndexFeature, string>> = {
  ttl: `indexes that remove what is old, so nubo does it once a day`,
  text: 'text indexes, so Postgres searches',
  sparse: 'sparse indexes, so they are made over all documents',
  plain: 'an index that is wanted, so some reads are slower',
};

/** An index that cannot expire anything still finds what has to be removed. */
const lastUseAttempts: readonly Attempt[] = [
  { feature: 'ttl', keys: { last_use: 1 }, options: { expireAfterSeconds: lastUseSeconds } },
  { feature: 'plain', keys: { last_use: 1 }, options: {} },
];

/**
 * None is unique: Postgres keeps values unique, and a mirror that did so too would refuse what comes in another order
 * than it was written, and all but one of those that have no value.
 */
function attemptsFor(index: CollectionIndex, language: string | undefined): Attempt[] {
  const keys = { ...index.keys };
  const plain: Attempt = { feature: 'plain', keys, options: {} };
  if (Object.values(keys).includes('text')) {
    return language === undefined ? [] : [{ feature: 'text', keys, options: { default_language: language } }];
  }
  return index.isSparse === true ? [{ feature: 'sparse', keys, options: { sparse: true } }, plain] : [plain];
}

/** A collection has one text index: that of another language, or of none that is wanted any more, stands in the way. */
async function dropTexts(database: Db, name: string, language: string | undefined): Promise<void> {
  const collection = database.collection(name);
  let indexes: Document[];
  try {
    indexes = await collection.indexes();
  } catch (error) {
    // There is no such collection yet.
    if (!isRefusal(error)) throw error;
    return;
  }
  for (const index of indexes) {
    const isText = Object.values(index.key as Document).includes('text');
    if (isText && index.default_language !== language) await collection.dropIndex(index.name as string);
  }
}

async function makeFirstTaken(
  database: Db,
  attempts: readonly Attempt[],
  {
    collection,
    onRefused,
  }: { collection: string; onRefused: (feature: IndexFeature, message: string) => void },
): Promise<void> {
  for (const { feature, keys, options } of attempts) {
    try {
      await database.collection(collection).createIndex(keys, options);
      return;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      onRefused(feature, sentenceOf(error));
    }
  }
}

/** @throws UserError when the server cannot be used at all, with what to do */
export async function checkMongo(connection: MongoConnection): Promise<void> {
  try {
    await connection.database.command({ ping: 1 });
  } catch (error) {
    throw new UserError(sentenceOf(error));
  }
}
