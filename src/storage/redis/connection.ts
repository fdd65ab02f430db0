/**
 * One connection to Redis that is never waited for: a call answers within its limit, and while Redis is away at once.
 * After an answer that did not come the connection is dropped with everything queued in it (a frozen Redis must not
 * fill our memory) and opened again, with pauses that grow. Each attempt has a driver of its own.
 */
import { Redis } from 'ioredis';
import type { RuntimePorts } from '../../runtime/ports.js';
import type { Failed } from '../ports.js';
import { redisSentence } from './sentences.js';

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed */
  readonly url: string;
  readonly ports: RuntimePorts;
  /** Told with each change; `message` says why it is away. */
  readonly onState?: (state: { kind: 'up' } | { kind: 'away'; message: string }) => void;
}

type Answer<Value> = { readonly kind: 'answer'; readonly value: Value } | Failed;

/** From the first packet to the first answer. */
const connectMs = 1_000;
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** Calls that wait for an answer; a burst beyond them is faster answered by the next tier. */
const pendingCallsMax = 4_096;

export class RedisConnection {
  private readonly options: RedisConnectionOptions;
  private readonly opened = new Set<(redis: Redis) => void>();
  private driver: Redis | undefined;
  private isUp = false;
  private isClosed = false;
  private pauseMs = pauseMsMin;
  private whyAway = 'Redis is not connected yet';
  private pending = 0;
  private isGathering = false;
  private stopTimer = () => {};

  constructor(options: RedisConnectionOptions) {
    this.options = options;
    this.open();
  }

  /**
   * Asks, and answers in a later turn: what the driver gave, or why not. An error of Redis itself leaves the
   * connection as it is; silence for `limitMs` drops it.
   */
  call<Value>(
    limitMs: number,
    ask: (redis: Redis) => Promise<Value>,
    done: (answer: Answer<Value>) => void,
  ): void {
    const { driver } = this;
    if (!this.isUp || driver === undefined) return this.refuse(this.whyAway, done);
    if (this.pending >= pendingCallsMax) return this.refuse('Redis has too many calls to answer', done);
    this.pending += 1;
    let isOver = false;
    let isAnswered = false;
    const finish = (answer: Answer<Value>) => {
      if (isOver) return;
      isOver = true;
      this.pending -= 1;
      cancel();
      done(answer);
    };
    const cancel = this.limit(limitMs, () => {
      if (isOver || isAnswered) return;
      const message = `Redis has not answered within ${limitMs} ms`;
      finish({ kind: 'failed', message });
      this.drop(driver, message);
    });
    // Out of the promise, so that what `done` throws is not taken for an answer of Redis.
    const settle = (answer: Answer<Value>) => {
      isAnswered = true;
      this.options.ports.turns.soon(() => finish(answer));
    };
    if (this.pending > 1) this.gather(driver);
    ask(driver).then(
      (value) => settle({ kind: 'answer', value }),
      (error: unknown) => settle({ kind: 'failed', message: redisSentence(error) }),
    );
  }

  /** Called with each driver as soon as it is connected, with the present one in a later turn. Returns what ends it. */
  onOpen(run: (redis: Redis) => void): () => void {
    this.opened.add(run);
    const { driver } = this;
    if (this.isUp && driver !== undefined) {
      this.options.ports.turns.soon(() => {
        if (this.opened.has(run) && this.driver === driver) run(driver);
      });
    }
    return () => void this.opened.delete(run);
  }

  /** undefined while it is up, else why it is away. */
  get away(): string | undefined {
    return this.isUp ? undefined : this.whyAway;
  }

  /** Ends it for good: every call still under way, and every later one, answers `failed`. */
  close(): void {
    this.isClosed = true;
    this.stopTimer();
    if (this.driver === undefined) this.whyAway = 'the connection to Redis was closed';
    else this.drop(this.driver, 'the connection to Redis was closed');
  }

  /** While others wait for answers anyway, what is asked in the same turn is sent at once: each call has its price. */
  private gather(driver: Redis): void {
    const { stream } = driver as { stream?: Redis['stream'] };
    if (this.isGathering || stream === undefined) return;
    this.isGathering = true;
    stream.cork();
    this.options.ports.turns.soon(() => {
      this.isGathering = false;
      stream.uncork();
    });
  }

  private refuse(message: string, done: (answer: Failed) => void): void {
    this.options.ports.turns.soon(() => done({ kind: 'failed', message }));
  }

  /** A thread that was busy has answers to read first: they lie in the socket when the timer is late. */
  private limit(limitMs: number, run: () => void): () => void {
    const { timers, turns } = this.options.ports;
    return timers.after(limitMs, () => turns.soon(run));
  }

  private open(): void {
    const driver = new Redis(this.options.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      disableClientInfo: true,
      retryStrategy: null,
      reconnectOnError: null,
      maxRetriesPerRequest: 0,
      connectTimeout: connectMs,
    });
    this.driver = driver;
    driver.on('error', (error: Error) => this.drop(driver, redisSentence(error)));
    driver.on('end', () => this.drop(driver, 'the connection to Redis was lost'));
    driver.on('ready', () => this.onReady(driver));
    this.stopTimer = this.limit(connectMs, () => {
      if (!this.isUp) this.drop(driver, `Redis has not answered within ${connectMs} ms`);
    });
    // Whatever goes wrong arrives as an event, too.
    driver.connect().catch(() => {});
  }

  private onReady(driver: Redis): void {
    if (driver !== this.driver) return;
    this.stopTimer();
    this.isUp = true;
    this.pauseMs = pauseMsMin;
    this.options.onState?.({ kind: 'up' });
    for (const run of this.opened) run(driver);
  }

  private drop(driver: Redis, message: string): void {
    if (driver !== this.driver) return;
    this.driver = undefined;
    const wasUp = this.isUp;
    this.isUp = false;
    const isNews = wasUp || message !== this.whyAway;
    this.whyAway = message;
    this.stopTimer();
    driver.disconnect();
    // A frozen Redis does not answer a goodbye, and its socket would keep what was written to it.
    (driver as { stream?: Redis['stream'] }).stream?.destroy();
    if (isNews && !this.isClosed) this.options.onState?.({ kind: 'away', message });
    if (this.isClosed) return;
    const { random, timers } = this.options.ports;
    this.stopTimer = timers.after(this.pauseMs * (0.75 + random.next() / 2), () => this.open());
    this.pauseMs = Math.min(pauseMsMax, this.pauseMs * 2);
  }
}
