/**
 * What a front counts. Plain numbers, since some move with every message; src/front/metrics.ts reads them when
 * somebody scrapes.
 */
import type { CloseName } from '../wire/codes.js';
import type { OperationName } from '../wire/operations.js';
import { operations } from '../wire/operations.js';

/** Upper bounds in seconds: from an idle local commit to a store that hangs. */
export const latencyBounds = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30,
] as const;

/** A histogram of the Prometheus kind, at a few nanoseconds an observation. */
export class Latencies {
  /** Observations by bucket; the last one holds what is above every bound. */
  readonly counts = new Array<number>(latencyBounds.length + 1).fill(0);
  sum = 0;
  count = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < latencyBounds.length && seconds > (latencyBounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += seconds;
    this.count += 1;
  }
}

export class FrontCounters {
  connectionsOpened = 0;
  readonly connectionsClosed: Record<CloseName | 'gone', number> = {
    draining: 0,
    token_expired: 0,
    idle: 0,
    slow: 0,
    restarted: 0,
    bad_frame: 0,
    not_authenticated: 0,
    unauthorized: 0,
    session_ended: 0,
    gone: 0,
  };
  framesIn = 0;
  bytesIn = 0;
  /** Direct frames, and frames given to a topic: one, whatever the number of its readers. */
  framesOut = 0;
  bytesOut = 0;
  framesPublished = 0;
  bytesPublished = 0;
  readonly operations = Object.fromEntries(Object.keys(operations).map((name) => [name, 0])) as Record<
    OperationName,
    number
  >;
  /** How often the guard looked at a user's rate. */
  ratesEvaluated = 0;
  /** Operations and requests that were refused, by code. */
  readonly refused: Record<string, number> = {};
  /** Frames that uWebSockets.js reported as dropped for a slow reader. */
  framesDropped = 0;
  gapsTold = 0;
  slowReaders = 0;
  ephemeralExpired = 0;
  /** Changes of presence told to sockets that watch. */
  presencesTold = 0;
  /** `conversation.update` told to sockets that follow. */
  updatesTold = 0;
  /** Events that were not the next one after the last published: a bug or a restart, always told as a gap. */
  holes = 0;
  /** REST responses by status. */
  readonly restResponses: Record<string, number> = {};
  readonly sendToAck = new Latencies();

  countRefused(code: string): void {
    this.refused[code] = (this.refused[code] ?? 0) + 1;
  }

  countRest(status: number): void {
    this.restResponses[status] = (this.restResponses[status] ?? 0) + 1;
  }
}
