/** Where the watchers of memory live: on the main thread, one for each tier. */
import { MemoryWatcher, type MemoryWatcherMessage } from '#actors/memory-watcher/memory-watcher.js';
import type { Watched } from '#actors/memory-watcher/ports.js';
import type { Config } from '#src/config.js';
import type { Log } from '#src/log.js';
import { detectProcessLimit, processMemoryBytes } from '#src/process-memory.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { RedisEviction } from '#src/storage/redis/eviction.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import { createMemoryReports } from './memory-reports.js';

type MemoryConfig = Pick<
  Config,
  'redisUrl' | 'redisPrefix' | 'redisLimitMb' | 'memoryLimitMb' | 'memoryMarginMb'
>;

const mebibyte = 1024 * 1024;

/**
 * Watches Redis, by a connection of its own, or where there is none what is kept in this process; the returned function
 * ends it.
 */
export function startMemoryWatch(options: {
  config: MemoryConfig;
  log: Log;
  inProcess: Evictable;
}): () => void {
  const { config, log, inProcess } = options;
  if (config.redisUrl === undefined) return watchMemory({ tiers: [inProcess], config, log });
  const connection = new RedisConnection({ url: config.redisUrl, ports: nodeRuntimePorts() });
  const redis = new RedisEviction({ connection, keys: redisKeys(config.redisPrefix) });
  const end = watchMemory({ tiers: [redis], config, log });
  return () => {
    end();
    connection.close();
  };
}

/**
 * Watches the tiers until the returned function is called; without a tier it does nothing.
 *
 * @param options.tiers each with a connection of its own, so that it is answered while others are busy
 */
function watchMemory(options: { tiers: readonly Evictable[]; config: MemoryConfig; log: Log }): () => void {
  const { tiers, config, log } = options;
  if (tiers.length === 0) return () => {};
  const ports = nodeRuntimePorts();
  const report = createMemoryReports(log);
  const watchedOf = new Map(tiers.map((tier) => [tier.name as string, watched(tier, config)]));
  const system = createActorSystem({
    ports,
    options: {
      onCrash: ({ error }) => log.error({ err: error }, 'a memory watcher crashed and is started again'),
    },
  });
  system.register<MemoryWatcherMessage>('memory-watcher', {
    create: (context) => {
      const tier = watchedOf.get(context.id);
      if (tier === undefined) throw new Error(`there is no tier ${context.id}`);
      return new MemoryWatcher(context, { ...ports, ...tier, report });
    },
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: (message) =>
      log.error({ message: message.kind }, 'a memory watcher could not take a message'),
  });
  for (const name of watchedOf.keys()) system.tell(`memory-watcher/${name}`, { kind: 'look due' });
  return () => system.stop();
}

function watched(
  evictable: Evictable,
  { redisLimitMb, memoryLimitMb, memoryMarginMb }: MemoryConfig,
): Watched {
  const marginBytes = memoryMarginMb * mebibyte;
  if (evictable.name !== 'memory')
    return { evictable, marginBytes, limitBytes: evictable.name === 'redis' ? redisLimitMb * mebibyte : 0 };
  const detected = detectProcessLimit();
  const limitBytes = memoryLimitMb === 0 ? detected : Math.min(memoryLimitMb * mebibyte, detected);
  const processMemory = () => ({ usedBytes: processMemoryBytes(), limitBytes });
  return { evictable, marginBytes, limitBytes: 0, processMemory };
}
