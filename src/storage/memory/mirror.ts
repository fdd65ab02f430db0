/**
 * A tier in the process, for who runs without Redis: elements used longest ago leave when its bytes are spent. It
 * begins empty with every start, and ends with the thread, so it is never behind anybody.
 */
import { LRUCache } from 'lru-cache';
import { type Change, type Entity, mirroredFields } from '../../entities/entity.js';
import { eventOfFields, messages } from '../../entities/messages.js';
import type { Turns } from '../../runtime/ports.js';
import type { LogEvent } from '../../wire/events.js';
import {
  elementBytesMax,
  pickFields,
  placeOf,
  placesOfRange,
  rememberPerEntity,
  tooLarge,
  withoutPlace,
} from '../tiers/place.js';
import type { AsOf, Element, Evictable, Mirror, MirrorStep, Poisoned } from '../tiers/ports.js';
import { byteEstimate } from './byte-estimate.js';

interface Held extends Element {
  readonly node: string;
}

/** An entry of the cache itself: its key, its place in two lists, its size. */
const entryBytes = 150;

const keyOf = (node: string, place: string) => `${node} ${place}`;
const namesOf = rememberPerEntity(mirroredFields);

export class MemoryMirror implements Mirror, Evictable {
  readonly name = 'memory';
  readonly isWhole = false;
  private readonly turns: Turns;
  private readonly held: LRUCache<string, Held>;
  private readonly positions = new Map<string, number>();

  /** @param limitBytes what the elements may take of the heap, as far as it can be estimated */
  constructor({ limitBytes, turns }: { limitBytes: number; turns: Turns }) {
    this.turns = turns;
    this.held = new LRUCache({ maxSize: limitBytes });
  }

  /** For metrics; bytes as far as they can be estimated. */
  get size(): { readonly elements: number; readonly bytes: number } {
    return { elements: this.held.size, bytes: this.held.calculatedSize };
  }

  events(range: Parameters<Mirror['events']>[0], done: Parameters<Mirror['events']>[1]): void {
    const events: LogEvent[] = [];
    for (const place of placesOfRange(range)) {
      const fields = this.held.get(keyOf(messages.name, place))?.fields;
      const event = fields && eventOfFields(fields);
      if (event === undefined) return this.turns.soon(() => done({ kind: 'absent' }));
      events.push(event);
    }
    this.turns.soon(() => done({ kind: 'events', events }));
  }

  get(entity: Entity, ids: readonly string[], done: Parameters<Mirror['get']>[2]): void {
    const elements = ids.map((id): Element | undefined => {
      const held = this.held.get(keyOf(entity.name, id));
      return held && { id, version: held.version, fields: held.fields };
    });
    this.turns.soon(() => done({ kind: 'elements', elements }));
  }

  fill(changes: readonly Change[], asOf?: AsOf): void {
    if (asOf !== undefined && !((this.positions.get(asOf.source) ?? Number.NaN) <= asOf.batch)) return;
    this.takeAll(changes);
  }

  position(source: string, done: Parameters<Mirror['position']>[1]): void {
    const position = this.positions.get(source);
    this.turns.soon(() => done({ kind: 'position', position }));
  }

  apply({ source, from, to, changes }: MirrorStep, done: Parameters<Mirror['apply']>[1]): void {
    const stands = this.positions.get(source);
    if (stands !== from && stands !== to) return this.turns.soon(() => done({ kind: 'lost' }));
    const poisoned = this.takeAll(changes);
    this.positions.set(source, to);
    this.turns.soon(() => done({ kind: 'applied', poisoned }));
  }

  put(changes: readonly Change[], done: Parameters<Mirror['put']>[1]): void {
    const poisoned = this.takeAll(changes);
    this.turns.soon(() => done({ kind: 'applied', poisoned }));
  }

  clear(done: Parameters<Mirror['clear']>[0]): void {
    this.held.clear();
    this.turns.soon(() => done({ kind: 'cleared' }));
  }

  usage(done: Parameters<Evictable['usage']>[0]): void {
    const { calculatedSize: usedBytes, maxSize: limitBytes } = this.held;
    this.turns.soon(() => done({ kind: 'usage', usedBytes, limitBytes }));
  }

  evict(count: number, done: Parameters<Evictable['evict']>[1]): void {
    const byNode = new Map<string, number>();
    for (let evicted = 0; evicted < count; evicted += 1) {
      const node = this.held.pop()?.node;
      if (node === undefined) break;
      byNode.set(node, (byNode.get(node) ?? 0) + 1);
    }
    this.turns.soon(() => done({ kind: 'evicted', byNode }));
  }

  /** Everything is lost, as when the thread starts again: for tests and simulations. */
  wipe(): void {
    this.held.clear();
    this.positions.clear();
  }

  private takeAll(changes: readonly Change[]): Poisoned[] {
    const poisoned: Poisoned[] = [];
    for (const change of changes) {
      const message = this.take(change);
      if (message !== undefined) poisoned.push({ change, message });
    }
    return poisoned;
  }

  /** @returns why it cannot be held */
  private take(change: Change): string | undefined {
    const place = placeOf(change);
    if (place === undefined) return withoutPlace(change);
    const { entity, id, version } = change;
    const key = keyOf(entity.name, place);
    const stored = this.held.peek(key);
    const fields = change.fields && pickFields(namesOf(entity), change.fields);
    const size = entryBytes + key.length + byteEstimate(fields);
    if (size > elementBytesMax) {
      if (stored !== undefined && stored.version < version) this.held.delete(key);
      return tooLarge(change, size);
    }
    if (stored === undefined || stored.version < version) {
      this.held.set(key, { id, version, fields, node: entity.name }, { size });
    }
    return undefined;
  }
}
