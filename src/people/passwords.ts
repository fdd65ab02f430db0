/**
 * Passwords as argon2id (H2), in a Piscina pool of low priority with a short queue (A11): one hash costs 24 ms
 * of a core, so a herd of log-ins is turned away rather than let in to starve chat.
 */
import { Piscina } from 'piscina';
import { NuboError } from '../errors.js';

/** 19 MiB, two passes, one lane: OWASP's floor for argon2id. `memoryCost` is in KiB. */
export const argon2Costs = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

export interface HashJob {
  readonly password: string;
  readonly costs: typeof argon2Costs;
}

export interface VerifyJob {
  readonly password: string;
  readonly hash: string;
}

export interface PasswordPool {
  /** → PHC string. Throws `overloaded` when the queue is full. */
  hash(password: string): Promise<string>;
  /** → does the password fit? `hash: null` (nobody of that name) takes as long and is never true (H2). */
  verify(hash: string | null, password: string): Promise<boolean>;
  /** Ends the threads; jobs that wait are refused with `unavailable`. */
  close(): Promise<void>;
}

export interface PasswordPoolOptions {
  /** The compiled workers/pool.js. */
  readonly filename: string;
  readonly threadsMax?: number;
  /** Jobs that wait: at 24 ms each, the last of 32 is answered within a second. */
  readonly queueItemsMax?: number;
}

/** A hash with the costs above of bytes nobody kept: what an unknown name is compared with. */
export const dummyHash =
  '$argon2id$v=19$m=19456,t=2,p=1$JR8t3PW5zChOPEntMVQduQ$xF970oVYQZmD7/PM9qQ/JMxo6pbSiRiNZQxLFopKKG8';

const idleMs = 5_000;
const niceIncrement = 10;
/** What one job takes, roughly; for `retryMs` only. */
const jobMs = 30;

/** Starts no thread until the first job, and keeps none when idle. */
export function createPasswordPool(options: PasswordPoolOptions): PasswordPool {
  const threadsMax = options.threadsMax ?? 1;
  const queueItemsMax = options.queueItemsMax ?? 32;
  const pool = new Piscina({
    filename: options.filename,
    minThreads: 0,
    maxThreads: threadsMax,
    maxQueue: queueItemsMax,
    idleTimeout: idleMs,
    niceIncrement,
  });
  let closed = false;

  async function run<Result>(name: string, job: HashJob | VerifyJob): Promise<Result> {
    if (closed) throw new NuboError('unavailable', 'The server is stopping.', { retryMs: 1_000 });
    if (pool.queueSize >= queueItemsMax) {
      const retryMs = Math.ceil((queueItemsMax * jobMs) / threadsMax);
      throw new NuboError('overloaded', 'Too many log-ins at once.', { retryMs });
    }
    try {
      return await pool.run(job, { name });
    } catch (error) {
      if (closed) throw new NuboError('unavailable', 'The server is stopping.', { retryMs: 1_000 });
      throw error;
    }
  }

  return {
    hash: (password) => run('hashPassword', { password, costs: argon2Costs }),
    async verify(hash, password) {
      const fits = await run<boolean>('verifyPassword', { password, hash: hash ?? dummyHash });
      return fits && hash !== null;
    },
    async close() {
      closed = true;
      await pool.destroy();
    },
  };
}
