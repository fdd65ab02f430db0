import { randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { directConversationId } from '#src/ids.js';
import { createPlacement, virtualShardCount, virtualShardOf } from '#src/threads/placement.js';

/** Chi-square of the counts against an even spread; 255 degrees of freedom: above 350 once in 25,000 fair tries. */
function unevenness(ids: Iterable<string>): number {
  const counts = new Array<number>(virtualShardCount).fill(0);
  let total = 0;
  for (const id of ids) {
    const virtual = virtualShardOf(id);
    counts[virtual] = (counts[virtual] ?? 0) + 1;
    total += 1;
  }
  const expected = total / virtualShardCount;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('placement', () => {
  test('ids of every kind spread evenly over the virtual shards', () => {
    const made = (make: (index: number) => string) =>
      Array.from({ length: 50_000 }, (_, index) => make(index));
    const hex = (index: number) => index.toString(16).padStart(12, '0');
    expect(unevenness(made(() => uuidv7()))).toBeLessThan(350);
    expect(unevenness(made(() => randomUUID()))).toBeLessThan(350);
    expect(unevenness(made((index) => directConversationId('a', `b${index}`)))).toBeLessThan(350);
    // Not random at all: a counter in the last places, or only the time in the first ones.
    expect(unevenness(made((index) => `01890a5d-ac96-774b-bcce-${hex(index)}`))).toBeLessThan(350);
    expect(unevenness(made((index) => `${hex(index).slice(4)}-ac96-774b-bcce-b302099a8057`))).toBeLessThan(
      350,
    );
    expect(unevenness(made((index) => `user-${index}`))).toBeLessThan(350);
    // The measure itself must see an uneven spread.
    expect(unevenness(made((index) => `user-${index % 200}`))).toBeGreaterThan(350);
  });

  test('the hash never changes: what is stored would belong to another shard', () => {
    expect(
      ['', 'a', '018f2b6e-7c1a-7def-8abc-0123456789ab', '01890a5d-ac96-774b-bcce-b302099a8057'].map(
        virtualShardOf,
      ),
    ).toEqual(pinned);
  });

  test('each thread gets an even share, and an id always the same one', () => {
    const placement = createPlacement({ shards: [4, 9, 11] });
    expect(placement.count).toBe(3);
    const counts = [0, 0, 0];
    for (let index = 0; index < 30_000; index += 1) {
      const id = uuidv7();
      const thread = placement.shardOf(id);
      expect(placement.shardOf(id)).toBe(thread);
      expect(placement.numberOf(id)).toBe([4, 9, 11][thread]);
      counts[thread] = (counts[thread] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(9_400);
  });

  test('the map is data: only the virtual shards it moves change their thread', () => {
    const even = Array.from({ length: virtualShardCount }, (_, virtual) => virtual % 2);
    const moved = even.map((thread, virtual) => (virtual < 10 ? 2 : thread));
    const before = createPlacement({ shards: [0, 1], virtualShards: even });
    const after = createPlacement({ shards: [2, 3, 4], virtualShards: moved });
    for (let index = 0; index < 5_000; index += 1) {
      const id = uuidv7();
      expect(after.shardOf(id)).toBe(virtualShardOf(id) < 10 ? 2 : before.shardOf(id));
      expect(after.numberOf(id)).toBe(after.shardOf(id) + 2);
    }
    expect(createPlacement({ shards: [0, 1] }).shardOf('x')).toBe(before.shardOf('x'));
  });

  test('a map that makes no sense is refused', () => {
    expect(() => createPlacement({ shards: [] })).toThrow('needs a shard');
    expect(() => createPlacement({ shards: [1, 1] })).toThrow('twice');
    expect(() => createPlacement({ shards: [1], virtualShards: [0] })).toThrow('256');
    expect(() => createPlacement({ shards: [1], virtualShards: new Array(256).fill(1) })).toThrow('thread 1');
  });
});

/** As the first version computed them. */
const pinned = [197, 237, 41, 194];
