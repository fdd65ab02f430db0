import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { addUpHistograms, curveOf, millisecondsAt } from '#bench/report/histograms.js';
import { shiftOf } from '#bench/report/shift.js';
import { intervalOf, medianOf } from '#bench/report/statistics.js';
import { SeededRandom } from '#test/support/seeded-random.js';

test('a median is the middle, or the mean of the two in the middle, and does not sort what it is given', () => {
  const values = [9, 1, 10, 2];
  expect(medianOf(values)).toBe(5.5);
  expect(values).toEqual([9, 1, 10, 2]);
  expect(medianOf([3, 100, 1])).toBe(3);
  expect(medianOf([])).toBeNaN();
});

test('an interval needs five values, is repeatable, and holds the median', () => {
  expect(intervalOf([1, 2, 3, 4])).toBeUndefined();
  const values = [4.1, 3.9, 4.4, 4, 4.2, 3.8, 4.3, 9.9];
  const [low, high] = intervalOf(values) ?? [];
  expect(intervalOf(values)).toEqual([low, high]);
  expect(low).toBeGreaterThanOrEqual(3.8);
  expect(low).toBeLessThan(medianOf(values));
  expect(high).toBeGreaterThan(medianOf(values));
  expect(high).toBeLessThan(9.9);
});

test('of five values the interval is their range, as the exact bootstrap has it', () => {
  // The median of five draws is the smallest value when at least three of them are: 5.8 in 100, more than 2.5.
  for (const seed of [1, 2, 3, 4]) expect(intervalOf([5, 1, 4, 2, 3], seed)).toEqual([1, 5]);
});

test('intervals of twelve values hold the true median in about 95 of 100 cases', () => {
  const random = new SeededRandom(7);
  const draw = () =>
    10 * Math.exp(Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()));
  const trials = 300;
  let held = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const [low, high] = intervalOf(Array.from({ length: 12 }, draw), trial) ?? [0, 0];
    if (low <= 10 && high >= 10) held += 1;
  }
  expect(held / trials).toBeGreaterThan(0.91);
  expect(held / trials).toBeLessThan(0.995);
});

test.each([
  [5, 5, 2],
  [5, 6, 3],
  [6, 6, 5],
  [5, 10, 8],
  [8, 8, 13],
  [10, 10, 23],
  [20, 20, 127],
])(
  'a shift of %i and %i values is bounded where tables of Mann and Whitney say: %i',
  (some, others, critical) => {
    // All differences are the numbers 0 … some × others − 1, so that each says its own place.
    const before = Array.from({ length: some }, (_, index) => -index);
    const after = Array.from({ length: others }, (_, index) => index * some);
    expect(shiftOf(before, after)?.interval).toEqual([critical, some * others - 1 - critical]);
  },
);

test('a shift of positive values is a factor, and of three values a side none is known', () => {
  const before = [10, 11, 12, 13, 14];
  const shift = shiftOf(
    before,
    before.map((value) => value * 1.5),
  );
  expect(shift?.scale).toBe('factor');
  expect(shift?.estimate).toBeCloseTo(1.5, 10);
  expect(shiftOf([1, 2, 3], [4, 5, 6])).toBeUndefined();
  expect(shiftOf([], [])).toBeUndefined();
});

test('of two equal sources a shift that is none is told in fewer than 5 of 100 cases', () => {
  const random = new SeededRandom(11);
  const draw = () => Math.exp(random.next() ** 4);
  const trials = 2_000;
  let told = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const [low = 0, high = 0] =
      shiftOf(Array.from({ length: 5 }, draw), Array.from({ length: 5 }, draw))?.interval ?? [];
    if (low > 1 || high < 1) told += 1;
  }
  expect(told / trials).toBeGreaterThan(0.01);
  expect(told / trials).toBeLessThan(0.05);
});

function histogramOf(microseconds: readonly number[]): string {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 6e7,
    numberOfSignificantValueDigits: 3,
  });
  for (const value of microseconds) histogram.recordValue(value);
  return encodeIntoCompressedBase64(histogram);
}

test('histograms add up, and their curve rises from nine to nine and ends at the slowest', () => {
  const fast = histogramOf(Array.from({ length: 900 }, (_, index) => 1_000 + index));
  const slow = histogramOf(Array.from({ length: 100 }, () => 50_000));
  const sum = addUpHistograms([fast, slow]);
  expect(sum?.totalCount).toBe(1_000);
  if (sum === undefined) return;
  expect(millisecondsAt(sum, 50)).toBeCloseTo(1.5, 2);
  expect(millisecondsAt(sum, 95)).toBeCloseTo(50, 1);
  const curve = curveOf(sum, 10);
  expect(curve).toHaveLength(31);
  expect(curve[0]?.quantile).toBe(0);
  expect(curve.at(-1)?.quantile).toBeCloseTo(0.999, 6);
  expect(curve.at(-1)?.milliseconds).toBeCloseTo(50, 1);
  const milliseconds = curve.map((point) => point.milliseconds);
  expect(milliseconds).toEqual(milliseconds.toSorted((one, other) => one - other));
  expect(addUpHistograms([])).toBeUndefined();
  expect(() => addUpHistograms(['no histogram'])).toThrow();
});
