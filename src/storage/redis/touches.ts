/** Uses of elements, told to Redis once a second: an element read a thousand times is one touch. */
import type { RuntimePorts } from '../../runtime/ports.js';
import type { RedisConnection } from './connection.js';
import { lruMember, type RedisKeys } from './keys.js';

/** How late the order of eviction may be. */
export const touchIntervalMs = 1_000;
/** What is used beyond it within one interval counts as not used. */
const touchesMax = 20_000;
const touchesPerCallMax = 500;
const limitMs = 2_000;

export class Touches {
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;
  private readonly ports: RuntimePorts;
  /** By node and place. */
  private readonly waiting = new Map<string, Map<string, number>>();
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

  add(node: string, places: readonly string[]): void {
    const now = this.ports.clock.now();
    let uses = this.waiting.get(node);
    if (uses === undefined) {
      uses = new Map();
      this.waiting.set(node, uses);
    }
    const before = uses.size;
    for (const place of places) {
      if (this.size + uses.size - before < touchesMax || uses.has(place)) uses.set(place, now);
      else this.dropped += 1;
    }
    this.size += uses.size - before;
    this.cancel ??= this.ports.timers.after(touchIntervalMs, () => this.flush());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.waiting.clear();
    this.size = 0;
  }

  /** XX: what was evicted meanwhile does not come back as a name without an element. */
  private flush(): void {
    this.cancel = undefined;
    const pairs = [...this.waiting].flatMap(([node, uses]) =>
      [...uses].map(([place, at]) => [lruMember(node, place), at] as const),
    );
    this.waiting.clear();
    this.size = 0;
    for (let start = 0; start < pairs.length; start += touchesPerCallMax) {
      const part = pairs.slice(start, start + touchesPerCallMax);
      const scores = part.flatMap(([member, at]) => [at, member]);
      this.connection.call(
        limitMs,
        (redis) => redis.zadd(this.keys.lru, 'XX', 'GT', ...scores),
        (answer) => {
          if (answer.kind === 'failed') this.dropped += part.length;
        },
      );
    }
  }
}
