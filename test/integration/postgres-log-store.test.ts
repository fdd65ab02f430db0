import { expect } from 'vitest';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { logChangesContract } from '../contract/log-changes.js';
import { logStoreContract } from '../contract/log-store.js';
import { addUsers, createDatabase } from '../support/postgres.js';

const make = async () => {
  const database = await createDatabase();
  const stores: PostgresLogStore[] = [];
  return {
    open: (shard: number) => {
      const store = new PostgresLogStore({ url: database.url, shard, readConnections: 1 });
      stores.push(store);
      return store;
    },
    addUsers: (ids: string[]) => addUsers(database.sql, ids),
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await database.close();
    },
    leftOf: async (message: string) => {
      const rows = await database.sql<Array<{ left: string }>>`
        select s::text as left from message_states s where message = ${message}
        union all select e::text from message_edits e where message = ${message}
        union all select r::text from message_reactions r where message = ${message}
        union all select c::text from message_reaction_counts c where message = ${message}
        union all select l::text from conversation_log l where id = ${message} or (kind = 46 and target = ${message})`;
      expect(rows.length).toBeGreaterThan(0);
      return JSON.stringify(rows);
    },
  };
};

logStoreContract('postgres', make);
logChangesContract('postgres', make);
