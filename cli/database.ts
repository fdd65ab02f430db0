/** The database of the settings, for commands that work on it without a server. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Config, parseConfig } from '#src/config.js';
import { UserError } from '#src/errors.js';
import { createLog } from '#src/log.js';
import { projectRoot } from '#src/project-root.js';
import { readRuntime } from '#src/runtime-file.js';
import { startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';
import { schemaStatus } from '#src/storage/postgres/migrate.js';
import { readEnvironment } from './environment.js';
import { settingOptions } from './setting-options.js';

export const sqlFolder = join(projectRoot, 'sql');

/** Nothing is signed here: no secret need be given, and none is made. */
export function readConfig(command: Command): Config {
  const secret = randomBytes(32).toString('hex');
  const demo = { username: 'demo', password: secret };
  const env = { NUBO_SECRET: secret, ...readEnvironment() };
  return parseConfig(env, settingOptions(command), () => ({ secret, operatorKey: secret, demo }));
}

/** The given database, or the embedded one of the data folder, started for as long as `work` takes. */
export async function withDatabase<Result>(
  config: Config,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const given = config.postgresUrl ?? runningUrl(config.data);
  if (given !== undefined) return work(given);
  if (!existsSync(join(config.data, 'postgres'))) {
    throw new UserError(`There is no database in ${config.data} yet: npm start makes one, up to date.`);
  }
  const log = createLog({ level: 'warn', thread: 'command' });
  const postgres = await startEmbeddedPostgres({ dataDir: config.data, log });
  try {
    return await work(postgres.url);
  } finally {
    await postgres.stop();
  }
}

/** @throws UserError when the schema of the database is not the one of this nubo */
export async function requireSchema(url: string): Promise<void> {
  const status = await schemaStatus({ url, folder: sqlFolder });
  if (status.every(({ appliedAt }) => appliedAt !== undefined)) return;
  throw new UserError(
    'The schema of the database is not up to date: nubo start or nubo migrate up brings it up.',
  );
}

/** Of the embedded Postgres of a server that runs on this folder. */
function runningUrl(data: string): string | undefined {
  try {
    const { postgresPid, postgresUrl } = readRuntime(data);
    return postgresPid === undefined ? undefined : postgresUrl;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
