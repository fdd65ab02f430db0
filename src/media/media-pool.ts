/** The pool that looks at the bytes of attachments: one thread of low priority, a short queue, an end to each job. */
import { Piscina } from 'piscina';
import { NuboError } from '../errors.js';
import type { Inspected, InspectJob, Thumbnail, ThumbnailJob } from './inspect.js';
import { unknownType } from './types.js';

export interface MediaPool {
  /** Rejects with `overloaded` when too many wait; what takes too long is unknown. */
  inspect(job: InspectJob): Promise<Inspected>;
  /** undefined: there is none to be had of it. Rejects with `overloaded`, or when the pool is closed. */
  thumbnail(job: ThumbnailJob): Promise<Thumbnail | undefined>;
  close(): Promise<void>;
}

const idleMs = 10_000;
const niceIncrement = 10;
const queueItemsMax = 64;
/** A job that is still under way then is given up, with its thread. */
const jobMs = 15_000;

/** @param filename the compiled workers/media-pool.js */
export function createMediaPool(filename: string): MediaPool {
  const pool = new Piscina({
    filename,
    ...{ minThreads: 0, maxThreads: 1, idleTimeout: idleMs, niceIncrement },
  });
  let isClosed = false;
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  const stopping = () => new NuboError('unavailable', 'The server is stopping.', { retryMs: 1_000 });

  /** undefined: it took too long, or its thread died of it. */
  async function work<Result>(name: string, job: InspectJob | ThumbnailJob): Promise<Result | undefined> {
    if (isClosed) throw stopping();
    try {
      return await pool.run(job, { name, signal: AbortSignal.timeout(jobMs) });
    } catch (error) {
      if (isClosed) throw stopping();
      if (isOfTheBytes(error)) return undefined;
      throw error;
    }
  }

  /** One after another, so that the time of a job begins with it and not with its waiting. */
  async function run<Result>(name: string, job: InspectJob | ThumbnailJob): Promise<Result | undefined> {
    if (waiting >= queueItemsMax)
      throw new NuboError('overloaded', 'Too many files are being looked at.', { retryMs: 2_000 });
    waiting += 1;
    const turn = last.then(() => work<Result>(name, job));
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      waiting -= 1;
    }
  }

  return {
    async inspect(job) {
      const nothing = { type: unknownType, width: null, height: null, durationMs: null };
      return (await run<Inspected>('inspectFile', job)) ?? nothing;
    },
    thumbnail: (job) => run<Thumbnail>('makeThumbnail', job),
    async close() {
      isClosed = true;
      await pool.destroy();
    },
  };
}

/** A job that these bytes made fail would fail again: time-out, heap exhaustion, a thread that ended. */
function isOfTheBytes(error: unknown): boolean {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return (
    name === 'AbortError' ||
    code === 'ERR_WORKER_OUT_OF_MEMORY' ||
    /worker exited|exit code/i.test(message ?? '')
  );
}
