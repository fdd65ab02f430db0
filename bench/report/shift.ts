/**
 * By how much one set of values lies above another, without an assumption on how they are distributed: the Hodges–Lehmann
 * estimator (the median of all differences between a value of one and a value of the other) with the exact interval that
 * belongs to it, made by inverting the rank-sum test of Mann and Whitney. Hodges and Lehmann, Estimates of Location Based
 * on Rank Tests, 1963; Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, 2014, sections 4.2
 * and 4.3. With five values a side the interval holds the shift in 96.8 of 100 cases; with three none of 95 exists.
 */
import { medianOf } from './statistics.js';

export interface Shift {
  /** `factor`: after ÷ before, 1 is no change. `difference`: after − before, 0 is no change: where a value isn't positive. */
  readonly scale: 'factor' | 'difference';
  readonly estimate: number;
  /** At least 95 %. */
  readonly interval: readonly [number, number];
}

const tail = 0.025;

/** @returns undefined when there are too few values for an interval */
export function shiftOf(before: readonly number[], after: readonly number[]): Shift | undefined {
  const outermost = outermostOf(before.length, after.length);
  if (outermost === 0) return undefined;
  const isPositive = [...before, ...after].every((value) => value > 0);
  const scaled = (values: readonly number[]) => (isPositive ? values.map(Math.log) : values);
  const from = scaled(before);
  const differences = Float64Array.from(
    scaled(after).flatMap((to) => from.map((value) => to - value)),
  ).sort();
  const numbers = [medianOf([...differences]), differences.at(outermost - 1), differences.at(-outermost)];
  const [estimate = Number.NaN, low = Number.NaN, high = Number.NaN] = isPositive
    ? numbers.map((value = Number.NaN) => Math.exp(value))
    : numbers;
  return { scale: isPositive ? 'factor' : 'difference', estimate, interval: [low, high] };
}

/**
 * Which of the sorted differences, counted from either end and from 1, bounds the interval; 0 when even the outermost
 * leave more than 2.5 % beyond each.
 */
function outermostOf(some: number, others: number): number {
  const counts = rankSumCounts(some, others);
  const all = counts.reduce((sum, count) => sum + count, 0);
  let beyond = 0;
  let outermost = 0;
  for (const count of counts) {
    beyond += count;
    if (beyond / all > tail) break;
    outermost += 1;
  }
  return outermost;
}

/**
 * In how many ways a rank sum comes about by chance, from the smallest on: the coefficients of the Gaussian binomial,
 * the product of (1 − x^(others + i)) ÷ (1 − x^i) for i from 1 to `some`.
 */
function rankSumCounts(some: number, others: number): Float64Array {
  const counts = new Float64Array(some * others + 1);
  counts[0] = 1;
  for (let factor = 1; factor <= some; factor += 1) {
    for (let at = counts.length - 1; at >= others + factor; at -= 1) {
      counts[at] = (counts[at] ?? 0) - (counts[at - others - factor] ?? 0);
    }
    for (let at = factor; at < counts.length; at += 1) {
      counts[at] = (counts[at] ?? 0) + (counts[at - factor] ?? 0);
    }
  }
  return counts;
}
