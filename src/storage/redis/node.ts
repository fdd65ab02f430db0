/**
 * This server among those that share a Redis: a key that lives as long as it does. The first one there begins with an
 * empty tier, by nubo's prefix only; one that joins others keeps what they have.
 */
import type { Redis } from 'ioredis';
import type { Timers } from '../../runtime/ports.js';
import type { Failed } from '../ports.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { pagesOf, removeKeys } from './reset.js';

export type Claimed =
  /** `removed`: keys of earlier servers. */
  | { readonly kind: 'claimed'; readonly isFirst: true; readonly removed: number }
  | { readonly kind: 'claimed'; readonly isFirst: false }
  /** Servers of another database use the same prefix: nothing may be written here. */
  | { readonly kind: 'foreign' }
  | Failed;

/** A server that died without a word counts as there for so long. */
const lifeSeconds = 10;
const beatMs = 3_000;
const beatLimitMs = 1_000;
/** A database with millions of keys takes a while to look through. */
const claimMs = 30_000;

export class RedisNode {
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;
  private readonly timers: Timers;
  private readonly database: string;
  private readonly key: string;
  private cancel = () => {};
  private isClaimed = false;

  /**
   * @param options.server names this process: a UUID made at its start
   * @param options.database names the database whose mirror this is
   */
  constructor(options: {
    connection: RedisConnection;
    keys: RedisKeys;
    server: string;
    database: string;
    timers: Timers;
  }) {
    this.connection = options.connection;
    this.keys = options.keys;
    this.timers = options.timers;
    this.database = options.database;
    this.key = options.keys.node(options.server);
  }

  /** Once, before anything is written; `failed`: not claimed, to be asked again when Redis is there. */
  claim(done: (result: Claimed) => void): void {
    this.connection.call(
      claimMs,
      (redis) => this.takePlace(redis),
      (answer) => {
        if (answer.kind === 'failed') return done(answer);
        if (answer.value.kind === 'claimed' && !this.isClaimed) {
          this.isClaimed = true;
          this.beatLater();
        }
        done(answer.value);
      },
    );
  }

  /** The next server to start is the first one again, if no other is left. */
  release(done: (result: { kind: 'released' } | Failed) => void): void {
    this.isClaimed = false;
    this.cancel();
    this.connection.call(
      beatLimitMs,
      (redis) => redis.del(this.key),
      (answer) => done(answer.kind === 'failed' ? answer : { kind: 'released' }),
    );
  }

  /** One's own key is there before one looks: of two that start at once, none takes the other for absent. */
  private async takePlace(redis: Redis): Promise<Claimed> {
    await this.beat(redis);
    const { keys, key } = this;
    for await (const found of pagesOf(redis, keys.node(''))) {
      const others = found.filter((other) => other !== key);
      if (others.length === 0) continue;
      const databases = (await redis.mget(...others)).filter((database) => database !== null);
      if (databases.every((database) => database === this.database))
        return { kind: 'claimed', isFirst: false };
      await redis.del(key);
      return { kind: 'foreign' };
    }
    return {
      kind: 'claimed',
      isFirst: true,
      removed: await removeKeys(redis, keys.prefix, keys.node('')),
    };
  }

  private beat(redis: Redis): Promise<unknown> {
    return redis.set(this.key, this.database, 'EX', lifeSeconds);
  }

  private beatLater(): void {
    this.cancel = this.timers.after(beatMs, () => {
      // Whatever comes of it: a Redis that is away or was wiped hears the next one.
      this.connection.call(
        beatLimitMs,
        (redis) => this.beat(redis),
        () => {},
      );
      this.beatLater();
    });
  }
}
