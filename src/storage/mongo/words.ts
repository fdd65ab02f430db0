/** Messages of Mongo by their words, where it has an index of them (`indexes.ts`): candidates, newest first. */
import type { Document } from 'mongodb';
import { messages } from '../../entities/messages.js';
import type { RecentAsked, RecentWords } from '../tiers/recent-words.js';
import { callMs, type MongoConnection } from './connection.js';
import { uuidBinary, uuidText } from './values.js';

const { conversation, sender, type, createdAt, event } = messages.fields;

export class MongoWords implements RecentWords {
  private readonly connection: MongoConnection;

  /** @param connection of its own: a search that takes too long keeps nobody else from Mongo */
  constructor(connection: MongoConnection) {
    this.connection = connection;
  }

  async find(asked: RecentAsked): Promise<Array<readonly [at: number, id: string]>> {
    const found = await this.connection.run('words', (database) =>
      database
        .collection(messages.collection)
        .find(filterOf(asked), {
          projection: { _id: 1, [createdAt.column]: 1 },
          maxTimeMS: callMs.words,
        })
        .sort({ [createdAt.column]: -1, _id: -1 })
        .limit(asked.limit)
        .batchSize(asked.limit + 1)
        .toArray(),
    );
    return found.flatMap((document) => {
      const id = uuidText(document._id);
      const at: unknown = document[createdAt.column];
      return id === undefined || !(at instanceof Date) ? [] : [[at.getTime(), id] as const];
    });
  }
}

function filterOf({ phrases, convs, from, type: wanted, since, until, place }: RecentAsked): Document {
  const times = {
    ...(since === undefined ? {} : { $gte: new Date(since) }),
    ...(until === undefined ? {} : { $lt: new Date(until) }),
  };
  return {
    // A phrase has to be there; words alone would be one or the other.
    $text: { $search: phrases.map((phrase) => `"${phrase}"`).join(' ') },
    [event.column]: 'message.new',
    [conversation.column]: { $in: convs.map(uuidBinary) },
    ...(from === undefined ? {} : { [sender.column]: uuidBinary(from) }),
    ...(wanted === undefined ? {} : { [type.column]: wanted }),
    ...(Object.keys(times).length === 0 ? {} : { [createdAt.column]: times }),
    ...(place === undefined ? {} : { $or: behind(place) }),
  };
}

function behind([at, id]: NonNullable<RecentAsked['place']>): Document[] {
  const time = new Date(at);
  return [{ [createdAt.column]: { $lt: time } }, { [createdAt.column]: time, _id: { $lt: uuidBinary(id) } }];
}
