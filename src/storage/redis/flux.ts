/**
 * A flux over sharded channels of Redis. Listening has a connection of its own, subscribed again each time it opens;
 * what was published in between is lost, as it may be.
 */
import type { Redis } from 'ioredis';
import type { RuntimePorts } from '../../runtime/ports.js';
import { seal } from '../tiers/envelope.js';
import type { Flux } from '../tiers/flux.js';
import { Listeners } from '../tiers/listeners.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';

const publishMs = 250;
const subscribeMs = 1_000;
/** A connection that only listens does not notice that nobody is there. */
const pingMs = 5_000;

export interface RedisFluxOptions {
  /** Shared with others. */
  readonly publisher: RedisConnection;
  /** Of the flux alone: it closes it. */
  readonly listener: RedisConnection;
  readonly keys: RedisKeys;
  readonly ports: RuntimePorts;
}

export class RedisFlux implements Flux {
  private readonly options: RedisFluxOptions;
  private readonly listeners: Listeners;
  private readonly stopOpening: () => void;
  private cancelPing = () => {};
  /** Messages that were not published: Redis was away, or too slow. */
  dropped = 0;

  constructor(options: RedisFluxOptions) {
    this.options = options;
    this.listeners = new Listeners(options.ports.clock);
    this.stopOpening = options.listener.onOpen((redis) => this.onOpen(redis));
    this.pingLater();
  }

  get counts(): Listeners['counts'] {
    return this.listeners.counts;
  }

  publish(node: string, payload: Uint8Array): void {
    const { publisher, keys, ports } = this.options;
    const message = seal(payload, ports.clock.now());
    publisher.call(
      publishMs,
      (redis) => redis.spublish(keys.flux(node), message),
      ({ kind }) => {
        if (kind === 'failed') this.dropped += 1;
      },
    );
  }

  subscribe(node: string, onMessage: (payload: Uint8Array) => void): () => void {
    const { isFirst, remove } = this.listeners.add(node, onMessage);
    const channel = this.options.keys.flux(node);
    if (isFirst) this.tell((redis) => redis.ssubscribe(channel));
    return () => {
      if (remove()) this.tell((redis) => redis.sunsubscribe(channel));
    };
  }

  close(): void {
    this.cancelPing();
    this.stopOpening();
    this.options.listener.close();
  }

  private onOpen(redis: Redis): void {
    const prefix = this.options.keys.flux('');
    redis.on('smessageBuffer', (channel: Buffer, message: Buffer) =>
      this.listeners.hear(channel.toString().slice(prefix.length), message),
    );
    for (const node of this.listeners.nodes()) {
      this.tell((driver) => driver.ssubscribe(this.options.keys.flux(node)));
    }
  }

  /** While it is away nothing is told: opening tells everything. */
  private tell(ask: (redis: Redis) => Promise<unknown>): void {
    this.options.listener.call(subscribeMs, ask, () => {});
  }

  private pingLater(): void {
    this.cancelPing = this.options.ports.timers.after(pingMs, () => {
      this.tell((redis) => redis.ping());
      this.pingLater();
    });
  }
}
