/** The memory of Redis, and how the elements used longest ago leave it: whatever node they are of, in one script. */
import type { Failed } from '../ports.js';
import type { Evictable, Usage } from '../tiers/ports.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { runScript, script } from './script.js';

/** A Redis that is silent for longer is away. */
const limitMs = 2_000;

/**
 * KEYS: the LRU. ARGV: how many, and what the keys of nodes begin with. Returns node, count, node, count …
 * `pcall`: a node that somebody made something else of must not keep the others from being emptied, for what was
 * popped is in the LRU no more. One HDEL takes what Lua can unpack at once.
 */
const evictScript = script(`
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
return answer
`);

export class RedisEviction implements Evictable {
  readonly name = 'redis';
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;

  constructor({ connection, keys }: { connection: RedisConnection; keys: RedisKeys }) {
    this.connection = connection;
    this.keys = keys;
  }

  usage(done: Parameters<Evictable['usage']>[0]): void {
    this.connection.call(
      limitMs,
      // A key of another type holds no elements; evicting says what is wrong with it.
      (redis) => Promise.all([redis.info('memory'), redis.zcard(this.keys.lru).catch(() => 0)]),
      (answer) => done(answer.kind === 'failed' ? answer : usageOf(...answer.value)),
    );
  }

  evict(count: number, done: Parameters<Evictable['evict']>[1]): void {
    const { lru, cache } = this.keys;
    this.connection.call(
      limitMs,
      (redis) => runScript(redis, evictScript, [lru], [count, cache('')]),
      (answer) =>
        done(answer.kind === 'failed' ? answer : { kind: 'evicted', byNode: byNodeOf(answer.value) }),
    );
  }
}

/** @param info what INFO says of memory, a line `name:value` each */
export function usageOf(info: string, elements: number): Usage | Failed {
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  const usedBytes = read('used_memory');
  if (Number.isNaN(usedBytes))
    return { kind: 'failed', message: 'INFO does not say how much memory is used' };
  const limitBytes = [read('maxmemory'), read('total_system_memory')].find((bytes) => bytes > 0);
  return { kind: 'usage', usedBytes, limitBytes, elements };
}

function byNodeOf(answer: unknown): Map<string, number> {
  const counts: unknown[] = Array.isArray(answer) ? answer : [];
  const byNode = new Map<string, number>();
  for (let index = 0; index + 1 < counts.length; index += 2)
    byNode.set(String(counts[index]), Number(counts[index + 1]));
  return byNode;
}
