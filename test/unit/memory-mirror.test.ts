import { expect, test } from 'vitest';
import { MemoryMirror } from '#src/storage/memory/mirror.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import { mirrorContract } from '../contract/tier.js';
import { changeOf, MirrorAsker, pairs, sampleFields, samples } from '../support/mirrors.js';

const turns = { soon: (run: () => void) => void setImmediate(run) };
const limitBytes = 4_000_000;

mirrorContract({
  name: 'memory',
  findsMessagesById: false,
  takesAnyKey: true,
  async open() {
    const mirror = new MemoryMirror({ limitBytes, turns });
    return { mirror, wipe: async () => mirror.wipe(), close: async () => {} };
  },
});

const usageOf = (mirror: Evictable) =>
  new Promise<Parameters<Parameters<Evictable['usage']>[0]>[0]>((resolve) => mirror.usage(resolve));
const evict = (mirror: Evictable, count: number) =>
  new Promise<Parameters<Parameters<Evictable['evict']>[1]>[0]>((resolve) => mirror.evict(count, resolve));

test('what was used longest ago leaves the memory first, by itself or when told to', async () => {
  const mirror = new MemoryMirror({ limitBytes, turns });
  const asker = new MirrorAsker(mirror);
  const all = Array.from({ length: 6 }, () => sampleFields({ label: 'x'.repeat(900_000) }));
  const ids = all.map(({ id }) => String(id));
  const here = async () => (await asker.elements(samples, ids)).map((element) => element !== undefined);
  await asker.put(all.slice(0, 4).map((fields) => changeOf(samples, fields, 1)));
  await asker.elements(samples, [ids[0] ?? '']);
  await asker.put(all.slice(4, 5).map((fields) => changeOf(samples, fields, 1)));
  expect(await here()).toEqual([true, false, true, true, true, false]);
  const usage = await usageOf(mirror);
  if (usage.kind === 'failed') throw new Error(usage.message);
  expect(usage.limitBytes).toBe(limitBytes);
  expect(usage.usedBytes).toBeGreaterThan(3_600_000);
  expect(usage.usedBytes).toBeLessThanOrEqual(limitBytes);
  await asker.put([changeOf(pairs, { left: ids[0], right: 'r', weight: 1 }, 1)]);
  expect(await evict(mirror, 3)).toEqual({ kind: 'evicted', byNode: new Map([['samples', 3]]) });
  expect(await here()).toEqual([false, false, false, false, true, false]);
  expect(await evict(mirror, 3)).toEqual({
    kind: 'evicted',
    byNode: new Map([
      ['pairs', 1],
      ['samples', 1],
    ]),
  });
  expect(await usageOf(mirror)).toMatchObject({ usedBytes: 0 });
});
