import { expect, test } from 'vitest';
import { type AnswerRecord, checkRun, type RunRecord, type StreamItem } from '#test/support/checker.js';
import { goodRun, plantFaults, rulesOf } from '#test/support/checker-plants.js';

test('P1–P7 a run in which all is well has no violation', () => {
  expect(checkRun(goodRun())).toEqual([]);
});

test.for(plantFaults)('a planted fault is caught: $name', ({ plant, rule }) => {
  expect(rulesOf(plant(goodRun()))).toContain(rule);
});

test('P2 a retry that is answered as the first time is no violation', () => {
  const run = goodRun();
  const again = run.answers.map((answer) => ({ ...answer }));
  expect(checkRun({ ...run, answers: [...run.answers, ...again] })).toEqual([]);
});

test('L7 an operation that changed nothing may be acked without a row, and only one that can', () => {
  const run = goodRun();
  const nothing = { kind: 'ack', id: 'nothing', seq: 3, at: 30 } as const;
  const answer: AnswerRecord = { user: 'bob', op: 'join', conv: 'room', id: 'nothing', answer: nothing };
  expect(checkRun({ ...run, answers: [...run.answers, answer] })).toEqual([]);
  const leave: AnswerRecord = { ...answer, op: 'leave' };
  expect(rulesOf({ ...run, answers: [...run.answers, leave] })).toEqual(['P1']);
});

test('P6 a gap is no violation when what it names was pulled', () => {
  const run = goodRun();
  const items: StreamItem[] = [
    { kind: 'subscribed', conv: 'room', head: 2 },
    { kind: 'gap', conv: 'room', have: 2, head: 6 },
  ];
  const page: StreamItem = {
    kind: 'page',
    conv: 'room',
    head: 6,
    events: run.log.filter(({ seq }) => seq > 2),
  };
  const withItems = (list: StreamItem[]): RunRecord => ({
    ...run,
    streams: [{ name: 'phone', user: 'bob', items: list }],
  });
  expect(rulesOf(withItems(items))).toEqual(['P6']);
  expect(checkRun(withItems([...items, page]))).toEqual([]);
});

test('P6 nothing is owed to a socket that is closed, nor to one that unsubscribed', () => {
  const run = goodRun();
  for (const end of [{ kind: 'closed' }, { kind: 'unsubscribed', conv: 'room' }] as StreamItem[]) {
    const items: StreamItem[] = [{ kind: 'subscribed', conv: 'room', head: 2 }, end];
    expect(checkRun({ ...run, streams: [{ name: 'phone', user: 'bob', items }] })).toEqual([]);
  }
});
