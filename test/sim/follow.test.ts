import { expect, test } from 'vitest';
import { simulate } from './run.js';
import { Totals } from './totals.js';

test('W20 W21 G7 who follows all their conversations hears each in order or is told, whatever dies meanwhile', async () => {
  const totals = new Totals();
  for (let seed = 1; seed <= 4; seed += 1) {
    const result = await simulate(seed, { follows: true });
    expect(result.violations, `seed ${seed}`).toEqual([]);
    totals.add(result.totals);
  }
  expect(totals.eventsFollowed).toBeGreaterThan(2000);
  expect(totals.updates).toBeGreaterThan(100);
  expect(totals.resyncs).toBeGreaterThan(4);
});
