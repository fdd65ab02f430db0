/** A front thread: sockets and HTTP around the front's core, and the links to the shards. */
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import type { Config } from '#src/config.js';
import { createFront, type Front } from '#src/front/front.js';
import { registerFrontMetrics } from '#src/front/metrics.js';
import { Rest } from '#src/front/rest/rest.js';
import { createServer, type FrontServer } from '#src/front/server.js';
import { createLog, type Log } from '#src/log.js';
import { createRevocations, type Revocations } from '#src/people/revocations.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import { createPlacement } from '#src/threads/placement.js';
import type { ThreadSettings, ToMain, ToThread } from './control.js';
import { createReadings, readMetrics } from './metric-readings.js';
import { createReadiness } from './readiness.js';
import { ShardLinks } from './shard-links.js';
import { createThreadTokens } from './thread-tokens.js';
import { version } from './version.js';

/** Runs in a worker thread until main says `stop`. */
export function runFront(): void {
  const settings = workerData as ThreadSettings;
  const { config, index, port } = settings;
  const log = createLog({ level: config.logLevel, thread: `front-${index}` });
  const ports = nodeRuntimePorts();
  registerThreadMetrics(`front-${index}`);
  const tellMain = (message: ToMain): void => parentPort?.postMessage(message);
  const onFault = (error: unknown): void => log.error({ err: error }, 'a front handler failed');

  const links = new ShardLinks(ports.turns);
  const revocations = createRevocations({ clock: ports.clock });
  const server = createServer({ host: config.host, port, allowedOrigins: config.allowedOrigins, onFault });
  const tokens = createThreadTokens(config);
  const front = createFront({
    number: index,
    ports,
    broadcast: server.broadcast,
    placement: createPlacement({ shards: settings.shardNumbers }),
    post: (shard, message) => links.post(shard, message),
    verify: (token) => tokens.verify(token),
    revocations,
    stopwatch: () => performance.now() / 1000,
    onFault,
  });
  registerFrontMetrics(register, front);
  const readings = createReadings(tellMain);
  let isLeaving = false;
  const rest = createRest({ front, config, onFault, readings, isLeaving: () => isLeaving });

  // An uncaught error in a thread with an open App would abort the whole process: close it first, then die.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a front thread failed');
    server.close();
    process.exit(1);
  });

  parentPort?.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'link':
        return links.connect(message.index, message.port, front);
      case 'peer gone':
        return links.disconnect(message.index, front);
      case 'listen':
        void listen({ server, front, rest, revocations, log }).then((isListening) =>
          tellMain({ kind: 'listening', isListening }),
        );
        return;
      case 'read metrics':
        void readMetrics(message.id).then(tellMain, onFault);
        return;
      case 'metrics':
        return readings.answer(message.id, message.text);
      case 'draining':
        isLeaving = true;
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
        return;
      default:
        return message satisfies never;
    }
  });
  tellMain({ kind: 'started' });
}

function createRest(parts: {
  front: Front;
  config: Config;
  onFault: (error: unknown) => void;
  readings: ReturnType<typeof createReadings>;
  isLeaving: () => boolean;
}): Rest {
  const { front, config, onFault, readings, isLeaving } = parts;
  const readiness = createReadiness(front);
  return new Rest({
    front,
    makeId: uuidv7,
    providers: {
      health: async () => ({ status: 'ok', version }),
      readiness: async () => (isLeaving() ? { ready: false, checks: { server: 'draining' } } : readiness()),
      metrics: async () => ({ contentType: register.contentType, text: await readings.ask() }),
    },
    operatorKey: config.operatorKey,
    openMetrics: config.env === 'development',
    allowedOrigins: config.allowedOrigins,
    version,
    onFault,
  });
}

/** What is revoked must be known before the first token is looked at. */
async function listen(parts: {
  server: FrontServer;
  front: Front;
  rest: Rest;
  revocations: Revocations;
  log: Log;
}): Promise<boolean> {
  const { server, front, rest, revocations, log } = parts;
  try {
    for (const revocation of await front.call(0, 'revocations.list', null)) revocations.apply(revocation);
    await server.serve(front, rest);
    return true;
  } catch (error) {
    log.error({ err: error }, 'the front cannot listen');
    return false;
  }
}
