/** Documents → elements and events. Malformed documents, somebody else's or another version's, are as if absent. */
import type { Db } from 'mongodb';
import type { Entity } from '../../entities/entity.js';
import { eventOfFields, messages } from '../../entities/messages.js';
import type { LogEvent } from '../../wire/events.js';
import { type Element, tierRangeMax } from '../tiers/ports.js';
import { callMs } from './connection.js';
import { type DocumentId, type StoredDocument, shapeOf } from './document.js';
import { uuidBinary } from './values.js';

/** Told of each document that served. */
type OnRead = (collection: string, document: StoredDocument) => void;

/** @returns undefined when one of the events is not there as it should be */
export async function findEvents(
  database: Db,
  { conv, from, to }: { conv: string; from: number; to: number },
  onRead: OnRead,
): Promise<LogEvent[] | undefined> {
  const count = to - from + 1;
  if (!(count <= tierRangeMax)) return undefined;
  if (count <= 0) return [];
  const { collection, fields } = messages;
  const seq = fields.seq.column;
  const documents = await database
    .collection<StoredDocument>(collection)
    .find(
      { [fields.conversation.column]: uuidBinary(conv), [seq]: { $gte: from, $lte: to } },
      { maxTimeMS: callMs.read },
    )
    .sort({ [seq]: 1 })
    // One batch is all there is: a cursor that stays open on the server would be asked again.
    .limit(count + 1)
    .batchSize(count + 2)
    .toArray();
  if (documents.length !== count) return undefined;
  const shape = shapeOf(messages);
  const events: LogEvent[] = [];
  for (const [index, document] of documents.entries()) {
    const element = shape.elementOf(document);
    const event = element?.fields === undefined ? undefined : eventOfFields(element.fields);
    if (event === undefined || event.seq !== from + index || event.conv !== conv) return undefined;
    events.push(event);
  }
  for (const document of documents) onRead(collection, document);
  return events;
}

/** In the order of the ids; undefined where nothing is known. */
export async function findElements(
  database: Db,
  { entity, ids }: { entity: Entity; ids: readonly string[] },
  onRead: OnRead,
): Promise<Array<Element | undefined>> {
  const shape = shapeOf(entity);
  const wanted = [...new Set(ids)].flatMap((id): DocumentId[] => {
    try {
      return [shape.idOf(id)];
    } catch {
      return [];
    }
  });
  const documents =
    wanted.length === 0
      ? []
      : await database
          .collection<StoredDocument>(entity.collection)
          .find({ _id: { $in: wanted } }, { maxTimeMS: callMs.read })
          .batchSize(wanted.length + 1)
          .toArray();
  const found = new Map<string, Element>();
  for (const document of documents) {
    const element = shape.elementOf(document);
    if (element === undefined) continue;
    found.set(element.id, element);
    onRead(entity.collection, document);
  }
  return ids.map((id) => found.get(id));
}
