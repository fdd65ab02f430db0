/**
 * Users an application vouches for (H6, H7). Their id is derived from `sub`, so every front knows it without
 * asking; storing them is idempotent, in whatever order and however often it happens.
 */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { users } from '../entities/users.js';
import { NuboError } from '../errors.js';
import { userIdOfSubject } from '../ids.js';
import type { Clock } from '../runtime/ports.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { Services } from '../threads/services.js';
import { check, displayName, peopleLimits, subject } from './rules.js';

const person = z.object({ sub: subject, name: displayName.optional() });
const createInput = z.object({
  users: z.array(person).max(peopleLimits.bulkItemsMax, `must be at most ${peopleLimits.bulkItemsMax}`),
});

interface ApplicationUserPorts {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly stamps: ChangeStamps;
}

export interface ApplicationUsers {
  /** Stores the user if they are new, and their name if it changed. `forbidden` when they are banned or deleted. */
  appear(input: Services['people.appear']['input']): Promise<{ user: string }>;
  /** At most 1,000, in one statement; the answer is in the order of the input. */
  create(
    input: Services['operator.createUsers']['input'],
  ): Promise<Services['operator.createUsers']['output']>;
}

export function createApplicationUsers({ sql, clock, stamps }: ApplicationUserPorts): ApplicationUsers {
  async function upsert(people: ReadonlyArray<z.output<typeof person>>): Promise<void> {
    const byId = new Map<string, { id: string; sub: string; name: string | null }>();
    for (const { sub, name } of people) {
      const id = userIdOfSubject(sub);
      // Twice in one call: one row, with the last name given. A statement may not touch a row twice.
      byId.set(id, { id, sub, name: name ?? byId.get(id)?.name ?? null });
    }
    const rows = [...byId.values()];
    const now = new Date(clock.now());
    try {
      // Whoever inserts the same user at the same moment may be met at either unique index: no one of them is named.
      await sql`
        insert into users (id, external_id, display_name, created_at, updated_at)
        select id, sub, name, ${now}, ${now}
        from jsonb_to_recordset(${sql.json(rows)}) as row (id uuid, sub text, name text)
        order by id
        on conflict do nothing`;
      if (rows.some(({ name }) => name !== null)) await rename(rows, now);
    } finally {
      for (const id of byId.keys()) stamps.stamp(users.name, id);
    }
  }

  /** Sorted, so that calls that overlap lock rows in one order. */
  async function rename(
    rows: Array<{ id: string; name: string | null; sub: string }>,
    now: Date,
  ): Promise<void> {
    await sql`
      with named as (
        select users.id, row.name
        from jsonb_to_recordset(${sql.json(rows)}) as row (id uuid, name text)
        join users on users.id = row.id
        where row.name is not null and users.display_name is distinct from row.name
        order by users.id for update of users)
      update users set display_name = named.name, updated_at = ${now} from named where users.id = named.id`;
  }

  return {
    async appear(input) {
      const { sub, name } = check(person, input);
      const user = userIdOfSubject(sub);
      // Mostly they are there: a front that was started again asks about everybody.
      let stored = await read(sql, user);
      if (stored === undefined || (name !== undefined && stored.name !== name)) {
        await upsert([{ sub, name }]);
        stored = await read(sql, user);
      }
      if (stored?.state !== 1) throw new NuboError('forbidden', 'This user may not come in.');
      return { user };
    },

    async create(input) {
      const { users: people } = check(createInput, input);
      if (people.length > 0) await upsert(people);
      return { users: people.map(({ sub }) => ({ sub, user: userIdOfSubject(sub) })) };
    },
  };
}

async function read(sql: Sql, user: string): Promise<{ state: number; name: string | null } | undefined> {
  const [row] = await sql<{ state: number; name: string | null }[]>`
    select state, display_name as name from users where id = ${user}`;
  return row;
}
