/** The histograms of the generator (`hdr-histogram-js`, compressed, base64, microseconds), added up and read. */
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';

/** A point of the curve: what part of all is answered within so many milliseconds. */
export interface CurvePoint {
  /** 0 to 1, and below 1: the last is the slowest of all. */
  readonly quantile: number;
  readonly milliseconds: number;
}

const microsecondsPerMillisecond = 1_000;

/** Several plays as one. @returns undefined of none. @throws when one is not such a histogram */
export function addUpHistograms(encoded: readonly string[]): Histogram | undefined {
  const [first, ...others] = encoded.map((text) => decodeFromCompressedBase64(text));
  if (first === undefined) return undefined;
  first.autoResize = true;
  for (const other of others) first.add(other);
  return first;
}

/** @param percentile 0 to 100 */
export function millisecondsAt(histogram: Histogram, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) / microsecondsPerMillisecond;
}

/**
 * The curve for an axis of nines (90 %, 99 %, 99.9 % …): as many points between two nines as between the next two. It
 * ends where one in all that were counted is left, since beyond there is nothing to know.
 */
export function curveOf(histogram: Histogram, pointsPerNine = 24): readonly CurvePoint[] {
  const nines = Math.log10(histogram.totalCount);
  if (!(nines > 0)) return [];
  const points = Math.max(1, Math.ceil(nines * pointsPerNine));
  return Array.from({ length: points + 1 }, (_, index) => {
    const quantile = 1 - 10 ** -((nines * index) / points);
    return { quantile, milliseconds: millisecondsAt(histogram, quantile * 100) };
  });
}
