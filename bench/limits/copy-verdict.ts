/**
 * When a run does not count: the machine was too slow or too unsteady for its ratios to mean anything. Ratios forgive
 * a slow machine to a degree; these are the bounds of that.
 */
import type { Measurement } from '../contract.js';

/** Below this, at this batch, something else was using the machine or the disk. */
const slowBatch = 800;
const slowRowsPerSecond = 100_000;
/** Between the best and the worst round of a run. */
const swingMax = 0.2;

/** Why one measurement of raw COPY makes the run void, or undefined. Other batches than 800 have no bound. */
export function slowReason(copy: { batch: number; rowsPerSecond: number }): string | undefined {
  if (Math.round(copy.batch) !== slowBatch || copy.rowsPerSecond >= slowRowsPerSecond) return undefined;
  return `raw COPY made ${thousands(copy.rowsPerSecond)} rows/s in batches of ${slowBatch}, less than the ${thousands(slowRowsPerSecond)} that this machine has to give: is something else running?`;
}

/** Why the rates of one batch size, one a round, make the run void: they differ by more than a fifth of the highest. */
export function swingReason(rates: readonly number[]): string | undefined {
  const highest = Math.max(...rates);
  const lowest = Math.min(...rates);
  if (rates.length < 2 || (highest - lowest) / highest <= swingMax) return undefined;
  return `raw COPY swung between ${thousands(lowest)} and ${thousands(highest)} rows/s, by more than a fifth: is something else running?`;
}

/**
 * Why the rounds of a run do not count, or undefined. Looks at every `raw COPY` in them; those of the same batch (to
 * within a tenth) are compared.
 */
export function copyVerdict(rounds: readonly (readonly Measurement[])[]): string | undefined {
  const copies = rounds.flat().filter(({ part }) => part.startsWith('raw COPY'));
  const bySize = new Map<number, number[]>();
  for (const { figures } of copies) {
    const { batch = 0, rowsPerSecond = 0 } = figures;
    const slow = slowReason({ batch, rowsPerSecond });
    if (slow !== undefined) return slow;
    const size = [...bySize.keys()].find((known) => Math.abs(known - batch) <= known / 10) ?? batch;
    bySize.set(size, [...(bySize.get(size) ?? []), rowsPerSecond]);
  }
  for (const rates of bySize.values()) {
    const swing = swingReason(rates);
    if (swing !== undefined) return swing;
  }
  return undefined;
}

function thousands(rate: number): string {
  return `${Math.round(rate / 1000)} k`;
}
