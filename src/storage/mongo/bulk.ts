/** Changes cut into what one call writes: documents of one collection, bounded in items and bytes. */
import type { Change, Entity } from '../../entities/entity.js';
import { messages } from '../../entities/messages.js';
import type { Poisoned } from '../tiers/ports.js';
import { type Beside, type DocumentShape, type StoredDocument, shapeOf } from './document.js';
import type { EncodedDocument } from './document-bytes.js';

interface Extra {
  /** Unix ms: it counts as used. */
  readonly now: number;
  readonly beside: Beside | undefined;
}

/** One change, as BSON; as a document only where it meets another. */
export class Item {
  readonly change: Change;
  readonly encoded: EncodedDocument;
  private readonly extra: Extra;

  constructor(change: Change, encoded: EncodedDocument, extra: Extra) {
    this.change = change;
    this.encoded = encoded;
    this.extra = extra;
  }

  get document(): StoredDocument {
    return shapeOf(this.change.entity).documentOf(this.change, this.extra.now, this.extra.beside);
  }
}

export interface Bulk {
  readonly shape: DocumentShape;
  readonly items: readonly Item[];
}

/** More in one call would hold the thread, and the server's locks, for too long. */
export const bulkItemsMax = 1_000;
/** A server refuses commands of more than 16 MiB. */
export const bulkBytesMax = 8 * 1_024 * 1_024;
/** Of one document; servers refuse more than 16 MiB, less what the call around it takes. */
export const documentBytesMax = 16 * 1_024 * 1_024 - 65_536;

/** Only the newest change of each element, by entity. */
export function newestOf(changes: readonly Change[]): Map<Entity, Change[]> {
  const byEntity = new Map<Entity, Map<string, Change>>();
  for (const change of changes) {
    const byId = byEntity.get(change.entity) ?? new Map<string, Change>();
    byEntity.set(change.entity, byId);
    const known = byId.get(change.id);
    if (known === undefined || known.version < change.version) byId.set(change.id, change);
  }
  return new Map([...byEntity].map(([entity, byId]) => [entity, [...byId.values()]]));
}

export interface BulkOptions {
  /** Unix ms: all of it counts as used. */
  readonly now: number;
  /** What stands beside messages, by the id of their sender. */
  readonly senders?: ReadonlyMap<string, Beside> | undefined;
  /** Told of changes that are no documents. */
  readonly onPoisoned: (poisoned: Poisoned) => void;
}

/** Makes the documents when they are asked for, a bulk at a time. */
export function* bulksOf(
  changes: readonly Change[],
  { now, senders, onPoisoned }: BulkOptions,
): Generator<Bulk> {
  for (const [entity, newest] of newestOf(changes)) {
    const shape = shapeOf(entity);
    let items: Item[] = [];
    let bytes = 0;
    for (const change of newest) {
      const beside = entity.name === messages.name ? senders?.get(String(change.fields?.sender)) : undefined;
      const extra = { now, beside };
      const encoded = encodedOrReason(shape, change, extra);
      const size = typeof encoded === 'string' ? 0 : encoded.bytes.length;
      if (typeof encoded === 'string' || size > documentBytesMax) {
        const message = typeof encoded === 'string' ? encoded : `${size} bytes are more than Mongo takes`;
        onPoisoned({ change, message });
        continue;
      }
      if (items.length >= bulkItemsMax || bytes + size > bulkBytesMax) {
        if (items.length > 0) yield { shape, items };
        items = [];
        bytes = 0;
      }
      items.push(new Item(change, encoded, extra));
      bytes += size;
    }
    if (items.length > 0) yield { shape, items };
  }
}

function encodedOrReason(shape: DocumentShape, change: Change, extra: Extra): EncodedDocument | string {
  try {
    return shape.encodedOf(change, extra.now, extra.beside);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
