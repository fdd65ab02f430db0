/**
 * How large Redis and Mongo are and whether they answer, looked at from the main thread: for metrics (O3) and for
 * `/readyz` (O2), neither of which waits for them.
 */
import { Gauge } from 'prom-client';
import type { Config } from '#src/config.js';
import { entities } from '#src/entities/index.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { usageOf } from '#src/storage/redis/eviction.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import type { TierName } from '#src/storage/tiers/ports.js';
import type { Threads } from './threads.js';

export interface TierSize {
  readonly elements: number;
  readonly bytes: number;
}

/** `ok`, or why it is not used, by tier. */
export type TierChecks = Readonly<Record<string, string>>;

interface Watched {
  readonly name: TierName;
  readonly everyMs: number;
  /** Rejects with a sentence. */
  size(): Promise<TierSize>;
  close(): void | Promise<void>;
}

/** Counting documents asks every collection. */
const everyMs = { redis: 10_000, mongo: 30_000 } as const;
/** What is not connected yet is asked again soon. */
const againMs = 500;
const answerMs = 2_000;

/** What fronts say of the tiers: told to each as it starts, and to all when something changes. */
export function createTierNews(threads: Pick<Threads, 'tell' | 'tellOne'>) {
  let checks: TierChecks = {};
  return {
    onChecks(changed: TierChecks): void {
      checks = changed;
      threads.tell('front', { kind: 'tiers', checks });
    },
    tellOne: (index: number): void => threads.tellOne('front', index, { kind: 'tiers', checks }),
  };
}

/** Registers the gauges of a thread that has a tier, or of main; once a thread. */
export function registerTierSizes(read: () => Iterable<readonly [TierName, TierSize]>): void {
  const gauge = (name: string, help: string, pick: (size: TierSize) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ['tier'] },
      collect() {
        this.reset();
        for (const [tier, size] of read()) this.set({ tier }, pick(size));
      },
    });
  gauge('nubo_tier_elements', 'Elements in a tier when it was last looked at.', ({ elements }) => elements);
  gauge('nubo_tier_bytes', 'Bytes that a tier uses, of memory or of its disk.', ({ bytes }) => bytes);
}

/**
 * Looks until the returned function is called; without a tier it does nothing.
 *
 * @param options.onChecks told when something has changed
 */
export function watchTiers(options: {
  config: Pick<Config, 'redisUrl' | 'redisPrefix' | 'mongoUrl'>;
  onChecks(checks: TierChecks): void;
}): () => Promise<void> {
  const { config, onChecks } = options;
  const sizes = new Map<TierName, TierSize>();
  const checks: Record<string, string> = {};
  registerTierSizes(() => sizes);
  let isOver = false;
  const set = (name: TierName, check: string): void => {
    if (isOver || checks[name] === check) return;
    checks[name] = check;
    onChecks({ ...checks });
  };
  const timers = new Map<TierName, NodeJS.Timeout>();
  const look = async (tier: Watched): Promise<void> => {
    let isOk = true;
    try {
      sizes.set(tier.name, await tier.size());
      set(tier.name, 'ok');
    } catch (error) {
      isOk = false;
      sizes.delete(tier.name);
      set(tier.name, error instanceof Error ? error.message : String(error));
    }
    if (isOver) return;
    const ms = isOk ? tier.everyMs : againMs;
    timers.set(tier.name, setTimeout(() => void look(tier), ms).unref());
  };
  const tiers = [
    ...redisOf(config, (check) => set('redis', check)),
    ...mongoOf(config, (check) => set('mongo', check)),
  ];
  for (const tier of tiers) void look(tier);
  return async () => {
    isOver = true;
    for (const timer of timers.values()) clearTimeout(timer);
    await Promise.allSettled(tiers.map(async (tier) => tier.close()));
  };
}

type Tell = (check: string) => void;

/** An outage is told at once. */
function redisOf({ redisUrl, redisPrefix }: Pick<Config, 'redisUrl' | 'redisPrefix'>, tell: Tell): Watched[] {
  if (redisUrl === undefined) return [];
  const connection = new RedisConnection({
    ...{ url: redisUrl, ports: nodeRuntimePorts() },
    onState: (state) => tell(state.kind === 'up' ? 'ok' : state.message),
  });
  const { lru } = redisKeys(redisPrefix);
  const size = () =>
    new Promise<TierSize>((resolve, reject) => {
      connection.call(
        answerMs,
        (redis) => Promise.all([redis.zcard(lru), redis.info('memory')]),
        (answer) => {
          if (answer.kind === 'failed') return reject(new Error(answer.message));
          const [elements, info] = answer.value;
          const usage = usageOf(info, elements);
          if (usage.kind === 'failed') return reject(new Error(usage.message));
          resolve({ elements, bytes: usage.usedBytes });
        },
      );
    });
  return [{ name: 'redis', everyMs: everyMs.redis, size, close: () => connection.close() }];
}

function mongoOf({ mongoUrl }: Pick<Config, 'mongoUrl'>, tell: Tell): Watched[] {
  if (mongoUrl === undefined) return [];
  const connection = new MongoConnection({
    url: mongoUrl,
    onMove: ({ isAway, message }) => tell(isAway ? message : 'ok'),
  });
  const size = async (): Promise<TierSize> => {
    let elements = 0;
    for (const { collection } of entities) {
      elements += await connection.run('position', (database) =>
        database.collection(collection).estimatedDocumentCount(),
      );
    }
    const stats = await connection.run('position', (database) => database.command({ dbStats: 1 }));
    return { elements, bytes: Number(stats.totalSize ?? stats.storageSize ?? stats.dataSize ?? 0) };
  };
  return [{ name: 'mongo', everyMs: everyMs.mongo, size, close: () => connection.close() }];
}
