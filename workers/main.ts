/**
 * The supervisor: prepares the database, starts the threads, links them, starts again what dies, and takes all down.
 * No traffic passes through it.
 */
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Config } from '#src/config.js';
import { StartError } from '#src/errors.js';
import { createLog, type Log } from '#src/log.js';
import { openStore } from '#src/media/open-store.js';
import { ensureDemo } from '#src/people/demo.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { prepareDatabase } from '#src/storage/postgres/prepare.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { FreshUntil } from '#src/storage/tiers/fresh-until.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import type { ThreadSettings } from './control.js';
import { drainThreads } from './drain.js';
import { createEnding } from './ending.js';
import { createHearing } from './hearing.js';
import { startHousekeeping } from './housekeeping.js';
import { watchLock } from './lock-watch.js';
import { startMemoryWatch } from './memory-watch.js';
import { MetricsHub } from './metrics-hub.js';
import { startSearchIndex } from './search-index.js';
import { ShardsMemory } from './shards-memory.js';
import { Threads } from './threads.js';
import { startTierUpkeep } from './tier-upkeep.js';
import { createTierNews, type TierChecks, watchTiers } from './tier-watch.js';

export interface Nubo {
  /** Where the fronts listen. */
  readonly port: number;
  /** Drains and stops (O4). 0, or 1 when the deadline passed with something left. */
  stop(): Promise<number>;
}

export interface StartHooks {
  /** Other thread files, for tests that plant faults. */
  readonly files?: Partial<Record<ThreadSettings['role'], URL>>;
}

const threadFiles: Readonly<Record<ThreadSettings['role'], URL>> = {
  front: new URL('./front.js', import.meta.url),
  shard: new URL('./shard.js', import.meta.url),
};

/**
 * Starts nubo on a Postgres that runs. `config.postgresUrl` must be set.
 *
 * @throws UserError on unsafe settings of the database, StartError when another nubo serves it
 */
export async function startNubo(config: Config, hooks: StartHooks = {}): Promise<Nubo> {
  const { postgresUrl } = config;
  if (postgresUrl === undefined) throw new Error('startNubo needs the URL of a Postgres');
  const log = createLog({ level: config.logLevel, thread: 'main' });
  registerThreadMetrics('main');
  const database = await prepareDatabase({ url: postgresUrl, shards: config.shards, log });
  if (config.demo !== undefined) {
    const poolFile = fileURLToPath(new URL('./pool.js', import.meta.url));
    await ensureDemo({ url: postgresUrl, demo: config.demo, poolFile });
  }
  const endUpkeep = await startTierUpkeep({ ...config, database: database.name }, log).catch(
    async (error: unknown) => {
      await database.close();
      throw error;
    },
  );
  const port = config.port === 0 ? await freePort(config.host) : config.port;

  const hub = new MetricsHub((id) => {
    threads.tell('front', { kind: 'read metrics', id });
    threads.tell('shard', { kind: 'read metrics', id });
    return threads.up.length;
  });
  const shared = { stamps: new ChangeStamps().shared, freshUntil: new FreshUntil().shared };
  const threads = new Threads({
    files: { ...threadFiles, ...hooks.files },
    counts: { front: config.fronts, shard: config.shards },
    settings: (role, index) => ({
      ...{ role, index, config, postgresUrl, port },
      ...{ shardNumbers: database.shardNumbers, pastShards: database.pastShards, shared },
      owners: role === 'shard' ? database.ownersOf(database.shardNumbers[index] ?? index) : [],
    }),
    // What such a thread took now could be another server's (L13).
    mayStart: async (role) => role === 'front' || database.lock.untilHeld(),
    log,
    onMessage: (message, thread) => hear(message, thread),
    onGiveUp: (message) => endProcess(message),
  });
  const endProcess = createEnding(threads, log);
  const tierNews = createTierNews(threads);
  const memory = new ShardsMemory({
    timers: nodeRuntimePorts().timers,
    shards: () => threads.up.filter(({ role }) => role === 'shard').map(({ index }) => index),
    tell: (shard, message) => threads.tellOne('shard', shard, message),
  });
  const hear = createHearing({ threads, hub, memory, tierNews, lock: database.lock, log, endProcess });
  watchLock({ lock: database.lock, threads, log, endProcess });

  try {
    await threads.start();
  } catch (error) {
    await threads.stop();
    await endUpkeep();
    await database.close();
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
  const endHousekeeping = keepHouse({ config, url: postgresUrl, log, memory, onChecks: tierNews.onChecks });
  return {
    port,
    stop: async () => {
      const housekeepingEnded = endHousekeeping();
      const code = await drainThreads(threads, config, log);
      await Promise.all([housekeepingEnded, endUpkeep()]);
      await database.close();
      return code;
    },
  };
}

/** What goes on beside the traffic. */
function keepHouse(options: {
  config: Config;
  url: string;
  log: Log;
  memory: Evictable;
  onChecks(checks: TierChecks): void;
}): () => Promise<void> {
  const { config, url, log, memory, onChecks } = options;
  const retention = { months: config.retentionMonths, isKept: config.expiredMonths === 'keep' };
  const endMemoryWatch = startMemoryWatch({ config, log, inProcess: memory });
  const endHousekeeping = startHousekeeping({ url, retention, media: openStore(config), log });
  const endTierWatch = watchTiers({ config, onChecks });
  const endSearchIndex = startSearchIndex({ config, url, log });
  return async () => {
    endMemoryWatch();
    await Promise.all([endHousekeeping(), endTierWatch(), endSearchIndex()]);
  };
}

/** Asks the system for a free port. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
