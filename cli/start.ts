/** `nubo start`: brings everything up, says where it is, and takes it down again. */

import { join } from 'node:path';
import { Command } from 'commander';
import { type Config, type ConfigOptions, type Environment, parseConfig, unknownNames } from '#src/config.js';
import { lockFile } from '#src/file-lock.js';
import { requireFreePort } from '#src/free-port.js';
import { createLog, type Log } from '#src/log.js';
import { makePrivateFolder } from '#src/private-file.js';
import { removeRuntime, writeRuntime } from '#src/runtime-file.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';
import { readEnvironment } from './environment.js';
import { addSettingOptions, settingOptions } from './setting-options.js';
import { onSignals } from './signals.js';
import { welcome } from './welcome.js';

/** What `#workers/main.js` gives: the threads. */
interface Threads {
  readonly port: number;
  /** Drains and stops; answers the exit code (O4). */
  stop(): Promise<number>;
}

/** The parts of a start, so that a test can put others in their place. */
export interface StartParts {
  startThreads(config: Config): Promise<Threads>;
  startPostgres(options: { dataDir: string; log: Log }): Promise<EmbeddedPostgres>;
}

const realParts: StartParts = {
  startThreads: async (config) => (await import('#workers/main.js')).startNubo(config),
  startPostgres: startEmbeddedPostgres,
};

export function startCommand(parts: StartParts = realParts): Command {
  const command = new Command('start').description('Start the server (what npm start does).');
  return addSettingOptions(command).action(async (_options, self: Command) => {
    const begun = performance.now();
    const env = readEnvironment();
    const config = parseConfig(env, withLogLevel(settingOptions(self), env));
    const log = createLog({ level: config.logLevel, thread: 'main' });
    for (const sentence of unknownNames(env)) log.warn(sentence);
    const running = await bringUp(config, log, parts);
    onSignals(running.takeDown);
    process.stderr.write(welcome(config, running.port, performance.now() - begun));
  });
}

/** On a terminal the welcome is what a person reads; log lines appear when something is wrong. */
function withLogLevel(options: ConfigOptions, env: Environment): ConfigOptions {
  const isChosen = options.logLevel !== undefined || Boolean(env.NUBO_LOG_LEVEL);
  return isChosen || !process.stdout.isTTY ? options : { ...options, logLevel: 'warn' };
}

interface Running {
  readonly port: number;
  /** Answers the exit code. */
  takeDown(): Promise<number>;
}

/** Starts all, cheapest refusals first. What was started before a failure is taken down again. */
export async function bringUp(config: Config, log: Log, parts: StartParts): Promise<Running> {
  const undo: Array<() => unknown> = [];
  const undoAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    makePrivateFolder(config.data);
    await requireFreePort(config.host, config.port);
    undo.push(
      lockFile(
        join(config.data, 'nubo.lock'),
        (holder) => `The data folder ${config.data} is in use by another nubo (${holder}).`,
      ),
    );
    const embedded =
      config.postgresUrl === undefined ? await parts.startPostgres({ dataDir: config.data, log }) : undefined;
    if (embedded !== undefined) undo.push(() => embedded.stop());
    const postgresUrl = config.postgresUrl ?? embedded?.url ?? '';
    const threads = await parts.startThreads(Object.freeze({ ...config, postgresUrl }));
    const { operatorKey, demo } = config;
    writeRuntime(config.data, {
      ...{ pid: process.pid, host: config.host, port: threads.port, startedAt: Date.now(), postgresUrl },
      ...(embedded === undefined ? {} : { postgresPid: embedded.pid }),
      ...(operatorKey === undefined ? {} : { operatorKey }),
      ...(demo === undefined ? {} : { demo }),
    });
    undo.push(() => removeRuntime(config.data));
    log.info({ host: config.host, port: threads.port }, 'nubo is ready');
    const takeDown = async () => {
      const code = await threads.stop();
      await undoAll();
      log.info({ code }, 'nubo has ended');
      return code;
    };
    return { port: threads.port, takeDown };
  } catch (error) {
    await undoAll();
    throw error;
  }
}
