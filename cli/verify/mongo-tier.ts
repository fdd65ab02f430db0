/** The documents of Mongo for `nubo verify`. */
import type { Document } from 'mongodb';
import type { Entity } from '#src/entities/entity.js';
import { entities } from '#src/entities/index.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { type DocumentId, shapeOf } from '#src/storage/mongo/document.js';
import { sentenceOf } from '#src/storage/mongo/failures.js';
import { readPosition } from '#src/storage/mongo/positions.js';
import { type Walked, walkCollection } from '#src/storage/mongo/upkeep.js';
import type { Found } from './compare.js';
import { pagesOver } from './spread.js';
import { type FoundPage, Unreachable, type VerifiedTier } from './tier.js';

const malformed = 'is no document that this version of nubo can read';

export class MongoTier implements VerifiedTier {
  readonly name = 'mongo';
  readonly isWhole = true;
  private readonly connection: MongoConnection;

  private constructor(connection: MongoConnection) {
    this.connection = connection;
  }

  /** @throws Unreachable */
  static async open(url: string): Promise<MongoTier> {
    const tier = new MongoTier(new MongoConnection({ url }));
    try {
      await tier.ask((connection) => connection.run('position', (database) => database.command({ ping: 1 })));
    } catch (error) {
      await tier.close();
      throw error;
    }
    return tier;
  }

  async count(): Promise<number> {
    let count = 0;
    for (const entity of entities) count += await this.countOf(entity);
    return count;
  }

  async *pages(wanted: number): AsyncGenerator<FoundPage> {
    const all = await this.count();
    for (const entity of entities) {
      const count = await this.countOf(entity);
      const share = wanted >= all ? count : Math.ceil((wanted * count) / all);
      // Documents that come while it is walked are walked as well.
      const walk = pagesOver(this.shelfOf(entity), {
        count,
        wanted: wanted >= all ? Number.POSITIVE_INFINITY : share,
      });
      for await (const { documents, rows } of walk)
        yield { found: documents.map((walked) => foundOf(entity, walked)), rows };
    }
  }

  async look(entity: Entity, keys: readonly unknown[]): Promise<Found[]> {
    const shape = shapeOf(entity);
    const wanted = keys as readonly DocumentId[];
    const documents = await this.ask((connection) =>
      connection.run('upkeep', (database) =>
        database
          .collection<Document & { _id: DocumentId }>(entity.collection)
          .find({ _id: { $in: [...wanted] } })
          .toArray(),
      ),
    );
    const found = new Map(
      documents.map((document) => {
        const element = shape.elementOf(document);
        const id = textOf(document._id);
        const change = element === undefined ? undefined : { entity, ...element };
        return [id, foundOf(entity, { id: element?.id ?? id, change, document })] as const;
      }),
    );
    return wanted.map((key) => {
      const id = textOf(key);
      return found.get(id) ?? { entity, key, name: id, id, element: undefined };
    });
  }

  keyOf(entity: Entity, id: string): DocumentId {
    return shapeOf(entity).idOf(id);
  }

  position(source: string): Promise<number | undefined> {
    return this.ask((connection) => connection.run('position', (database) => readPosition(database, source)));
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private countOf({ collection }: Entity): Promise<number> {
    return this.ask((connection) =>
      connection.run('upkeep', (database) => database.collection(collection).estimatedDocumentCount()),
    );
  }

  private shelfOf(entity: Entity) {
    return {
      bounds: async () => {
        const first = await this.end(entity, 1);
        const last = await this.end(entity, -1);
        return first === undefined || last === undefined ? undefined : ([first, last] as const);
      },
      page: async (after: string | undefined, limit: number) => {
        const from = after === undefined ? undefined : shapeOf(entity).idOf(after);
        const { documents } = await this.ask((connection) =>
          walkCollection(connection, { entity, after: from, limit }),
        );
        const last = documents.at(-1);
        return { documents, rows: documents.length, last: last && textOf(last.document._id) };
      },
    };
  }

  private async end(entity: Entity, direction: 1 | -1): Promise<string | undefined> {
    const document = await this.ask((connection) =>
      connection.run('upkeep', (database) =>
        database.collection(entity.collection).findOne({}, { sort: { _id: direction } }),
      ),
    );
    return document === null ? undefined : textOf(document._id);
  }

  private async ask<Value>(call: (connection: MongoConnection) => Promise<Value>): Promise<Value> {
    try {
      return await call(this.connection);
    } catch (error) {
      throw new Unreachable(sentenceOf(error));
    }
  }
}

function foundOf(entity: Entity, { id, change, document }: Walked): Found {
  const key: unknown = document._id;
  const base = { entity, key, name: textOf(key), element: change };
  return change === undefined ? { ...base, id: base.name, trouble: malformed } : { ...base, id };
}

/** UUIDs are binary there. */
function textOf(id: unknown): string {
  const { toUUID } = id as { toUUID?: () => { toHexString(): string } };
  return typeof toUUID === 'function' ? toUUID.call(id).toHexString() : String(id);
}
