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
  private readonly waiting = new Map<string, number>();
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
    for (const place of places) {
      const member = lruMember(node, place);
      if (this.waiting.size >= touchesMax && !this.waiting.has(member)) this.dropped += 1;
      else this.waiting.set(member, now);
    }
    this.cancel ??= this.ports.timers.after(touchIntervalMs, () => this.flush());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.waiting.clear();
  }

  /** XX: what was evicted meanwhile does not come back as a name without an element. */
  private flush(): void {
    this.cancel = undefined;
    const pairs = [...this.waiting];
    this.waiting.clear();
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
