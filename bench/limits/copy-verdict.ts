/** When a limit says by itself that it does not count. Ratios forgive a slow machine to a degree; this is the bound. */

/** Below this, at this batch, something else was using the machine or the disk. */
const slowBatch = 800;
const slowRowsPerSecond = 100_000;

/** Why one measurement of raw COPY makes its round void, or undefined. Other batches than 800 have no bound. */
export function slowReason(copy: { batch: number; rowsPerSecond: number }): string | undefined {
  if (Math.round(copy.batch) !== slowBatch || copy.rowsPerSecond >= slowRowsPerSecond) return undefined;
  return `raw COPY made ${thousands(copy.rowsPerSecond)} rows/s in batches of ${slowBatch}, less than the ${thousands(slowRowsPerSecond)} that this machine has to give: is something else running?`;
}

function thousands(rate: number): string {
  return `${Math.round(rate / 1000)} k`;
}
