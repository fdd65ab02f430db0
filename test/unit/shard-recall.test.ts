import { expect, test } from 'vitest';
import { Answered } from '#actors/conversation/answered.js';
import type { ConversationRequest, Recollection, Refused } from '#src/threads/messages.js';
import { refusedLimits } from '#src/threads/messages.js';
import { Recall, recallLimits } from '#workers/recall.js';

const refusal = { code: 'not_found', message: 'There is no such conversation.', stored: false } as const;

function refusedOf(...ids: string[]): Refused[] {
  return ids.map((id) => ({ user: 'mia', conv: 'c', id, refusal, at: 1 }));
}

function told(front: number, ids: string[], isLast = true): Recollection {
  return { kind: 'recollection', front, refused: refusedOf(...ids), isLast };
}

function sendOf(id: string, text = 'x'): ConversationRequest {
  return { kind: 'send', request: 256, user: 'mia', rate: 'standard', conv: 'c', id, text };
}

function createRecall(frontCount: number) {
  const answered = new Answered({ now: () => 1 });
  const released: string[] = [];
  const reminded: number[] = [];
  const timers: Array<{ ms: number; run: () => void }> = [];
  const recall = new Recall({
    frontCount,
    timers: {
      after: (ms, run) => {
        const timer = { ms, run };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    },
    remember: (refused) => answered.recall(refused),
    known: () => answered.refused().length,
    remind: (front) => void reminded.push(front),
    release: (message) => void released.push('id' in message ? message.id : message.kind),
  });
  return { recall, answered, released, reminded, timers };
}

test('P7 a shard that has just started takes nothing until every front has told all it knows', () => {
  const { recall, answered, released, timers } = createRecall(2);
  recall.take(told(0, []));
  expect(recall.hold(sendOf('a'))).toBe(true);
  expect(recall.hold(sendOf('b'))).toBe(true);
  recall.take(told(1, ['a'], false));
  expect([recall.isDone, released]).toEqual([false, []]);
  recall.take(told(1, ['z']));
  expect([recall.isDone, released]).toEqual([true, ['a', 'b']]);
  expect(answered.find('mia', 'c', 'a')).toEqual({ kind: 'err', refusal });
  expect(answered.find('mia', 'c', 'b')).toBeUndefined();
  expect(timers).toEqual([]);
});

test('P7 a front that knows less than the shard is told the rest; one that knows all is left alone', () => {
  const { recall, reminded } = createRecall(3);
  recall.take(told(0, ['a', 'b']));
  recall.take(told(1, ['a']));
  recall.take(told(2, ['a'], false));
  recall.take(told(2, ['b']));
  expect(reminded).toEqual([1]);
  // A front that was started again while the shard lives, and knows nothing.
  recall.take(told(0, []));
  expect(reminded).toEqual([1, 0]);
});

test('P7 a front that was started again while the shard waited tells anew', () => {
  const { recall, reminded } = createRecall(2);
  recall.take(told(0, ['a', 'b']));
  recall.take(told(0, []));
  expect(recall.isDone).toBe(false);
  recall.take(told(1, ['a', 'b']));
  expect(reminded).toEqual([0]);
});

test('A9 a front that hangs keeps the others waiting for a bounded time, with a bounded number of operations', () => {
  const { recall, released, timers } = createRecall(2);
  recall.take(told(0, []));
  const { heldItemsMax, waitMs } = recallLimits;
  for (let count = 0; count < heldItemsMax; count += 1) expect(recall.hold(sendOf(`${count}`))).toBe(true);
  expect(recall.hold(sendOf('one more'))).toBe(false);
  expect(timers).toMatchObject([{ ms: waitMs }]);
  timers[0]?.run();
  expect(recall.isDone).toBe(true);
  expect(released).toHaveLength(heldItemsMax);
});

test('A9 what is held while a shard starts is bounded in bytes', () => {
  const { recall } = createRecall(1);
  const text = 'x'.repeat(1024 * 1024);
  let held = 0;
  while (recall.hold(sendOf('a', text))) held += 1;
  expect(held).toBeLessThanOrEqual(recallLimits.heldBytesMax / (2 * text.length) + 1);
});

test('P7 fronts hear of a refusal before it is answered; what there is no room for is neither told nor promised', () => {
  const heard: string[] = [];
  const answered = new Answered({ now: () => 1 }, ({ id }) => void heard.push(id));
  answered.remember('mia', 'c', 'joined twice', { kind: 'ack', result: { seq: 1 } });
  answered.recall(refusedOf('of a predecessor'));
  expect(heard).toEqual([]);
  expect(answered.remember('mia', 'c', 'a', { kind: 'err', refusal })).toEqual({ kind: 'err', refusal });
  expect(heard).toEqual(['a']);
  const ids = Array.from({ length: refusedLimits.itemsMax - 3 }, (_, index) => `id ${index}`);
  for (const id of ids) answered.remember('mia', 'c', id, { kind: 'err', refusal });
  const { stored: _, ...unpromised } = refusal;
  const last = answered.remember('mia', 'c', 'one more', { kind: 'err', refusal });
  expect(last).toEqual({ kind: 'err', refusal: unpromised });
  expect(heard).toEqual(['a', ...ids]);
  expect(answered.find('mia', 'c', 'one more')).toBeUndefined();
});

test('P7 the same id refused to two is remembered for each, until both are past their time', () => {
  const time = { now: 1 };
  const answered = new Answered({ now: () => time.now });
  const answer = { kind: 'err', refusal } as const;
  const found = () => ['mia', 'nora', 'oda'].map((user) => answered.find(user, 'c', 'a') !== undefined);
  answered.remember('mia', 'c', 'a', answer);
  time.now += refusedLimits.keepMs / 2;
  answered.remember('nora', 'c', 'a', answer);
  expect(found()).toEqual([true, true, false]);
  time.now += refusedLimits.keepMs / 2;
  answered.remember('mia', 'c', 'another', answer);
  expect(found()).toEqual([false, true, false]);
  time.now += refusedLimits.keepMs / 2;
  answered.remember('mia', 'c', 'a third', answer);
  expect(found()).toEqual([false, false, false]);
});
