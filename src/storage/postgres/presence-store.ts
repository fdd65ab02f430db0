/** When users were last seen, and whether they hide it (E6). Reads and writes are of many users at once. */
import type { Sql } from 'postgres';
import { type About, hidesLastSeen, type PresenceStore } from '../../threads/presence.js';

export interface PresenceTablesOptions {
  /** Those of the users who do not want this one to know of them, or of whom this one does not want to know. */
  readonly blocked?: (asker: string, users: readonly string[]) => Promise<ReadonlySet<string>>;
  onError(error: unknown): void;
}

export function createPresenceTables(sql: Sql, options: PresenceTablesOptions): PresenceStore {
  async function read(asker: string | undefined, users: readonly string[]): Promise<About[]> {
    const [rows, blocked] = await Promise.all([
      sql<Array<{ user: string; at: Date | null; privacy: unknown }>>`
        select users.id as user, last_seen.at, user_settings.privacy
        from users
        left join last_seen on last_seen.user_id = users.id
        left join user_settings on user_settings.user_id = users.id
        where users.id = any(${users as string[]}::uuid[]) and users.state = 1`,
      asker === undefined ? undefined : options.blocked?.(asker, users),
    ]);
    return rows
      .filter(({ user }) => blocked?.has(user) !== true)
      .map(({ user, at, privacy }) => ({
        ...{ user, lastSeen: at?.getTime(), hidesLastSeen: hidesLastSeen(privacy) },
      }));
  }

  async function write(seen: ReadonlyMap<string, number>): Promise<void> {
    const users = [...seen.keys()].sort();
    const times = users.map((user) => new Date(seen.get(user) ?? 0).toISOString());
    // Who was deleted meanwhile is left out. Sorted, so that two shards cannot wait for each other.
    await sql`
      insert into last_seen (user_id, at)
      select seen.id, seen.at
      from unnest(${users}::uuid[], ${times}::timestamptz[]) as seen (id, at)
      join users on users.id = seen.id
      order by seen.id
      on conflict (user_id) do update set at = greatest(last_seen.at, excluded.at)`;
  }

  return {
    about(asker, users, tell) {
      read(asker, users).then(tell, (error) => {
        options.onError(error);
        tell(undefined);
      });
    },
    keep(seen, tell) {
      write(seen).then(
        () => tell(true),
        (error) => {
          options.onError(error);
          tell(false);
        },
      );
    },
  };
}
