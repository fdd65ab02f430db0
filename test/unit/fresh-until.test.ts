/** What is known of a tier, and what is forgotten with a connection to it. */
import { expect, test } from 'vitest';
import { FreshUntil } from '#src/storage/tiers/fresh-until.js';

test('a tier is fresh until what was reached, for every thread, and the others are not', () => {
  const one = new FreshUntil();
  const other = new FreshUntil(one.shared);
  expect(other.of('redis')).toBe(0);
  one.reached('redis', 20.5, 10);
  expect(other.of('redis')).toBe(20.5);
  expect(other.of('mongo')).toBe(0);
});

test('after a connection is lost nothing is known until the tier was asked again where it stands', () => {
  const one = new FreshUntil();
  const other = new FreshUntil(one.shared);
  one.reached('redis', 20, 10);
  one.reached('mongo', 20, 10);
  other.lost('redis', 30);
  expect([one.of('redis'), one.of('mongo')]).toEqual([0, 20]);
  // Was asked before, and answered later.
  one.reached('redis', 40, 29);
  expect(one.of('redis')).toBe(0);
  one.reached('redis', 50, 45);
  expect(other.of('redis')).toBe(50);
});
