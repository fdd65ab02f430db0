/** How far the mirrors of a nubo are behind, and what its memory does, while something else is measured. */
import { setTimeout as sleep } from 'node:timers/promises';
import { given } from '../run/given.js';
import type { RunningNubo } from '../targets/nubo.js';

const sampleMs = 500;

/** The values of a metric, whatever its labels; empty when there is none. */
export function valuesOf(text: string, metric: string): number[] {
  return text
    .split('\n')
    .filter((line) => /^\w+/.exec(line)?.[0] === metric)
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}

/** What was the most of each while `work` went on, and the memory before and after. */
export async function watched<Value>(
  nubo: RunningNubo,
  work: () => Promise<Value>,
): Promise<{ value: Value; figures: Record<string, number> }> {
  const begun = nubo.memory().server;
  const most = { lag: Number.NaN, items: Number.NaN, memory: begun };
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      await sleep(sampleMs);
      most.memory = Math.max(most.memory, nubo.memory().server);
      // A thread that is too busy is left out of /metrics, and so is what it would have said.
      const text = await nubo.metrics().catch(() => '');
      most.lag = mostOf(most.lag, valuesOf(text, 'nubo_mirror_lag_seconds'));
      most.items = mostOf(most.items, valuesOf(text, 'nubo_mirror_backlog_items'));
    }
  })();
  try {
    const value = await work();
    return {
      value,
      figures: given({
        mirrorLagSeconds: most.lag,
        mirrorBacklogItems: most.items,
        serverMegabytes: begun / 1e6,
        mostServerMegabytes: most.memory / 1e6,
      }),
    };
  } finally {
    isOver = true;
    await sampling;
  }
}

function mostOf(before: number, values: readonly number[]): number {
  return [before, ...values].filter(Number.isFinite).reduce((one, other) => Math.max(one, other), 0);
}

/** Waits until nothing waits for a mirror any more. @returns the seconds it took; undefined: not within `secondsMax` */
export async function untilLevel(
  nubo: RunningNubo,
  { secondsMax, signal }: { secondsMax: number; signal: AbortSignal },
): Promise<number | undefined> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  while (seconds() < secondsMax && !signal.aborted) {
    const text = await nubo.metrics();
    const waiting = [
      ...valuesOf(text, 'nubo_mirror_lag_seconds'),
      ...valuesOf(text, 'nubo_mirror_backlog_items'),
    ];
    if (waiting.length > 0 && waiting.every((value) => value === 0)) return seconds();
    await sleep(200);
  }
  return undefined;
}
