/** What makes a run faulty. */
import { expect, test } from 'vitest';
import type { Checks } from '#bench/contract.js';
import { countersBetween, faultsOf, limitFaultsOf } from '#bench/run/verdict.js';
import { readCounters, threadsIn } from '#bench/targets/metrics.js';

const good: Checks = {
  ...{ sent: 100, acked: 100, refused: 0, unanswered: 0, delivered: 1000, due: 1000 },
  ...{ lost: 0, duplicates: 0, disordered: 0, foreign: 0, gapsTold: 0, disconnects: 0, details: [] },
};

test('a clean play has no fault', () => {
  expect(faultsOf(good)).toEqual([]);
});

test('each kind of finding is a fault by itself, with what the checker says of it', () => {
  for (const kind of [
    'lost',
    'duplicates',
    'disordered',
    'foreign',
    'refused',
    'unanswered',
    'disconnects',
  ] as const) {
    const faults = faultsOf({ ...good, [kind]: 2, details: ['room 3: …'] });
    expect(faults, kind).toHaveLength(2);
    expect(faults[0], kind).toMatch(/^2 /);
    expect(faults[1]).toBe('room 3: …');
  }
});

test('a play that did nothing is a fault: it would show that nothing is wrong', () => {
  expect(faultsOf({ ...good, sent: 0, acked: 0 })).toHaveLength(1);
  expect(faultsOf({ ...good, acked: 0 })).toHaveLength(1);
});

test('what a scenario allows is none, but loss always is', () => {
  const checks = { ...good, refused: 1, disconnects: 1, unanswered: 1 };
  expect(faultsOf(checks, ['refused', 'disconnects', 'unanswered'])).toEqual([]);
  expect(faultsOf({ ...checks, lost: 1 }, ['refused', 'disconnects', 'unanswered'])).toHaveLength(1);
});

test('every message sent must have been looked at by both limits', () => {
  const counted = { sends: 100, limitsByFront: 130, limitsByShard: 100 };
  expect(limitFaultsOf(good, counted)).toEqual([]);
  expect(limitFaultsOf(good, { ...counted, limitsByShard: 99 })).toHaveLength(1);
  expect(limitFaultsOf(good, { ...counted, limitsByFront: 99 })).toHaveLength(1);
  expect(limitFaultsOf(good, { ...counted, sends: 101 })).toHaveLength(1);
  expect(limitFaultsOf(good, {})).toHaveLength(3);
  expect(limitFaultsOf(good, { ...counted, rows: -5 })).toEqual([
    expect.stringMatching(/\(rows\).*started again/),
  ]);
});

test('counters are found by name and label, and subtracted', () => {
  const text = [
    '# HELP nubo_batch_rows Events in one committed batch.',
    'nubo_batch_rows_bucket{le="1",store="postgres"} 7',
    'nubo_batch_rows_sum{store="postgres"} 1200',
    'nubo_batch_rows_count{store="postgres"} 12',
    'nubo_operations_total{op="subscribe"} 5',
    'nubo_operations_total{op="send"} 900',
    'nubo_frames_sent_total{kind="topic"} 30',
  ].join('\n');
  const counters = readCounters(text);
  expect(counters).toMatchObject({ rows: 1200, batches: 12, sends: 900, topicFrames: 30 });
  expect(counters.limitsByShard).toBeUndefined();
  expect(countersBetween({ rows: 200 }, counters)).toMatchObject({ rows: 1000, batches: 12 });
});

test('the threads that answered are known by their event loops', () => {
  const text = [
    '# TYPE nubo_event_loop_lag_seconds gauge',
    'nubo_event_loop_lag_seconds{thread="main"} 0.02',
    'nubo_event_loop_lag_seconds{thread="front 0"} 1e-3',
    'nubo_heap_used_bytes{thread="shard 0"} 5',
  ].join('\n');
  expect(threadsIn(text)).toEqual(['main', 'front 0']);
});
