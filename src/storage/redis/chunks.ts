/** A step in pieces, each so small that Redis is not kept from other clients for longer than about 2 ms. */
import type { Change } from '../../entities/entity.js';
import { elementBytesMax, placeOf, tooLarge, withoutPlace } from '../tiers/place.js';
import type { Poisoned } from '../tiers/ports.js';
import { encodeElement, encodeRemoval } from './codec.js';
import type { RedisKeys } from './keys.js';

interface Item {
  readonly node: string;
  readonly place: string;
  readonly value: Buffer;
}

/** The keys and arguments of one call that concern elements: see `putScript`. */
export interface Chunk {
  readonly keys: string[];
  readonly args: Array<string | Buffer>;
}

const chunkItemsMax = 250;
const chunkBytesMax = 262_144;

/** Before a place, and before a value. */
const lengthBytes = 4;

/** Of several changes of one element only the last version is left. */
export function chunksOf(
  changes: readonly Change[],
  keys: RedisKeys,
): { chunks: Chunk[]; poisoned: Poisoned[] } {
  const poisoned: Poisoned[] = [];
  const newest = newestOf(changes, (change, message) => poisoned.push({ change, message }));
  const items: Item[] = [];
  for (const [node, byPlace] of newest)
    for (const [place, change] of byPlace) {
      const value = encodedOf(change, (message) => poisoned.push({ change, message }));
      items.push({ node, place, value });
    }
  return { chunks: inChunks(items, keys), poisoned };
}

/** By node and place. */
function newestOf(
  changes: readonly Change[],
  poison: (change: Change, message: string) => void,
): Map<string, Map<string, Change>> {
  const newest = new Map<string, Map<string, Change>>();
  for (const change of changes) {
    const place = placeOf(change);
    if (place === undefined) {
      poison(change, withoutPlace(change));
      continue;
    }
    let byPlace = newest.get(change.entity.name);
    if (byPlace === undefined) {
      byPlace = new Map();
      newest.set(change.entity.name, byPlace);
    }
    const other = byPlace.get(place);
    if (other === undefined || other.version < change.version) byPlace.set(place, change);
  }
  return newest;
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
  for (const [node, own] of byNode) args.push(node, String(own.length), packed(own));
  return { keys: [...byNode.keys()].map((node) => keys.cache(node)), args };
}

/** In one argument: hundreds of small ones cost the driver more than all that is in them. */
function packed(items: readonly Item[]): Buffer {
  let most = 0;
  for (const { place, value } of items) most += 2 * lengthBytes + place.length * 3 + value.length;
  const bytes = Buffer.allocUnsafe(most);
  let at = 0;
  for (const { place, value } of items) {
    const length = bytes.write(place, at + lengthBytes, 'utf8');
    at = bytes.writeUInt32BE(length, at) + length;
    at = bytes.writeUInt32BE(value.length, at);
    bytes.set(value, at);
    at += value.length;
  }
  return bytes.subarray(0, at);
}
