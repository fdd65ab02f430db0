import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Subscription } from '#client/subscription.js';
import type { UnknownEvent } from '#src/wire/codec.js';
import type { LogEvent } from '#src/wire/events.js';

const conv = '018f4e2a-7b1c-7abc-a000-0000000000cc';
const event = (seq: number): LogEvent => ({
  ev: 'message.new',
  conv,
  seq,
  number: seq,
  id: String(seq),
  from: 'u',
  at: seq,
  text: '',
});
const seqs = (events: Array<LogEvent | UnknownEvent>) => events.map(({ seq }) => seq);

test('P6 whatever order and however often events arrive, each is delivered once and in order', () => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 }),
      (have, offsets) => {
        const subscription = new Subscription(conv, have);
        const delivered: number[] = [];
        const seen = new Set<number>();
        for (const offset of offsets) {
          // Also seqs that were delivered long ago.
          const seq = Math.max(1, have + offset - 5);
          seen.add(seq);
          delivered.push(...seqs(subscription.take(event(seq))));
        }
        let complete = have;
        while (seen.has(complete + 1)) complete += 1;
        expect(delivered).toEqual(Array.from({ length: complete - have }, (_, index) => have + 1 + index));
        expect(subscription.have).toBe(complete);
        const highest = Math.max(...seen, 0);
        expect(subscription.missingUpTo).toBe(highest > complete ? highest : undefined);
      },
    ),
  );
});

test('P6 what does not fit while a hole is open is still known to be missing', () => {
  const subscription = new Subscription(conv, 0);
  for (let seq = 2; seq <= 3000; seq++) expect(subscription.take(event(seq))).toEqual([]);
  expect(subscription.missingUpTo).toBe(3000);
  expect(seqs(subscription.take(event(1)))).toHaveLength(1001);
  expect(subscription.missingUpTo).toBe(3000);
  for (let seq = 1002; seq <= 3000; seq++) subscription.take(event(seq));
  expect(subscription.have).toBe(3000);
  expect(subscription.missingUpTo).toBeUndefined();
});

test('P6 an event of an unknown kind takes up its place', () => {
  const subscription = new Subscription(conv, 0);
  expect(subscription.take({ ev: 'unknown', conv, seq: 1 })).toEqual([{ ev: 'unknown', conv, seq: 1 }]);
  expect(subscription.take({ ev: 'unknown', conv, seq: 3 })).toEqual([]);
  expect(seqs(subscription.take(event(2)))).toEqual([2, 3]);
  expect(subscription.have).toBe(3);
});

test('P6 after a jump it goes on behind the new place, and nothing from before it comes', () => {
  const subscription = new Subscription(conv, 2);
  for (const seq of [5, 9, 10]) expect(subscription.take(event(seq))).toEqual([]);
  subscription.jump(9);
  expect(subscription.take(event(3))).toEqual([]);
  expect(seqs(subscription.take(event(10)))).toEqual([10]);
  expect(subscription.have).toBe(10);
});

test('W10 without a place of its own a subscription begins behind the head', () => {
  const subscription = new Subscription(conv, undefined);
  expect(subscription.missingUpTo).toBeUndefined();
  subscription.began(7);
  expect(subscription.have).toBe(7);
  subscription.began(9);
  expect(subscription.have).toBe(7);
  subscription.learn(8);
  expect(subscription.missingUpTo).toBe(8);
});
