/** A shard thread: its core on real ports, the services of people and lists, and the links to the fronts. */
import { fileURLToPath } from 'node:url';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { register } from 'prom-client';
import { NuboError } from '#src/errors.js';
import { createLog } from '#src/log.js';
import { createPasswordPool } from '#src/people/passwords.js';
import { createPeopleServices } from '#src/people/services.js';
import { createTokens } from '#src/people/tokens.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import type { LogStore } from '#src/storage/ports.js';
import { createDirectory } from '#src/storage/postgres/directory.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import { createLink, type Link } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { createPublisher } from '#src/threads/publisher.js';
import type { ServiceHandlers } from '#src/threads/services.js';
import type { MetricsJson, ThreadSettings, ToMain, ToThread } from './control.js';
import { createServiceDesk } from './service-desk.js';
import { createShardCore, type ShardCore, type ShardCoreOptions } from './shard-core.js';
import { createShardMetrics } from './shard-metrics.js';

/** Faults that tests plant; nothing in production. */
export interface ShardHooks {
  wrapStore?(store: LogStore): LogStore;
  /** Every message to a front passes through it; undefined drops it. */
  onPost?(message: ToFront): ToFront | undefined;
  readonly wrapConversation?: ShardCoreOptions['wrapConversation'];
}

type FrontLink = Link<ToFront, ToShard>;

/** Runs in a worker thread until main says `stop`. */
export function runShard(hooks: ShardHooks = {}): void {
  const settings = workerData as ThreadSettings;
  const { config, index, postgresUrl } = settings;
  const log = createLog({ level: config.logLevel, thread: `shard-${index}` });
  const ports = nodeRuntimePorts();
  const metrics = createShardMetrics();
  registerThreadMetrics(`shard-${index}`);
  const tellMain = (message: ToMain): void => parentPort?.postMessage(message);

  const links = new Map<number, FrontLink>();
  const post = (front: number, message: ToFront): void => {
    const sent = hooks.onPost === undefined ? message : hooks.onPost(message);
    // Bounded by the requests they answer; what nobody asked for goes through the publisher.
    if (sent !== undefined) links.get(front)?.postAlways(sent);
  };
  const publisher = createPublisher({ posts: (front) => links.get(front) });
  const postgresStore = new PostgresLogStore({
    url: postgresUrl,
    shard: settings.shardNumbers[index] ?? index,
  });
  const store = hooks.wrapStore?.(postgresStore) ?? postgresStore;
  const core = createShardCore({
    ports,
    store,
    publisher,
    rates: {
      standard: { perSecond: config.ratePerSecond, burst: config.rateBurst },
      high: { perSecond: config.highRatePerSecond, burst: config.highRateBurst },
    },
    fronts: () => [...links.keys()],
    post,
    onBatch: metrics.onBatch,
    onCrash: (address, error) => log.error({ err: error, address }, 'an actor crashed'),
    fatal: (reason, message) => {
      tellMain({ kind: 'fatal', reason, message });
      // A fenced shard waits for main to end the process; the others end alone and are started again.
      if (reason !== 'fenced') setImmediate(() => process.exit(1));
    },
    ...(hooks.wrapConversation ? { wrapConversation: hooks.wrapConversation } : {}),
  });
  metrics.watch(core);
  const services = createServices(settings, core, (message) => {
    for (const front of links.keys()) post(front, message);
  });
  const desk = createServiceDesk({ handlers: services.handlers, post, log });

  const onLink = (front: number, port: MessagePort): void => {
    links.get(front)?.close();
    publisher.frontGone(front);
    const link = createLink<ToFront, ToShard>({ port, turns: ports.turns });
    links.set(front, link);
    link.onMessages((messages) => {
      for (const message of messages) onMessage(message);
    });
  };
  const onMessage = (message: ToShard): void => {
    switch (message.kind) {
      case 'call':
        return desk.take(message);
      case 'unregister':
        return publisher.unregister(message.front, message.conv);
      case 'online':
      case 'offline':
        return;
      default:
        return core.onRequest(message);
    }
  };

  parentPort?.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'link':
        return onLink(message.index, message.port);
      case 'peer gone':
        links.get(message.index)?.close();
        links.delete(message.index);
        return publisher.frontGone(message.index);
      case 'read metrics':
        register.getMetricsAsJSON().then(
          (values) => tellMain({ kind: 'metrics read', id: message.id, metrics: values as MetricsJson }),
          (error) => log.error({ err: error }, 'metrics could not be read'),
        );
        return;
      case 'drain':
        core.drain().then(() => tellMain({ kind: 'drained' }));
        return;
      case 'stop':
        core.stop();
        services.close().finally(() => process.exit(0));
        return;
      case 'listen':
      case 'metrics':
      case 'draining':
      case 'close sockets':
        return;
      default:
        return message satisfies never;
    }
  });
  tellMain({ kind: 'started' });
}

function createServices(settings: ThreadSettings, core: ShardCore, broadcast: (message: ToFront) => void) {
  const { config, postgresUrl, index } = settings;
  const clock = { now: () => Date.now() };
  const sql = openSql(postgresUrl, { max: 4, name: `nubo services ${index}` });
  const passwords = createPasswordPool({ filename: fileURLToPath(new URL('./pool.js', import.meta.url)) });
  const tokens = createTokens({
    secret: config.secret,
    ...(config.appSecret === undefined ? {} : { appSecret: config.appSecret }),
    ...(config.appJwksUrl === undefined ? {} : { appJwksUrl: config.appJwksUrl }),
    accessMs: config.accessTokenSeconds * 1000,
    clock,
  });
  const handlers: ServiceHandlers = {
    ...createPeopleServices({
      sql,
      tokens,
      passwords,
      clock,
      broadcast: (revocation) => broadcast({ kind: 'revoked', revocation }),
      refreshMs: config.refreshTokenDays * 24 * 3_600_000,
    }),
    ...createDirectory(sql),
    'heads.flush': async () => {
      if (!(await core.flush()))
        throw new NuboError('unavailable', 'The database cannot be written now.', { retryMs: 500 });
      return null;
    },
    probe: async () => {
      const batch = await core.probe();
      if (batch === undefined)
        throw new NuboError('unavailable', 'This shard cannot commit now.', { retryMs: 500 });
      return { batch };
    },
  };
  return {
    handlers,
    close: async () => {
      await Promise.allSettled([passwords.close(), sql.end({ timeout: 1 })]);
    },
  };
}
