import { expect, test } from 'vitest';
import { simulate } from './run.js';
import { Totals } from './totals.js';

test('W20 W21 G7 who follows all their conversations hears each in order or is told, whatever dies meanwhile', async () => {
  const totals = new Totals();
  // With 10, who opens and closes a conversation misses an event on its way, unless that is told.
  for (const seed of [1, 2, 3, 10]) {
    const result = await simulate(seed, { follows: true });
    expect(result.violations, `seed ${seed}`).toEqual([]);
    totals.add(result.totals);
  }
  expect(totals.eventsFollowed).toBeGreaterThan(2000);
  expect(totals.updates).toBeGreaterThan(100);
  expect(totals.resyncs).toBeGreaterThan(4);
});
