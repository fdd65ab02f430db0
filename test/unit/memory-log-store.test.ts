import { MemoryDatabase } from '#src/storage/memory/database.js';
import { MemoryLogStore } from '#src/storage/memory/log-store.js';
import { logStoreContract } from '../contract/log-store.js';

logStoreContract('memory', async () => {
  const database = new MemoryDatabase();
  return {
    open: (shard) => new MemoryLogStore({ database, shard, turns: { soon: (run) => setImmediate(run) } }),
    addUsers: async (ids) => {
      for (const id of ids) database.users.add(id);
    },
    close: async () => {},
  };
});
