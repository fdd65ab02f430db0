/** Durations gathered in a histogram: recorded in milliseconds, kept in microseconds. */
import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Percentiles } from '../../contract.js';

const microsecondsPerMillisecond = 1_000;
/** Ten minutes: longer than anything a play waits for. */
const microsecondsMax = 600_000_000;

export class Latencies {
  private readonly histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: microsecondsMax,
    numberOfSignificantValueDigits: 3,
  });

  /** Of less than a microsecond, and less than nothing by a clock's grain, is one microsecond. */
  record(milliseconds: number): void {
    const microseconds = Math.round(milliseconds * microsecondsPerMillisecond);
    this.histogram.recordValue(Math.min(microsecondsMax, Math.max(1, microseconds)));
  }

  get count(): number {
    return this.histogram.totalCount;
  }

  add(other: Latencies): void {
    this.histogram.add(other.histogram);
  }

  reset(): void {
    this.histogram.reset();
  }

  /** All zero when nothing was recorded. */
  percentiles(): Percentiles {
    const { histogram } = this;
    if (histogram.totalCount === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
    const at = (percentile: number) =>
      histogram.getValueAtPercentile(percentile) / microsecondsPerMillisecond;
    return {
      count: histogram.totalCount,
      mean: histogram.mean / microsecondsPerMillisecond,
      ...{ p50: at(50), p90: at(90), p99: at(99), p999: at(99.9) },
      max: histogram.maxValue / microsecondsPerMillisecond,
    };
  }

  /** Compressed, base64, in microseconds. */
  encoded(): string {
    return encodeIntoCompressedBase64(this.histogram);
  }
}
