/** A step in pieces, each so small that Redis is not kept from other clients for longer than about 2 ms. */
import type { Change } from '../../entities/entity.js';
import { elementBytesMax, placeOf, tooLarge, withoutPlace } from '../tiers/place.js';
import type { Poisoned } from '../tiers/ports.js';
import { encodeElement, encodeRemoval } from './codec.js';
import type { RedisKeys } from './keys.js';

interface Item {
  readonly node: string;
  readonly place: string;
  readonly version: number;
  readonly value: Buffer;
}

/** The keys and arguments of one call that concern elements: see `putScript`. */
export interface Chunk {
  readonly keys: string[];
  readonly args: Array<string | Buffer>;
}

const chunkItemsMax = 250;
const chunkBytesMax = 262_144;

/** Of several changes of one element only the last version is left. */
export function chunksOf(
  changes: readonly Change[],
  keys: RedisKeys,
): { chunks: Chunk[]; poisoned: Poisoned[] } {
  const items = new Map<string, Item>();
  const poisoned: Poisoned[] = [];
  for (const change of changes) {
    const item = itemOf(change, (message) => poisoned.push({ change, message }));
    if (item === undefined) continue;
    const name = `${item.node} ${item.place}`;
    const other = items.get(name);
    if (other === undefined || other.version < item.version) items.set(name, item);
  }
  return { chunks: inChunks([...items.values()], keys), poisoned };
}

function itemOf(change: Change, poison: (message: string) => void): Item | undefined {
  const place = placeOf(change);
  if (place === undefined) {
    poison(withoutPlace(change));
    return undefined;
  }
  const { entity, version } = change;
  return { node: entity.name, place, version, value: encodedOf(change, poison) };
}

function encodedOf(change: Change, poison: (message: string) => void): Buffer {
  try {
    const value = encodeElement(change);
    if (value.length <= elementBytesMax) return value;
    poison(tooLarge(change, value.length));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    poison(`${change.entity.name} ${change.id} cannot be encoded: ${reason.slice(0, 200)}`);
  }
  return encodeRemoval(change.version);
}

function inChunks(items: Item[], keys: RedisKeys): Chunk[] {
  const chunks: Chunk[] = [];
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    if (part.length > 0 && (part.length >= chunkItemsMax || bytes + item.value.length > chunkBytesMax)) {
      chunks.push(chunkOf(part, keys));
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += item.value.length;
  }
  if (part.length > 0) chunks.push(chunkOf(part, keys));
  return chunks;
}

function chunkOf(items: readonly Item[], keys: RedisKeys): Chunk {
  const byNode = new Map<string, Item[]>();
  for (const item of items) {
    const others = byNode.get(item.node);
    if (others === undefined) byNode.set(item.node, [item]);
    else others.push(item);
  }
  const args: Array<string | Buffer> = [];
  for (const [node, own] of byNode) {
    args.push(node, String(own.length));
    for (const { place, value } of own) args.push(place, value);
  }
  return { keys: [...byNode.keys()].map((node) => keys.cache(node)), args };
}
