/** A log that is written to by hand, and the directory of the same database. */
import { createDirectory } from '#src/storage/postgres/directory.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { Asker } from './log-events.js';
import { createDatabase, type TestDatabase } from './postgres.js';

export interface DirectoryWorld {
  readonly database: TestDatabase;
  readonly asker: Asker;
  readonly directory: ReturnType<typeof createDirectory>;
  close(): Promise<void>;
}

export async function openDirectoryWorld(): Promise<DirectoryWorld> {
  const database = await createDatabase();
  const store = new PostgresLogStore({ url: database.url, shard: 1 });
  const asker = new Asker(store);
  await asker.own();
  return {
    ...{ database, asker, directory: createDirectory(database.sql) },
    async close() {
      await store.close();
      await database.close();
    },
  };
}
