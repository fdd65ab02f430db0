import { expect, test } from 'vitest';
import { live } from './life.js';
import { plants } from './plants.js';

test('C6 C9 some random histories: devices that were away show what the one shows that never left', {
  timeout: 120_000,
}, async () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const { violations, comparisons } = await live(seed);
    expect(violations, `seed ${seed}`).toEqual([]);
    expect(comparisons).toBeGreaterThanOrEqual(10);
  }
});

test.for(plants)('a planted fault is found: %s', { timeout: 120_000 }, async (plant) => {
  const found: number[] = [];
  for (let seed = 1; seed <= 20 && found.length === 0; seed += 1) {
    const { violations } = await live(seed, { plant });
    if (violations.some((violation) => violation.includes('differs'))) found.push(seed);
  }
  expect(found).not.toEqual([]);
});
