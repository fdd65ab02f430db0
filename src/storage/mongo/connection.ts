/**
 * The connections of one thread to Mongo, behind a breaker. While the server is away or frozen, calls are answered
 * at once, so that nothing gathers; every so often one asks whether it is back.
 *
 * States: open for calls → (an outage) → away until the next probe → (the probe is answered) → open for calls.
 */
import { type Db, MongoClient } from 'mongodb';
import { UserError } from '../../errors.js';
import { scrub } from '../../log.js';
import { isOutage, sentenceOf } from './failures.js';

export interface MongoConnectionOptions {
  /** `mongodb://user:password@host:port/database` */
  readonly url: string;
  /** Unix ms, for the breaker's pauses. */
  readonly now?: () => number;
  /** Called when the server goes away and when it is back, never twice for the same. */
  readonly onMove?: (move: { isAway: boolean; message: string }) => void;
}

/** What a call may take, in milliseconds, by kind. `words`: whoever searches has the answer of Postgres, too, and waits for no more than this. */
export const callMs = { read: 2_000, words: 600, position: 2_000, write: 10_000, upkeep: 60_000 } as const;
type CallKind = keyof typeof callMs;

const databaseDefault = 'nubo_recent';
/** Without one the driver would take `test`. */
const namesDatabase = /^[a-z+]+:\/\/[^/]+\/[^?/]/i;
const poolConnectionsMax = 4;
/** Together with what finds out that a server is gone, a call takes less than a second. */
const selectionMs = 800;
/** More calls than this under way at once are refused: a server that freezes is noticed only after `callMs`. */
const callsMax = 256;
const probeMs = 1_000;
const pauseMsMin = 250;
const pauseMsMax = 2_000;

export class MongoConnection {
  private readonly url: string;
  private client: MongoClient;
  private readonly now: () => number;
  private readonly onMove: NonNullable<MongoConnectionOptions['onMove']>;
  private away: { message: string; probeAt: number; pauseMs: number } | undefined;
  private isProbing = false;
  private calls = 0;
  private isClosed = false;

  /** @throws UserError when the URL is none. Connects when it is first used. */
  constructor({ url, now = Date.now, onMove = () => {} }: MongoConnectionOptions) {
    this.url = url;
    this.client = openClient(url);
    this.now = now;
    this.onMove = onMove;
  }

  /** For what needs no breaker. */
  get database(): Db {
    return this.client.db(namesDatabase.test(this.url) ? undefined : databaseDefault);
  }

  /** Why Mongo is not used now; undefined while it is. */
  get trouble(): string | undefined {
    return this.away?.message;
  }

  /**
   * Makes a call, unless the server is away.
   *
   * @param kind says how long it may take
   * @throws Error with a sentence for whoever runs nubo, when Mongo is away or goes away; else what the call throws
   */
  async run<Result>(kind: CallKind, call: (database: Db) => Promise<Result>): Promise<Result> {
    if (this.away !== undefined) {
      void this.probe();
      throw new Error(this.away.message);
    }
    if (this.calls >= callsMax) throw new Error('Mongo is slow: too many calls wait for it');
    this.calls += 1;
    const made = call(this.database).finally(() => {
      this.calls -= 1;
    });
    try {
      return await within(callMs[kind], made);
    } catch (error) {
      if (!(error instanceof NoAnswer) && !isOutage(error)) throw error;
      const message = sentenceOf(error);
      this.leave(message);
      // What waits for a server that went silent would hold its connections, and itself, for ever.
      if (error instanceof NoAnswer) this.renew();
      throw new Error(message, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.client.close();
  }

  private renew(): void {
    const old = this.client;
    if (this.isClosed) return;
    this.client = openClient(this.url);
    void old.close(true).catch(() => {});
  }

  /** Asks at most one thing at a time of a server that is away, with longer and longer pauses. */
  private async probe(): Promise<void> {
    const { away } = this;
    if (away === undefined || this.isProbing || this.now() < away.probeAt) return;
    this.isProbing = true;
    try {
      await within(probeMs, this.database.command({ ping: 1 }));
      this.away = undefined;
      this.onMove({ isAway: false, message: 'Mongo is back' });
    } catch (error) {
      // A driver that could not connect at first never tries again.
      this.renew();
      const pauseMs = Math.min(pauseMsMax, away.pauseMs * 2);
      this.away = { message: sentenceOf(error), probeAt: this.now() + pauseMs, pauseMs };
    } finally {
      this.isProbing = false;
    }
  }

  private leave(message: string): void {
    if (this.away !== undefined) return;
    this.away = { message, probeAt: this.now() + pauseMsMin, pauseMs: pauseMsMin };
    this.onMove({ isAway: true, message });
  }
}

/** Thrown here, and not by the driver: its own option for this does nothing. */
class NoAnswer extends Error {}

/** Of an answer that comes later nobody hears. */
function within<Result>(ms: number, promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoAnswer('Mongo does not answer in time')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function openClient(url: string): MongoClient {
  try {
    return new MongoClient(url, {
      appName: 'nubo',
      maxPoolSize: poolConnectionsMax,
      serverSelectionTimeoutMS: selectionMs,
      connectTimeoutMS: selectionMs,
      // Calls that wait for a connection longer than any may take are not heard of any more.
      waitQueueTimeoutMS: callMs.write,
      socketTimeoutMS: callMs.upkeep,
      writeConcern: { w: 'majority' },
      // The mirror's writer repeats what failed, and readers go to the next tier.
      retryReads: false,
      retryWrites: false,
      ignoreUndefined: true,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UserError(`NUBO_MONGO_URL is no address of a Mongo: ${scrub(message)}`);
  }
}
