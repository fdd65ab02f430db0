/** A front thread: sockets and HTTP around the front's core, and the links to the shards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import type { Config } from '#src/config.js';
import { createFront, type Front } from '#src/front/front.js';
import { registerFrontMetrics } from '#src/front/metrics.js';
import type { Media } from '#src/front/rest/media.js';
import { Rest } from '#src/front/rest/rest.js';
import { createServer, type FrontServer } from '#src/front/server.js';
import { createLog, type Log } from '#src/log.js';
import { attachmentLimits } from '#src/media/limits.js';
import { openStore } from '#src/media/open-store.js';
import { Receiver } from '#src/media/receiver.js';
import { Proxies } from '#src/people/proxies.js';
import { createRevocations } from '#src/people/revocations.js';
import { Rates } from '#src/rates.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import { createPlacement } from '#src/threads/placement.js';
import type { ThreadSettings, ToMain, ToThread } from './control.js';
import { createReadings, readMetrics } from './metric-readings.js';
import { conversationRateOf, guardRatesOf, userRatesOf } from './rate-limits.js';
import { createReadiness, type Readiness } from './readiness.js';
import { ShardLinks } from './shard-links.js';
import { createThreadTokens } from './thread-tokens.js';
import type { TierChecks } from './tier-watch.js';
import { version } from './version.js';

/** What main says of the process, for `/readyz` (O2). */
interface Standing {
  isLeaving: boolean;
  isLockHeld: boolean;
  /** What is optional: said, and never the reason not to be ready. */
  tiers: TierChecks;
}

const readAgainMs = 250;

/** Runs in a worker thread until main says `stop`. */
export function runFront(): void {
  const settings = workerData as ThreadSettings;
  const { config, index, port } = settings;
  const log = createLog({ level: config.logLevel, thread: `front-${index}` });
  const ports = nodeRuntimePorts();
  registerThreadMetrics(`front-${index}`);
  const onFault = (error: unknown): void => log.error({ err: error }, 'a front handler failed');

  const links = new ShardLinks(ports.turns);
  const revocations = createRevocations({ clock: ports.clock });
  const server = createServer({ ...doorOf(config), port, onFault });
  const tokens = createThreadTokens(config);
  const front = createFront({
    number: index,
    ports,
    broadcast: server.broadcast,
    placement: createPlacement({ shards: settings.shardNumbers }),
    post: (shard, message) => links.post(shard, message),
    verify: (token) => tokens.verify(token),
    ...{ revocations, onFault },
    rates: new Rates(guardRatesOf(config), ports.clock),
    limits: limitsOf(config),
    stopwatch: () => performance.now() / 1000,
  });
  registerFrontMetrics(register, front);
  const readings = createReadings(tellMain);
  const standing: Standing = { isLeaving: false, isLockHeld: true, tiers: {} };
  let isListening = false;
  const rest = createRest({ front, config, onFault, readings, standing });

  // An uncaught error in a thread with an open App would abort the whole process: close it first, then die.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a front thread failed');
    server.close();
    process.exit(1);
  });

  parentPort?.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'link':
        links.connect(message.index, message.port, front);
        // What a shard broadcast while it died or was not linked is in the database.
        if (isListening) void readRevocations(front, log);
        return;
      case 'peer gone':
        return links.disconnect(message.index, front);
      case 'listen':
        void listen({ server, front, rest, log }).then((isOpen) => {
          isListening = isOpen;
          tellMain({ kind: 'listening', isListening });
        });
        return;
      case 'read metrics':
        void readMetrics(message.id).then(tellMain, onFault);
        return;
      case 'metrics':
        return readings.answer(message.id, message.text);
      case 'draining':
        standing.isLeaving = true;
        return;
      case 'lock':
        standing.isLockHeld = message.isHeld;
        return;
      case 'tiers':
        standing.tiers = message.checks;
        return;
      case 'close sockets':
        server.stopListening();
        front.drain(message.windowMs).then(() => tellMain({ kind: 'sockets closed' }), onFault);
        return;
      case 'stop':
        front.stop();
        server.close();
        process.exit(0);
        return;
      case 'drain':
      case 'read memory':
      case 'evict':
        return;
      default:
        return message satisfies never;
    }
  });
  tellMain({ kind: 'started' });
}

function doorOf({ host, allowedOrigins, trustedProxies }: Config) {
  return { host, allowedOrigins, proxies: new Proxies(trustedProxies) };
}

function limitsOf({
  awaySeconds,
  ephemeralBytesPerSecond,
  connectionRatePerSecond,
  connectionRateBurst,
}: Config) {
  return {
    ...{ awayMs: awaySeconds * 1000, ephemeralBytesPerSecond },
    ...{ connectionPerSecond: connectionRatePerSecond, connectionBurst: connectionRateBurst },
  };
}

function createRest(parts: {
  front: Front;
  config: Config;
  onFault: (error: unknown) => void;
  readings: ReturnType<typeof createReadings>;
  standing: Standing;
}): Rest {
  const { front, config, onFault, readings, standing } = parts;
  const askShards = createReadiness(front);
  const readiness = async (): Promise<Readiness> => {
    if (standing.isLeaving) return { ready: false, checks: { server: 'draining' } };
    const { ready, checks: shards } = await askShards();
    const checks = { ...shards, ...standing.tiers };
    if (standing.isLockHeld) return { ready, checks };
    return { ready: false, checks: { ...checks, 'database lock': 'lost, and being taken again' } };
  };
  return new Rest({
    front,
    makeId: uuidv7,
    providers: {
      health: async () => ({ status: 'ok', version }),
      readiness,
      metrics: async () => ({ contentType: register.contentType, text: await readings.ask() }),
    },
    shardRates: { operations: userRatesOf(config), conversation: conversationRateOf(config) },
    media: createMedia(front, config),
    operatorKey: config.operatorKey,
    openMetrics: config.env === 'development',
    allowedOrigins: config.allowedOrigins,
    version,
    onFault,
  });
}

function createMedia(front: Front, config: Config): Media {
  const store = openStore(config);
  const { timers } = nodeRuntimePorts();
  const receiver = new Receiver({
    ...{ store, timers },
    call: (service, input) => front.call(front.shardOf(input.id), service, input),
  });
  return { store, receiver, fileBytesMax: attachmentLimits(config).fileBytesMax };
}

/** What is revoked must be known before the first token is looked at. */
async function listen(parts: { server: FrontServer; front: Front; rest: Rest; log: Log }): Promise<boolean> {
  const { server, front, rest, log } = parts;
  try {
    await readRevocations(front, log);
    await server.serve(front, rest);
    return true;
  } catch (error) {
    log.error({ err: error }, 'the front cannot listen');
    return false;
  }
}

/** Tried until it succeeds: a shard or the database may be away for a while, and nobody may be let in without it. */
async function readRevocations(front: Front, log: Log): Promise<void> {
  for (;;) {
    try {
      const list = await front.call(0, 'revocations.list', null);
      front.onShardMessages(
        0,
        list.map((revocation) => ({ kind: 'revoked', revocation })),
      );
      return;
    } catch (error) {
      log.warn({ err: error }, 'revocations could not be read and are asked for again');
      await sleep(readAgainMs);
    }
  }
}

function tellMain(message: ToMain): void {
  parentPort?.postMessage(message);
}
