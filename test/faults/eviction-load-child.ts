/** The process of eviction-load.ts: plays the load, then holds what is left in Redis against an exact order. */
import { Redis } from 'ioredis';
import { redisKeys } from '#src/storage/redis/keys.js';
import { ExactLru } from '#test/support/exact-lru.js';
import type { EvictedThen, EvictionLoadPlan, FromLoad, LoadVerdict, ToLoad } from './eviction-load.js';
import { nodes, SkewedLoad, type Told } from './skewed-load.js';

const plan = JSON.parse(process.argv[2] ?? '') as EvictionLoadPlan;
const load = new SkewedLoad(plan);
const tell = (message: FromLoad) => void process.send?.(message);

process.on('message', (message: ToLoad) => {
  void judge(message.evictions).then((verdict) => tell({ kind: 'judged', verdict }));
});
const begun = performance.now();
await load.run();
const seconds = (performance.now() - begun) / 1_000;
tell({ kind: 'written' });

async function judge(evictions: readonly EvictedThen[]): Promise<LoadVerdict> {
  const { left, halves } = await lookWhatIsLeft();
  const exact = replay(load.told, evictions, { hearsReads: true });
  const deaf = replay(load.told, evictions, { hearsReads: false });
  let evicted = 0;
  let evictedRightly = 0;
  let evictedDeafly = 0;
  for (const [element, insertions] of load.insertions.entries()) {
    const member = load.memberOf(element);
    const was = insertions - (left.has(member) ? 1 : 0);
    evicted += was;
    evictedRightly += Math.min(was, exact.get(member) ?? 0);
    evictedDeafly += Math.min(was, deaf.get(member) ?? 0);
  }
  return {
    ...{ elementsWritten: load.insertions.length, bytesWritten: load.bytesWritten, seconds },
    ...{ reads: load.reads, misses: load.misses, touchesDropped: load.mirror.counts.touchesDropped },
    puts: load.told.filter(({ kind }) => kind !== 'touched').length,
    ...{ evicted, evictedRightly, evictedDeafly, halves, faults: load.faults },
  };
}

async function lookWhatIsLeft(): Promise<{ left: Set<string>; halves: number }> {
  const redis = new Redis(plan.url);
  const keys = redisKeys(plan.prefix);
  const left = new Set(await redis.zrange(keys.lru, 0, '-1'));
  let halves = left.size;
  for (const { name } of nodes) {
    for (const place of await redis.hkeys(keys.cache(name))) halves += left.has(`${name} ${place}`) ? -1 : 1;
  }
  redis.disconnect();
  return { left, halves };
}

/**
 * How often an exact order would have evicted each, had it heard the same uses at the same times. One that hears of no
 * reads is filled again with what was read and is not there.
 */
function replay(
  told: readonly Told[],
  evictions: readonly EvictedThen[],
  { hearsReads }: { hearsReads: boolean },
): Map<string, number> {
  const order = new ExactLru();
  const evicted = new Map<string, number>();
  let next = 0;
  const evictUntil = (at: number): void => {
    for (let one = evictions[next]; one !== undefined && one.at < at; one = evictions[next]) {
      for (const name of order.evict(one.count)) evicted.set(name, (evicted.get(name) ?? 0) + 1);
      next += 1;
    }
  };
  for (const step of told) {
    evictUntil(step.at);
    if (step.kind === 'inserted') {
      for (let index = 0; index < step.count; index += 1)
        order.insert(load.memberOf(step.first + index), step.at);
      continue;
    }
    for (const [element, usedAt] of step.elements) {
      const name = load.memberOf(element);
      const isMiss = step.kind === 'inserted again' || (!hearsReads && !order.has(name));
      if (isMiss) order.insert(name, usedAt);
      else if (hearsReads) order.touch(name, usedAt);
    }
  }
  evictUntil(Number.POSITIVE_INFINITY);
  return evicted;
}
