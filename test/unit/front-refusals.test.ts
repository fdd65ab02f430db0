import { expect, test } from 'vitest';
import { Refusals } from '#src/front/refusals.js';
import { type Refused, refusedLimits } from '#src/threads/messages.js';
import { FrontHarness, testId } from '#test/support/front-harness.js';

const refusal = { code: 'not_found', message: 'There is no such conversation.', stored: false } as const;

function refusedAt(at: number, id: string): Refused {
  return { user: 'mia', conv: 'c', id, refusal, at };
}

function createRefusals() {
  const time = { now: 1_000_000 };
  return { time, refusals: new Refusals(3, { now: () => time.now }) };
}

test('P7 a shard that was started again hears first what was refused, before any operation', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(testId(1));
  const refused = refusedAt(harness.now, testId(7));
  harness.answer({ kind: 'refused', refused });
  harness.front.shardGone(0);
  harness.takePosted();
  harness.front.shardBack(0);
  client.send({ op: 'send', ref: 1, conv: testId(100), id: testId(8), text: 'again' });
  expect(harness.takePosted()).toMatchObject([
    { kind: 'recollection', front: 3, refused: [refused], isLast: true },
    { kind: 'send' },
  ]);
});

test('P7 a shard hears of its own refusals only, and that there are none', () => {
  const { refusals, time } = createRefusals();
  refusals.remember(1, refusedAt(time.now, 'a'));
  expect(refusals.recollections(0)).toEqual([{ kind: 'recollection', front: 3, refused: [], isLast: true }]);
  expect(refusals.recollections(1)).toMatchObject([{ refused: [{ id: 'a' }], isLast: true }]);
});

test('P7 many refusals are told in messages of a bounded size, each once, the last one marked', () => {
  const { refusals, time } = createRefusals();
  const ids = Array.from({ length: 1000 }, (_, index) => `id ${index}`);
  for (const id of [...ids, ...ids]) refusals.remember(0, refusedAt(time.now, id));
  const messages = refusals.recollections(0);
  expect(messages.length).toBeGreaterThan(1);
  expect(Math.max(...messages.map(({ refused }) => refused.length))).toBeLessThanOrEqual(100);
  expect(messages.flatMap(({ refused }) => refused.map(({ id }) => id))).toEqual(ids);
  expect(messages.map(({ isLast }) => isLast)).toEqual(
    messages.map((_, index) => index === messages.length - 1),
  );
});

test('P7 refusals are forgotten when their shard forgets them, by age and beyond the bound', () => {
  const { refusals, time } = createRefusals();
  refusals.remember(0, refusedAt(time.now, 'old'));
  time.now += refusedLimits.keepMs - 1;
  expect(refusals.recollections(0)[0]?.refused).toHaveLength(1);
  time.now += 1;
  expect(refusals.recollections(0)[0]?.refused).toEqual([]);
  for (let count = 0; count <= refusedLimits.itemsMax; count += 1) {
    refusals.remember(0, refusedAt(time.now, `id ${count}`));
  }
  const kept = refusals.recollections(0).flatMap(({ refused }) => refused);
  expect(kept).toHaveLength(refusedLimits.itemsMax);
  expect(kept[0]?.id).toBe('id 1');
});
