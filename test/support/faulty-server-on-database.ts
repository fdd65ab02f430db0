/** A faulty server of one shard on a database of its own, and the end of both. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type FaultyServer, startFaultyServer } from '#test/faults/faulty-server.js';
import { temporaryFolder } from './children.js';
import { createDatabase, type TestDatabase } from './postgres.js';

export interface FaultyServerOnDatabase {
  readonly server: FaultyServer;
  readonly database: TestDatabase;
  /** Kills the server, and leaves nothing of either behind. */
  end(): Promise<void>;
}

/** `name` is in the name of the data folder; `env` are further settings. */
export async function startFaultyServerOnDatabase(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<FaultyServerOnDatabase> {
  const database = await createDatabase();
  const folder = temporaryFolder(name);
  const server = await startFaultyServer({
    data: join(folder.path, 'data'),
    shards: 1,
    env: {
      ...{ NUBO_POSTGRES_URL: database.url, NUBO_ENV: 'development', NUBO_HOST: '127.0.0.1' },
      ...{ NUBO_SECRET: randomBytes(32).toString('base64'), ...env },
    },
  });
  return {
    ...{ server, database },
    async end() {
      server.kill('nubo');
      await server.ended;
      await database.close();
      folder.remove();
    },
  };
}
