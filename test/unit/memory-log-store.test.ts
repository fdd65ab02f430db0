import { MemoryDatabase } from '#src/storage/memory/database.js';
import { MemoryLogStore } from '#src/storage/memory/log-store.js';
import { logChangesContract } from '../contract/log-changes.js';
import { logStoreContract } from '../contract/log-store.js';

const make = async () => {
  const database = new MemoryDatabase();
  return {
    open: (shard: number) =>
      new MemoryLogStore({ database, shard, turns: { soon: (run) => setImmediate(run) } }),
    addUsers: async (ids: string[]) => {
      for (const id of ids) database.users.add(id);
    },
    close: async () => {},
  };
};

logStoreContract('memory', make);
logChangesContract('memory', make);
