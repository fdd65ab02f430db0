/**
 * What the shards refused for good. A shard tells every front before anybody hears of it, and each front tells the
 * shard's successor before anything else: so a copy of the operation that is still on its way when the shard dies
 * gets the same answer, whichever front it comes by (P7). Nothing is looked up here, and acks do not come this way.
 */
import type { Clock } from '../runtime/ports.js';
import { operationKey, type Recollection, type Refused, refusedLimits } from '../threads/messages.js';

/** Refusals in one message: it must not fill a link. */
const refusedPerMessage = 100;

export class Refusals {
  /** By shard and operation: a shard that finds that a front knows too little tells it all. */
  private readonly byShard = new Map<number, Map<string, Refused>>();
  private readonly front: number;
  private readonly clock: Clock;

  constructor(front: number, clock: Clock) {
    this.front = front;
    this.clock = clock;
  }

  remember(shard: number, refused: Refused): void {
    let known = this.byShard.get(shard);
    if (known === undefined) {
      known = new Map();
      this.byShard.set(shard, known);
    }
    known.set(operationKey(refused), refused);
    this.prune(known);
  }

  /** What a shard that has just started must know, and that this is all: at least one message. */
  recollections(shard: number): Recollection[] {
    const known = this.byShard.get(shard) ?? new Map<string, Refused>();
    this.prune(known);
    const refused = [...known.values()];
    const { front } = this;
    const messages: Recollection[] = [];
    for (let first = 0; messages.length === 0 || first < refused.length; first += refusedPerMessage) {
      const end = first + refusedPerMessage;
      const part = refused.slice(first, end);
      messages.push({ kind: 'recollection', front, refused: part, isLast: end >= refused.length });
    }
    return messages;
  }

  /** The shard promises no more than the limit, and forgets no later than this: what it still holds to stays. */
  private prune(known: Map<string, Refused>): void {
    const oldest = this.clock.now() - refusedLimits.keepMs;
    for (const [key, { at }] of known) {
      if (at > oldest && known.size <= refusedLimits.itemsMax) return;
      known.delete(key);
    }
  }
}
