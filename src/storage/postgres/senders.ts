/** What stands beside messages of those who sent them, as Postgres knows it. */
import type { Sql } from 'postgres';
import { users } from '../../entities/users.js';
import type { SenderPorts } from '../mongo/senders.js';
import { createEntityStore } from './entity-store.js';

/** @param sql stays its owner's to end */
export function createSenders(sql: Sql, stamps: SenderPorts['stamps']): SenderPorts {
  const store = createEntityStore(sql);
  return {
    stamps,
    users: (ids) => store.get(users, ids),
    async conversations(user) {
      const rows = await sql<Array<{ conversation: string }>>`
        select conversation from conversation_members where user_id = ${user}`;
      return rows.map(({ conversation }) => conversation);
    },
  };
}
