/**
 * Pages of events from Redis, in this process: through the tier, which decodes and checks each event, and as bare bytes
 * by ioredis. Both ask for the same elements, so many pages at a time.
 */
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { RedisMirror } from '#src/storage/redis/mirror.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Measurement } from '../contract.js';
import { Latencies } from '../generator/latencies.js';
import { given } from '../run/given.js';

export interface RedisPagesOptions {
  readonly url: string;
  /** Keys of its own; whoever gave the Redis removes them. */
  readonly prefix: string;
  readonly rooms: number;
  readonly messagesEach: number;
  readonly pageEvents: number;
  readonly textBytes: number;
  readonly outstanding: number;
  /** Of each measurement. */
  readonly seconds: number;
}

/** Names of its measurements. */
export const redisPageParts = {
  tier: 'page through the tier of Redis',
  bare: 'the same by bare ioredis',
} as const;

interface Page {
  readonly conv: string;
  readonly from: number;
  readonly to: number;
}

/** Rejects when a page is not what was put there. */
type ReadPage = (page: Page) => Promise<void>;

export class RedisPages {
  private readonly options: RedisPagesOptions;
  private readonly connection: RedisConnection;
  private readonly mirror: RedisMirror;
  private readonly bare: Redis;
  private readonly pages: readonly Page[];

  private constructor(options: RedisPagesOptions) {
    const ports = nodeRuntimePorts();
    this.options = options;
    this.connection = new RedisConnection({ url: options.url, ports });
    this.mirror = new RedisMirror({ connection: this.connection, keys: redisKeys(options.prefix), ports });
    this.bare = new Redis(options.url);
    this.pages = pagesOf(options);
  }

  static async open(options: RedisPagesOptions): Promise<RedisPages> {
    const pages = new RedisPages(options);
    await new Promise<void>((resolve) => {
      const stop = pages.connection.onOpen(() => {
        stop();
        resolve();
      });
    });
    for (const { conv, from, to } of pages.pages)
      await pages.put(eventsOf(conv, { from, to }, options.textBytes));
    return pages;
  }

  tier(): Promise<Measurement> {
    return this.measure(redisPageParts.tier, 'engine', (page) => this.readTier(page));
  }

  bareBytes(): Promise<Measurement> {
    return this.measure(redisPageParts.bare, 'limit', (page) => this.readBare(page));
  }

  close(): void {
    this.mirror.close();
    this.connection.close();
    this.bare.disconnect();
  }

  private put(events: readonly LogEvent[]): Promise<void> {
    const changes = events.map((event) => changeOfEvent(event, 1));
    return new Promise((resolve, reject) =>
      this.mirror.put(changes, (result) =>
        result.kind === 'applied' ? resolve() : reject(new Error(result.message)),
      ),
    );
  }

  private readTier(page: Page): Promise<void> {
    return new Promise((resolve, reject) =>
      this.mirror.events(page, (found) => {
        const isWhole = found.kind === 'events' && found.events.length === page.to - page.from + 1;
        if (isWhole) resolve();
        else reject(new Error(`a page was ${found.kind === 'failed' ? found.message : found.kind}`));
      }),
    );
  }

  private async readBare({ conv, from, to }: Page): Promise<void> {
    const fields: string[] = [];
    for (let seq = from; seq <= to; seq += 1) fields.push(`${conv}:${seq}`);
    const values = await this.bare.hmgetBuffer(
      redisKeys(this.options.prefix).cache(messages.name),
      ...fields,
    );
    if (values.includes(null)) throw new Error('an element was not there');
  }

  private async measure(part: string, kind: Measurement['kind'], read: ReadPage): Promise<Measurement> {
    const { seconds, outstanding } = this.options;
    const latencies = new Latencies();
    const cpu = process.cpuUsage();
    const begun = performance.now();
    const until = begun + seconds * 1_000;
    let reads = 0;
    const loop = async (): Promise<void> => {
      for (let now = performance.now(); now < until; now = performance.now()) {
        const page = this.pages[reads % this.pages.length];
        reads += 1;
        if (page !== undefined) await read(page);
        latencies.record(performance.now() - now);
      }
    };
    await Promise.all(Array.from({ length: outstanding }, loop));
    const { user, system } = process.cpuUsage(cpu);
    const times = latencies.percentiles();
    const took = (performance.now() - begun) / 1_000;
    return {
      ...{ part, kind, label: part },
      figures: given({
        ...{ readsPerSecond: reads / took, readP50: times?.p50, readP99: times?.p99, pages: reads },
        cpuMicrosecondsEach: (user + system) / reads,
      }),
    };
  }
}

function pagesOf({ rooms, messagesEach, pageEvents }: RedisPagesOptions): Page[] {
  return Array.from({ length: rooms }, () => uuidv7()).flatMap((conv) =>
    Array.from({ length: Math.floor(messagesEach / pageEvents) }, (_, page) => ({
      ...{ conv, from: page * pageEvents + 1, to: (page + 1) * pageEvents },
    })),
  );
}

function eventsOf(
  conv: string,
  { from, to }: { from: number; to: number },
  textBytes: number,
): LogEvent<'message.new'>[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const seq = from + index;
    const place = { conv, seq, number: seq, id: uuidv7(), from: uuidv7(), at: Date.now() };
    return { ev: 'message.new', ...place, text: `${seq} `.padEnd(textBytes, '.') };
  });
}
