/**
 * Uses of elements, told to Redis once a second: an element read a thousand times is one touch. What is read together is
 * noted together, at the price of one, and looked into when it is told.
 */
import type { RuntimePorts } from '../../runtime/ports.js';
import type { RedisConnection } from './connection.js';
import { lruMember, type RedisKeys } from './keys.js';

/** How late the order of eviction may be. */
export const touchIntervalMs = 1_000;
/** What is used beyond it within one interval counts as not used. */
const touchesMax = 20_000;
const touchesPerCallMax = 500;
const limitMs = 2_000;

interface Use {
  readonly node: string;
  readonly places: readonly string[];
  /** Unix ms, the last time. */
  at: number;
}

export class Touches {
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;
  private readonly ports: RuntimePorts;
  /** By what they have in common. */
  private waiting = new Map<string, Use>();
  /** Places of all of them, counted as often as they are there. */
  private size = 0;
  private cancel: (() => void) | undefined;
  /** How many were not told: too many at once, or Redis was away. */
  dropped = 0;

  constructor({
    connection,
    keys,
    ports,
  }: {
    connection: RedisConnection;
    keys: RedisKeys;
    ports: RuntimePorts;
  }) {
    this.connection = connection;
    this.keys = keys;
    this.ports = ports;
  }

  /** Each of them by itself, since others may come with another company. */
  add(node: string, places: readonly string[]): void {
    for (const place of places) this.note(`${node} ${place}`, node, [place]);
  }

  /** Those of one range, in order: whoever reads it again asks for the very same. */
  addRange(node: string, places: readonly string[]): void {
    const [first] = places;
    if (first !== undefined) this.note(`${node} ${first} ${places.length}`, node, places);
  }

  private note(name: string, node: string, places: readonly string[]): void {
    const at = this.ports.clock.now();
    const use = this.waiting.get(name);
    if (use !== undefined) {
      use.at = at;
      return;
    }
    if (this.size + places.length > touchesMax) {
      this.dropped += places.length;
      return;
    }
    this.waiting.set(name, { node, places, at });
    this.size += places.length;
    this.cancel ??= this.ports.timers.after(touchIntervalMs, () => this.flush());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.waiting.clear();
    this.size = 0;
  }

  private flush(): void {
    this.cancel = undefined;
    const uses = this.waiting.values();
    this.waiting = new Map();
    this.size = 0;
    this.tell(uses);
  }

  /** Call by call, so that nothing else in this thread waits for all of them. */
  private tell(uses: Iterator<Use>): void {
    const scores: Array<number | string> = [];
    let count = 0;
    while (count < touchesPerCallMax) {
      const { value: use, done } = uses.next();
      if (done === true) break;
      for (const place of use.places) scores.push(use.at, lruMember(use.node, place));
      count += use.places.length;
    }
    if (count === 0) return;
    this.ports.turns.soon(() => this.tell(uses));
    // XX: what was evicted meanwhile does not come back as a name without an element.
    this.connection.call(
      limitMs,
      (redis) => redis.zadd(this.keys.lru, 'XX', 'GT', ...scores),
      (answer) => {
        if (answer.kind === 'failed') this.dropped += count;
      },
    );
  }
}
