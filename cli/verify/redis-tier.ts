/** The elements of Redis for `nubo verify`, and whether each is in the LRU if and only if it is in its hash. */
import type { Redis } from 'ioredis';
import type { Entity } from '#src/entities/entity.js';
import { entities } from '#src/entities/index.js';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { snapshots } from '#src/entities/snapshots.js';
import { decodeElement, decodeEvent, type Unreadable } from '#src/storage/redis/codec.js';
import { lruMember, type RedisKeys, redisKeys } from '#src/storage/redis/keys.js';
import { pagesOf } from '#src/storage/redis/reset.js';
import { redisSentence } from '#src/storage/redis/sentences.js';
import type { Element } from '#src/storage/tiers/ports.js';
import type { Found } from './compare.js';
import { connectRedis } from './redis-client.js';
import { type FoundPage, Unreachable, type VerifiedTier } from './tier.js';

/** An element may be a megabyte. */
const placesMax = 50;
const scanCount = 100;
const unreadable: Readonly<Record<Unreadable, string>> = {
  foreign: 'is no value of nubo',
  shape: 'was written by a version of nubo that declares it otherwise',
};

/** Of the log, up to a seq of their own: Postgres has nothing to compare them with, and they are checked when used. */
const unverified = snapshots.name;

interface Node {
  readonly entity: Entity;
  readonly key: string;
  readonly count: number;
}

export class RedisTier implements VerifiedTier {
  readonly name = 'redis';
  readonly isWhole = false;
  private readonly redis: Redis;
  private readonly keys: RedisKeys;

  private constructor(redis: Redis, keys: RedisKeys) {
    this.redis = redis;
    this.keys = keys;
  }

  /** @throws Unreachable */
  static async open(url: string, prefix: string): Promise<RedisTier> {
    return new RedisTier(await connectRedis(url), redisKeys(prefix));
  }

  async count(): Promise<number> {
    const { nodes } = await this.nodes();
    return nodes.reduce((sum, { count }) => sum + count, 0) + (await this.lruCount());
  }

  async *pages(wanted: number): AsyncGenerator<FoundPage> {
    const { nodes, strays } = await this.nodes();
    const lruCount = await this.lruCount();
    const all = nodes.reduce((sum, { count }) => sum + count, 0) + lruCount;
    const shareOf = (count: number) =>
      wanted >= all ? Number.POSITIVE_INFINITY : Math.ceil((wanted * count) / all);
    yield { found: [], strays, rows: 0 };
    for (const { entity, key, count } of nodes) {
      const share = shareOf(count);
      const places = share < count ? this.random(key, 'hash', share) : this.scanned(key, 'hash');
      for await (const page of places) yield { found: await this.look(entity, page), rows: page.length };
    }
    const share = shareOf(lruCount);
    const members =
      share < lruCount ? this.random(this.keys.lru, 'zset', share) : this.scanned(this.keys.lru, 'zset');
    for await (const page of members) yield await this.lookAtMembers(page);
  }

  async look(entity: Entity, keys: readonly unknown[]): Promise<Found[]> {
    const places = keys as readonly string[];
    const found: Found[] = [];
    for (let start = 0; start < places.length; start += placesMax) {
      const part = places.slice(start, start + placesMax);
      const members = part.map((place) => lruMember(entity.name, place));
      // Of one moment: else what is written or evicted in between would seem to be an orphan.
      const [values, scores] = await this.ask(async (redis) => {
        const answers = await redis
          .multi()
          .hmgetBuffer(this.keys.cache(entity.name), ...part)
          .zmscore(this.keys.lru, ...members)
          .exec();
        return (answers ?? []).map(([error, answer]) => {
          if (error !== null) throw error;
          return answer;
        }) as [Array<Buffer | null>, Array<string | null>];
      });
      part.forEach((place, index) => {
        found.push(foundOf(entity, place, values[index] ?? null, typeof scores[index] === 'string'));
      });
    }
    return found;
  }

  keyOf(_entity: Entity, id: string): string {
    return id;
  }

  async position(source: string): Promise<number | undefined> {
    const text = await this.ask((redis) => redis.hget(this.keys.positions, source));
    return text === null ? undefined : Number(text);
  }

  async close(): Promise<void> {
    this.redis.disconnect();
  }

