/**
 * Figures of rounds, put together. Rounds are few (5 to 20) and a shared machine makes outliers, so nothing here assumes
 * a normal distribution: medians, and intervals by resampling or by ranks (`shift.ts`).
 */

/** With fewer rounds an interval would say more than is known: the ranks of 4 values cannot exclude anything at 95 %. */
export const roundsForInterval = 5;

const resamples = 4_000;
const confidence = 0.95;

/** The middle value; the mean of the two in the middle when there is an even number. NaN of nothing. */
export function medianOf(values: readonly number[]): number {
  return medianOfSorted(Float64Array.from(values).sort());
}

/**
 * 95 % interval of the median, by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
 * 1993, chapter 13). The same values and seed always give the same interval. Of five values it is their range, which
 * holds the true median in 94 of 100 cases: a bound of order statistics, not of the bootstrap.
 * @returns undefined of fewer than five values
 */
export function intervalOf(values: readonly number[], seed = 1): readonly [number, number] | undefined {
  if (values.length < roundsForInterval) return undefined;
  const random = randomOf(seed);
  const drawn = new Float64Array(values.length);
  const medians = new Float64Array(resamples);
  for (let index = 0; index < resamples; index += 1) {
    for (let count = 0; count < drawn.length; count += 1) {
      insertSorted(drawn, count, values[Math.floor(random() * values.length)] ?? Number.NaN);
    }
    medians[index] = medianOfSorted(drawn);
  }
  medians.sort();
  const tail = Math.floor(((1 - confidence) / 2) * resamples);
  return [medians[tail] ?? Number.NaN, medians[resamples - 1 - tail] ?? Number.NaN];
}

function medianOfSorted(sorted: Float64Array): number {
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
}

/** Rounds are few: putting each in its place is several times faster than a sort of them all. */
function insertSorted(sorted: Float64Array, count: number, value: number): void {
  let at = count;
  for (; at > 0 && (sorted[at - 1] ?? 0) > value; at -= 1) sorted[at] = sorted[at - 1] ?? 0;
  sorted[at] = value;
}

/** Numbers from 0 to 1 by a seed (mulberry32): a report that is made again must say the same. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
