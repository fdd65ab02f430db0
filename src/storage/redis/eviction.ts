/** The memory of Redis, and how the elements used longest ago leave it: whatever node they are of, in one script. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Failed } from '../ports.js';
import type { Evictable } from '../tiers/ports.js';

/**
 * KEYS: the LRU. ARGV: how many, and what the keys of nodes begin with. Answers node, count, node, count …
 * `pcall`: a node that somebody made something else of must not keep the others from being emptied, for what was
 * popped is in the LRU no more. One HDEL takes what Lua can unpack at once.
 */
const script = `
local popped = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
local nodes, elementsOf = {}, {}
for index = 1, #popped, 2 do
  local member = popped[index]
  local space = string.find(member, ' ', 1, true)
  if space then
    local node = string.sub(member, 1, space - 1)
    local elements = elementsOf[node]
    if not elements then
      elements = {}
      elementsOf[node] = elements
      nodes[#nodes + 1] = node
    end
    elements[#elements + 1] = string.sub(member, space + 1)
  end
end
local answer = {}
for _, node in ipairs(nodes) do
  local elements = elementsOf[node]
  for from = 1, #elements, 1000 do
    redis.pcall('HDEL', ARGV[2] .. node, unpack(elements, from, math.min(from + 999, #elements)))
  end
  answer[#answer + 1] = node
  answer[#answer + 1] = #elements
end
return answer`;

const digest = createHash('sha1').update(script).digest('hex');
const countsByNode = z.array(z.union([z.string(), z.number()]));

/** What is needed of a connection; its commands may be answered late, but each of them is. */
export type EvictionConnection = Pick<Redis, 'info' | 'evalsha' | 'eval'>;

export class RedisEviction implements Evictable {
  readonly name = 'redis';
  private readonly redis: EvictionConnection;
  private readonly prefix: string;

  /** @param prefix of every key of nubo, as in `nubo:` */
  constructor(redis: EvictionConnection, prefix: string) {
    this.redis = redis;
    this.prefix = prefix;
  }

  usage(done: Parameters<Evictable['usage']>[0]): void {
    this.redis.info('memory').then(
      (text) => setImmediate(done, usageOf(text)),
      (error: unknown) => setImmediate(done, failed(error)),
    );
  }

  evict(count: number, done: Parameters<Evictable['evict']>[1]): void {
    const keys = [`${this.prefix}lru`, count, `${this.prefix}cache:`] as const;
    this.redis
      .evalsha(digest, 1, ...keys)
      // A Redis that was started again, or flushed, does not know the script yet.
      .catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT'))
          return this.redis.eval(script, 1, ...keys);
        throw error;
      })
      .then((answer) => ({ kind: 'evicted' as const, byNode: byNodeOf(countsByNode.parse(answer)) }))
      .then(
        (result) => setImmediate(done, result),
        (error: unknown) => setImmediate(done, failed(error)),
      );
  }
}

/** @param info what INFO says of memory, a line `name:value` each */
export function usageOf(
  info: string,
): { kind: 'usage'; usedBytes: number; limitBytes: number | undefined } | Failed {
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  const usedBytes = read('used_memory');
  if (Number.isNaN(usedBytes))
    return { kind: 'failed', message: 'INFO does not say how much memory is used' };
  const limitBytes = [read('maxmemory'), read('total_system_memory')].find((bytes) => bytes > 0);
  return { kind: 'usage', usedBytes, limitBytes };
}

function byNodeOf(answer: ReadonlyArray<string | number>): Map<string, number> {
  const byNode = new Map<string, number>();
  for (let index = 0; index + 1 < answer.length; index += 2)
    byNode.set(String(answer[index]), Number(answer[index + 1]));
  return byNode;
}

function failed(error: unknown): Failed {
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}
