/** What slower tiers had, on its way into Redis: nobody waits for it, one call at a time, and no more than fits. */
import type { Change } from '../../entities/entity.js';
import type { Turns } from '../../runtime/ports.js';
import { placeOf } from '../tiers/place.js';
import type { AsOf } from '../tiers/ports.js';

const fillsMax = 5_000;
const fillsPerCallMax = 500;

type Put = (changes: readonly Change[], asOf: AsOf | undefined, done: (isDone: boolean) => void) => void;

interface Waiting {
  readonly change: Change;
  readonly asOf: AsOf | undefined;
}

export class Fills {
  private readonly put: Put;
  private readonly turns: Turns;
  private readonly waiting = new Map<string, Waiting>();
  private isUnderWay = false;
  /** How many found no room, or no Redis. */
  dropped = 0;

  constructor({ put, turns }: { put: Put; turns: Turns }) {
    this.put = put;
    this.turns = turns;
  }

  add(changes: readonly Change[], asOf: AsOf | undefined): void {
    for (const change of changes) {
      const place = placeOf(change);
      if (place === undefined) continue;
      const name = `${change.entity.name} ${place}`;
      const other = this.waiting.get(name);
      if (other === undefined && this.waiting.size >= fillsMax) this.dropped += 1;
      else if (other === undefined || other.change.version < change.version)
        this.waiting.set(name, { change, asOf });
    }
    if (!this.isUnderWay && this.waiting.size > 0) {
      this.isUnderWay = true;
      // What comes in the same turn goes along.
      this.turns.soon(() => this.next());
    }
  }

  private next(): void {
    const part: Change[] = [];
    let asOf: AsOf | undefined;
    for (const [name, next] of this.waiting) {
      if (part.length >= fillsPerCallMax) break;
      // A call is as of the oldest of it; what is of another source, or of none, goes with the next.
      if (part.length > 0 && next.asOf?.source !== asOf?.source) continue;
      if (part.length === 0 || (asOf && next.asOf && next.asOf.batch < asOf.batch)) asOf = next.asOf;
      part.push(next.change);
      this.waiting.delete(name);
    }
    if (part.length === 0) {
      this.isUnderWay = false;
      return;
    }
    this.put(part, asOf, (isDone) => {
      if (!isDone) {
        // Redis is away: what still waits would be old when it is back.
        this.dropped += part.length + this.waiting.size;
        this.waiting.clear();
      }
      this.next();
    });
  }
}
