import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { logStoreContract } from '../contract/log-store.js';
import { addUsers, createDatabase } from '../support/postgres.js';

logStoreContract('postgres', async () => {
  const database = await createDatabase();
  const stores: PostgresLogStore[] = [];
  return {
    open: (shard) => {
      const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
      stores.push(store);
      return store;
    },
    addUsers: (ids) => addUsers(database.sql, ids),
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await database.close();
    },
  };
});
