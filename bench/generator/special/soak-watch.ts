/** The server while a soak goes on: memory, CPU and how late its event loops were, over time. */
import { messageOf } from '../../run/pool.js';
import type { RunningNubo } from '../../targets/nubo.js';
import { slopeOf } from './measure.js';

interface Reading {
  /** Seconds since the watch began. */
  readonly at: number;
  readonly serverBytes: number;
  readonly databaseBytes: number;
  readonly heapBytes: number;
  /** The worst of any thread since the reading before. */
  readonly lagMs: number;
}

const secondsPerHour = 3600;
const megabyte = 1e6;
/** Caches fill in the first part of a soak: what grows then says nothing about later. */
const settledAfter = 0.4;
/** Shorter, an hour cannot be foretold. */
export const slopeSecondsMin = 60;

export class SoakWatch {
  private readonly running: RunningNubo;
  private readonly readings: Reading[] = [];
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();
  /** Why it could not be looked at, the first time. */
  failure: string | undefined;

  constructor(running: RunningNubo, everySeconds: number) {
    this.running = running;
    this.timer = setInterval(() => {
      this.looking = this.looking
        .then(() => this.look())
        .catch((error: unknown) => {
          this.failure ??= messageOf(error);
        });
    }, everySeconds * 1000);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The last look is over. */
  settled(): Promise<void> {
    return this.looking;
  }

  /** Megabytes, milliseconds; the slopes are those of the later part, NaN when that is too short to have any. */
  figures(): Record<string, number> {
    const last = this.readings.at(-1);
    if (last === undefined) return {};
    const later = this.readings.filter(({ at }) => at >= last.at * settledAfter);
    const first = later[0] ?? last;
    const isLong = last.at - first.at >= slopeSecondsMin;
    const slope = (pick: (reading: Reading) => number) =>
      isLong ? slopeOf(later.map((reading) => [reading.at, pick(reading)])) : Number.NaN;
    const lags = this.readings.map(({ lagMs }) => lagMs).toSorted((one, other) => one - other);
    return {
      memoryFirstMegabytes: first.serverBytes / megabyte,
      memoryLastMegabytes: last.serverBytes / megabyte,
      memoryMegabytesPerHour: (slope(({ serverBytes }) => serverBytes) * secondsPerHour) / megabyte,
      heapMegabytesPerHour: (slope(({ heapBytes }) => heapBytes) * secondsPerHour) / megabyte,
      databaseMegabytesPerHour: (slope(({ databaseBytes }) => databaseBytes) * secondsPerHour) / megabyte,
      loopLagP50: lags[Math.floor(lags.length / 2)] ?? 0,
      loopLagMax: lags.at(-1) ?? 0,
      loopLagPerHour: slope(({ lagMs }) => lagMs) * secondsPerHour,
    };
  }

  private async look(): Promise<void> {
    const { server, database } = this.running.memory();
    const text = await this.running.metrics();
    this.readings.push({
      at: (performance.now() - this.startedAt) / 1000,
      serverBytes: server,
      databaseBytes: database,
      heapBytes: valuesOf(text, 'nubo_heap_used_bytes').reduce((sum, bytes) => sum + bytes, 0),
      lagMs: Math.max(0, ...valuesOf(text, 'nubo_event_loop_lag_seconds')) * 1000,
    });
  }
}

/** All lines of a metric, whatever their labels. */
export function valuesOf(text: string, metric: string): number[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}
