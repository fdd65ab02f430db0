/** Changes cut into what one call writes: documents of one collection, bounded in items and bytes. */
import { Binary } from 'mongodb';
import type { Change, Entity } from '../../entities/entity.js';
import type { Poisoned } from '../tiers/ports.js';
import { type DocumentShape, type StoredDocument, shapeOf } from './document.js';

export interface Item {
  readonly change: Change;
  readonly document: StoredDocument;
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

/**
 * Makes the documents when they are asked for, a bulk at a time.
 *
 * @param onPoisoned told of changes that are no documents
 */
export function* bulksOf(
  changes: readonly Change[],
  { now, onPoisoned }: { now: number; onPoisoned: (poisoned: Poisoned) => void },
): Generator<Bulk> {
  for (const [entity, newest] of newestOf(changes)) {
    const shape = shapeOf(entity);
    let items: Item[] = [];
    let bytes = 0;
    for (const change of newest) {
      const document = documentOrReason(shape, change, now);
      const size = typeof document === 'string' ? 0 : bytesOf(document);
      if (typeof document === 'string' || size > documentBytesMax) {
        const message = typeof document === 'string' ? document : `${size} bytes are more than Mongo takes`;
        onPoisoned({ change, message });
        continue;
      }
      if (items.length >= bulkItemsMax || bytes + size > bulkBytesMax) {
        if (items.length > 0) yield { shape, items };
        items = [];
        bytes = 0;
      }
      items.push({ change, document });
      bytes += size;
    }
    if (items.length > 0) yield { shape, items };
  }
}

function documentOrReason(shape: DocumentShape, change: Change, now: number): StoredDocument | string {
  try {
    return shape.documentOf(change, now);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** About what a value takes as BSON, cheaper than to make it; never less than it does. */
export function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 6;
  if (typeof value !== 'object' || value === null || value instanceof Date) return 10;
  if (value instanceof Binary) return value.position + 6;
  let bytes = 6;
  // The keys of an array are its indexes, as text.
  if (Array.isArray(value)) for (const item of value) bytes += bytesOf(item) + 9;
  else
    for (const key in value) bytes += key.length * 3 + 2 + bytesOf((value as Record<string, unknown>)[key]);
  return bytes;
}
