/**
 * The Postgres that nubo runs itself, in its data folder. It ends with nubo, however nubo ends, and is started
 * again when it ends alone.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../../errors.js';
import { lockFile } from '../../file-lock.js';
import type { Log } from '../../log.js';
import { makePrivateFolder } from '../../private-file.js';
import { findBinaries } from './binaries.js';
import { type Cluster, clusterFolder, ensureCluster, superuser } from './cluster.js';
import { settled } from './inhabitants.js';
import { createLauncher } from './launch.js';
import { type ServerProcess, startServer } from './server-process.js';

export interface EmbeddedPostgres {
  /** With the password: for the environment of threads, never for a command line or a log. */
  readonly url: string;
  /** Of the server as it runs now; another one after it was started again. */
  readonly pid: number;
  /** Fast shutdown; resolved when the server has ended. */
  stop(): Promise<void>;
}

/** Ends that nobody asked for, before it is left alone. */
const restartsMax = 5;
const restartWindowMs = 60_000;

/**
 * Starts the Postgres of a data folder, made at the first start (about a second). Call it on the main thread:
 * the server ends with the thread that started it.
 *
 * @throws StartError when the folder is in use (O6), UserError when this machine cannot run it
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: Log;
}): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options;
  makePrivateFolder(dataDir);
  const unlock = lockFile(join(dataDir, 'postgres.lock'), (holder) => inUse(dataDir, holder));
  try {
    const folder = clusterFolder(dataDir);
    const binaries = findBinaries(join(dataDir, 'postgres-libraries'));
    const launcher = createLauncher(folder);
    await vacate(folder, dataDir);
    const cluster = await ensureCluster(dataDir, binaries, launcher);
    const place = { folder, logFile: join(dataDir, 'postgres.log'), binaries, launcher };
    const start = async (port?: number) => {
      await vacate(folder, dataDir);
      return startServer(place, port);
    };
    return keepRunning({ first: await start(), start, cluster, log, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

function inUse(dataDir: string, holder: string): string {
  return `The data folder ${dataDir} is in use by another server (${holder}).`;
}

/** Nobody may live in the cluster; a pid file that is left then is stale, and would stop us if its number is used. */
async function vacate(folder: string, dataDir: string): Promise<void> {
  const living = await settled(folder);
  if (living.length > 0) throw new StartError(inUse(dataDir, `Postgres, process ${living[0]}`));
  rmSync(join(folder, 'postmaster.pid'), { force: true });
}

interface Running {
  readonly first: ServerProcess;
  start(port: number): Promise<ServerProcess>;
  readonly cluster: Cluster;
  readonly log: Log;
  unlock(): void;
}

function keepRunning({ first, start, cluster, log, unlock }: Running): EmbeddedPostgres {
  let server = first;
  let isStopping = false;
  let ends: number[] = [];

  const watch = async (): Promise<void> => {
    while (!isStopping) {
      await server.ended;
      if (isStopping) return;
      ends = [...ends.filter((at) => at > Date.now() - restartWindowMs), Date.now()];
      if (ends.length > restartsMax) {
        log.fatal('The embedded Postgres ends again and again and is left alone; see postgres.log.');
        return;
      }
      log.error('The embedded Postgres has ended by itself and is started again.');
      server = await start(first.port);
      // It was asked to stop while it was being started.
      if (isStopping) await server.stop();
    }
  };
  const watching = watch().catch((error: unknown) =>
    log.fatal({ err: error }, 'The embedded Postgres is gone.'),
  );

  return {
    url: `postgres://${superuser}:${cluster.password}@127.0.0.1:${first.port}/postgres`,
    get pid() {
      return server.pid;
    },
    async stop() {
      isStopping = true;
      await server.stop();
      await watching;
      unlock();
    },
  };
}
