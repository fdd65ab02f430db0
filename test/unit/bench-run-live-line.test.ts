/** The live line, on a terminal and elsewhere. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { beginLiveLine } from '#bench/run/live-line.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function outputOf(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  return { written, output: { isTTY, columns, write: (text: string) => written.push(text) } };
}

const second = {
  kind: 'second' as const,
  ...{ at: 3, sent: 9, acked: 51_234, refused: 0, delivered: 512_340 },
  ...{ ackP50: 4.21, ackP99: 12 },
};

test('elsewhere than on a terminal each second is a line of its own, with what runs and what the second brought', () => {
  const { written, output } = outputOf(false);
  const live = beginLiveLine(() => 'rooms · round 2 of 5', output);
  live.activity('nubo, 100 × 10');
  live.heard({ kind: 'phase', phase: 'measure', at: 0 });
  live.heard(second);
  expect(written).toEqual([
    'rooms · round 2 of 5 · nubo, 100 × 10 · measure · 3 s · acked 51.2 k/s · delivered 512 k/s · ack p50 4.21, p99 12 ms\n',
  ]);
  live.end();
});

test('a line comes each second, also when the generator says nothing', () => {
  const { written, output } = outputOf(false);
  const live = beginLiveLine(() => 'durable', output);
  live.activity('raw COPY');
  vi.advanceTimersByTime(3000);
  expect(written).toEqual(['durable · raw COPY\n', 'durable · raw COPY\n', 'durable · raw COPY\n']);
  live.end();
  vi.advanceTimersByTime(3000);
  expect(written).toHaveLength(3);
});

test('on a terminal the line is written anew, never wraps, and leaves nothing behind', () => {
  const { written, output } = outputOf(true, 20);
  const live = beginLiveLine(() => 'durable · round 1 of 5', output);
  live.activity('raw COPY');
  const clear = '\r\u001b[2K';
  expect(written).toEqual([`${clear}durable · round 1 o`]);
  live.tell('round 1 is void');
  expect(written.at(-1)).toBe(`${clear}round 1 is void\n`);
  live.end();
  expect(written.at(-1)).toBe(clear);
});
