/** What the limits are made of: rows, batches, verdicts, and the two ways to write one row. */
import { describe, expect, test } from 'vitest';
import { slowReason } from '#bench/limits/copy-verdict.js';
import { rawPublish } from '#bench/limits/index.js';
import { groupsOf, LogRows } from '#bench/limits/log-rows.js';
import { withProcesses } from '#bench/limits/processes.js';
import { sampleTexts } from '#bench/limits/sample-texts.js';

describe('rows', () => {
  test('are numbered without a hole in each room, and come in the order of their ids', () => {
    const rows = new LogRows({ rooms: 7, texts: ['one', 'two'] });
    const taken = [...rows.take(100), ...rows.take(50)];
    const heads = new Map<string, number>();
    for (const { conv, seq, number } of taken) {
      expect(seq).toBe((heads.get(conv) ?? 0) + 1);
      expect(number).toBe(seq);
      heads.set(conv, seq);
    }
    expect(heads.size).toBe(7);
    const ids = taken.slice(0, 100).map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(taken.map(({ id }) => id)).size).toBe(150);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('have ids of this moment, so that they land in the month’s own leaf', () => {
    const [row] = new LogRows({ rooms: 1, texts: ['text'] }).take(1);
    const time = Number.parseInt((row?.id ?? '').replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(time - Date.now())).toBeLessThan(5_000);
    expect(row?.at).toBe(time);
  });

  test('say what the generator says: a mark and a text', () => {
    expect(sampleTexts({ bytes: 60 })).toEqual(['x'.repeat(60)]);
    const texts = sampleTexts('transcript');
    expect(texts.length).toBeGreaterThan(1_000);
    expect(texts.every((text) => text.startsWith('x'.repeat(16)))).toBe(true);
  });

  test.each([1, 100, 412.7, 1_000])('are batched by %d on average', (size) => {
    const items = Array.from({ length: 50_000 }, (_, index) => index);
    const groups = groupsOf(items, size);
    const mean = groups.flat().length / groups.length;
    expect(Math.abs(mean - size)).toBeLessThan(0.02);
    expect(groups.flat()).toEqual(items.slice(0, groups.flat().length));
    expect(groups.every((group) => Math.abs(group.length - size) <= 1)).toBe(true);
  });

  test('fewer than a batch are a batch', () => {
    expect(groupsOf([1, 2], 5)).toEqual([[1, 2]]);
  });
});

test('raw COPY does not count below 100 k rows/s at 800, and only there', () => {
  expect(slowReason({ batch: 800, rowsPerSecond: 99_999 })).toMatch(/less than the 100 k/);
  expect(slowReason({ batch: 800, rowsPerSecond: 100_000 })).toBeUndefined();
  expect(slowReason({ batch: 100, rowsPerSecond: 50_000 })).toBeUndefined();
});

test('a turn that can never be filled is refused before anything is started', async () => {
  const shape = { subscribers: 1, bytes: 100, perTurn: 32, outstanding: 8, seconds: 1 };
  await expect(rawPublish(shape)).rejects.toThrow('8 outstanding messages never make a turn of 32');
});

test('nothing is started once the run was aborted', async () => {
  let isStarted = false;
  const work = withProcesses(
    async () => {
      isStarted = true;
    },
    AbortSignal.abort(new Error('Ctrl-C')),
  );
  await expect(work).rejects.toThrow('Ctrl-C');
  expect(isStarted).toBe(false);
});