  private async nodes(): Promise<{ nodes: Node[]; strays: string[] }> {
    const nodes = new Map<string, Node>();
    const strays = new Set<string>();
    await this.ask(async (redis) => {
      for await (const keys of pagesOf(redis, this.keys.cache(''))) {
        for (const key of keys) {
          if (key === this.keys.cache(unverified)) continue;
          const entity = entities.find(({ name }) => this.keys.cache(name) === key);
          const type = await redis.type(key);
          if (entity === undefined) strays.add(`${key} is of no entity that this version of nubo has`);
          else if (type === 'hash') nodes.set(key, { entity, key, count: await redis.hlen(key) });
          else if (type !== 'none') strays.add(`${key} is a ${type}, and should be a hash`);
        }
      }
      const type = await redis.type(this.keys.lru);
      if (type !== 'zset' && type !== 'none')
        strays.add(`${this.keys.lru} is a ${type}, and should be a zset`);
    });
    return { nodes: [...nodes.values()], strays: [...strays] };
  }

  private async lruCount(): Promise<number> {
    return this.ask(async (redis) =>
      (await redis.type(this.keys.lru)) === 'zset' ? redis.zcard(this.keys.lru) : 0,
    );
  }

  private async *scanned(key: string, kind: 'hash' | 'zset'): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
      const at = cursor;
      const [next, pairs] = await this.ask(async (redis) => {
        if ((await redis.type(key)) !== kind) return ['0', []] as [string, string[]];
        return kind === 'hash'
          ? redis.hscan(key, at, 'COUNT', scanCount)
          : redis.zscan(key, at, 'COUNT', scanCount);
      });
      const names = pairs.filter((_pair, index) => index % 2 === 0);
      if (names.length > 0) yield names;
      cursor = next;
    } while (cursor !== '0');
  }

  /** Redis draws them: what was drawn before is left out. */
  private async *random(key: string, kind: 'hash' | 'zset', wanted: number): AsyncGenerator<string[]> {
    const seen = new Set<string>();
    const draws = Math.ceil((3 * wanted) / scanCount) + 1;
    for (let draw = 0; draw < draws && seen.size < wanted; draw += 1) {
      const drawn = await this.ask((redis) =>
        kind === 'hash' ? redis.hrandfield(key, scanCount) : redis.zrandmember(key, scanCount),
      );
      const names = (Array.isArray(drawn) ? drawn.map(String) : [])
        .filter((name) => !seen.has(name))
        .slice(0, wanted - seen.size);
      for (const name of names) seen.add(name);
      if (names.length > 0) yield names;
    }
  }

  /** By the LRU: what is not in its hash is found here only. */
  private async lookAtMembers(members: readonly string[]): Promise<FoundPage> {
    const byEntity = new Map<Entity, string[]>();
    const strays: string[] = [];
    for (const member of members) {
      const space = member.indexOf(' ');
      if (member.slice(0, space) === unverified) continue;
      const entity = entities.find(({ name }) => space > 0 && name === member.slice(0, space));
      if (entity === undefined) {
        strays.push(`the entry "${member.slice(0, 100)}" of ${this.keys.lru} is of no entity`);
        continue;
      }
      const places = byEntity.get(entity) ?? [];
      places.push(member.slice(space + 1));
      byEntity.set(entity, places);
    }
    const found: Found[] = [];
    for (const [entity, places] of byEntity) {
      const key = this.keys.cache(entity.name);
      const lengths = await this.ask(async (redis) => {
        const pipeline = redis.pipeline();
        for (const place of places) pipeline.hexists(key, place);
        return (await pipeline.exec()) ?? [];
      });
      const orphans = places.filter((_place, index) => lengths[index]?.[1] === 0);
      if (orphans.length > 0) found.push(...(await this.look(entity, orphans)));
    }
    return { found, strays, rows: members.length };
  }

  private async ask<Value>(call: (redis: Redis) => Promise<Value>): Promise<Value> {
    try {
      return await call(this.redis);
    } catch (error) {
      throw new Unreachable(redisSentence(error));
    }
  }
}

function foundOf(entity: Entity, place: string, value: Buffer | null, isInLru: boolean): Found {
  const base = { entity, key: place, name: place, id: place, element: undefined };
  if (value === null) {
    return isInLru ? { ...base, trouble: 'has an entry in the LRU, and is not in its hash' } : base;
  }
  const element = elementOf(entity, place, value);
  if (typeof element === 'string') return { ...base, trouble: unreadable[element] };
  const found = { ...base, id: element.id, element };
  return isInLru ? found : { ...found, trouble: 'has no entry in the LRU: it would never be evicted' };
}

/** Messages are at their place in the conversation, all others at their id. */
function elementOf(entity: Entity, place: string, value: Buffer): Element | Unreadable {
  if (entity.name !== messages.name) return decodeElement(entity, place, value);
  const [conv = '', seq] = place.split(':');
  const event = decodeEvent({ conv, seq: Number(seq) }, value);
  if (typeof event === 'string') return event;
  const version = Number(value.readBigUInt64BE(0));
  return event === undefined ? { id: place, version, fields: undefined } : changeOfEvent(event, version);
}
