/** A shard thread: its core on real ports, its services, and the links to the fronts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Sql } from 'postgres';
import { createLog, type Log } from '#src/log.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import type { LogStore } from '#src/storage/ports.js';
import { blockedAmong } from '#src/storage/postgres/blocks.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { createPresenceTables } from '#src/storage/postgres/presence-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import type { ThreadSettings, ToMain, ToThread } from './control.js';
import { FrontLinks } from './front-links.js';
import { readMetrics } from './metric-readings.js';
import { conversationRateOf, userRatesOf } from './rate-limits.js';
import { createServiceDesk } from './service-desk.js';
import { createShardCore, type ShardCore, type ShardCoreOptions } from './shard-core.js';
import { answerMemory } from './shard-memory.js';
import { createShardMetrics } from './shard-metrics.js';
import { createShardServices, type ShardServices } from './shard-services.js';
import { openShardTiers, type ShardTiers } from './shard-tiers.js';

/** What a mark weighs in a `read.update`: of JSON, which is longer. */
const receiptBytes = 60;

/** Faults that tests plant; nothing in production. */
export interface ShardHooks {
  wrapStore?(store: LogStore): LogStore;
  /** Every answer to a front passes through it; undefined drops it. */
  onPost?(message: ToFront): ToFront | undefined;
  readonly wrapConversation?: ShardCoreOptions['wrapConversation'];
}

function openStore({ index, postgresUrl: url, shardNumbers, owners }: ThreadSettings): PostgresLogStore {
  return new PostgresLogStore({ url, shard: shardNumbers[index] ?? index, owners });
}

/** Runs in a worker thread until main says `stop`. */
export function runShard(hooks: ShardHooks = {}): void {
  const settings = workerData as ThreadSettings;
  const { config, index } = settings;
  const log = createLog({ level: config.logLevel, thread: `shard-${index}` });
  registerThreadMetrics(`shard-${index}`);
  const ports = nodeRuntimePorts();
  const metrics = createShardMetrics();

  const links = new FrontLinks({
    turns: ports.turns,
    onMessage: (message) => onMessage(message),
    onGone: (front) => core.tellPresence({ kind: 'front gone', front }),
    ...(hooks.onPost ? { onPost: hooks.onPost } : {}),
  });
  const store = openStore(settings);
  const tiers = openShardTiers(settings, log);
  const sql = openSql(settings.postgresUrl, { max: 1, name: `nubo presence ${index}` });
  const core = createShardCore({
    ports,
    store: hooks.wrapStore?.(store) ?? store,
    publisher: links.publisher,
    stirs: links.stirs,
    rates: userRatesOf(config),
    conversationRate: conversationRateOf(config),
    fronts: () => links.fronts,
    frontCount: config.fronts,
    receiptsMembersMax: config.receiptsMembersMax,
    receiptMarksMax: Math.floor(config.ephemeralBytesPerSecond / 4 / receiptBytes),
    post: (front, message) => links.post(front, message),
    offer: (front, message) => links.offer(front, message),
    presenceStore: createPresenceTables(sql, {
      blocked: (asker, users) => blockedAmong(sql, asker, users),
      onError: (error) => log.warn({ err: error }, 'what is kept of presence could not be read or written'),
    }),
    onBatch: metrics.onBatch,
    onCrash: (address, error) => log.error({ err: error, address }, 'an actor crashed'),
    fatal: (reason, message) => {
      tellMain({ kind: 'fatal', reason, message });
      // A fenced shard waits for main to end the process; the others end alone and are started again.
      if (reason !== 'fenced') setImmediate(() => process.exit(1));
    },
    ...tiers.core,
    ...(hooks.wrapConversation ? { wrapConversation: hooks.wrapConversation } : {}),
  });
  metrics.watch(core);
  const services = createShardServices(settings, core, tiers, (message) => links.broadcast(message), log);
  const desk = createServiceDesk({
    handlers: services.handlers,
    post: (front, message) => links.post(front, message),
    log,
  });

  function onMessage(message: ToShard): void {
    switch (message.kind) {
      case 'call':
        return desk.take(message);
      case 'unregister':
        return links.publisher.unregister(message.front, message.conv);
      case 'follow':
        return links.stirs.follow(message.front);
      case 'unfollow':
        return links.stirs.unfollow(message.front);
      default:
        return core.onRequest(message);
    }
  }

  hearMain({ core, links, services, tiers, log, sql });
  tellMain({ kind: 'started' });
}

function tellMain(message: ToMain): void {
  parentPort?.postMessage(message);
}

interface ShardParts {
  readonly core: ShardCore;
  readonly links: FrontLinks;
  readonly services: ShardServices;
  readonly tiers: ShardTiers;
  readonly log: Log;
  /** Of presence. */
  readonly sql: Sql;
}

/** Does what main says. */
function hearMain({ core, links, services, tiers, log, sql }: ShardParts): void {
  parentPort?.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'link':
        return links.connect(message.index, message.port);
      case 'peer gone':
        return links.disconnect(message.index);
      case 'read metrics':
        void readMetrics(message.id).then(tellMain, (error) =>
          log.error({ err: error }, 'metrics could not be read'),
        );
        return;
      case 'read memory':
      case 'evict':
        return answerMemory(tiers.memory, message, tellMain);
      case 'drain':
        void Promise.all([core.drain(), core.endPresence()]).then(() => tellMain({ kind: 'drained' }));
        return;
      case 'stop':
        core.stop();
        void Promise.allSettled([services.close(), tiers.close(), sql.end({ timeout: 1 })]).finally(() =>
          process.exit(0),
        );
        return;
      case 'listen':
      case 'metrics':
      case 'draining':
      case 'lock':
      case 'tiers':
      case 'close sockets':
        return;
      default:
        return message satisfies never;
    }
  });
}
