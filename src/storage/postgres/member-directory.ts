/** Who is in a conversation, and who may not be or may not write there: pages in the order of their ids. */
import type { Sql } from 'postgres';
import { NuboError } from '../../errors.js';
import { isAllowed, type Permission } from '../../permissions.js';
import type { MemberView, SanctionView, ServiceHandlers } from '../../threads/services.js';
import { uuid } from '../../wire/operations.js';
import { decodeCursor, type Fragment, membershipOf, pageOf, whileUp } from './looking-up.js';

type MemberServices = Pick<ServiceHandlers, 'members.list' | 'members.bans' | 'members.mutes'>;
type Asked = Parameters<MemberServices['members.list']>[0];

/** The services; each refuses with a NuboError. */
export function createMemberDirectory(sql: Sql): MemberServices {
  return {
    'members.list': (input) => whileUp(() => members(sql, input)),
    'members.bans': async (input) => {
      const { items, next } = await whileUp(() => sanctions(sql, input, 'ban', sql`banned_until`));
      return { bans: items, next };
    },
    'members.mutes': async (input) => {
      const { items, next } = await whileUp(() => sanctions(sql, input, 'mute', sql`muted_until`));
      return { mutes: items, next };
    },
  };
}

async function members(sql: Sql, asked: Asked): Promise<{ members: MemberView[]; next: string | null }> {
  await membershipOf(sql, asked);
  const rows = await sql<MemberView[]>`
    select user_id as user, role, nickname, nubo_ms(joined_at)::float8 as "joinedAt"
    from conversation_members
    where conversation = ${asked.conv} and left_at is null and ${isAfter(sql, asked)}
    order by user_id limit ${asked.limit + 1}`;
  const { items, next } = pageOf(rows, asked.limit, ({ user }) => user);
  return { members: items.map((row) => ({ ...row })), next };
}

/** For those who may impose them. */
async function sanctions(
  sql: Sql,
  asked: Asked,
  permission: Permission,
  end: Fragment,
): Promise<{ items: SanctionView[]; next: string | null }> {
  const { role, type } = await membershipOf(sql, asked);
  if (!isAllowed(permission, type, role))
    throw new NuboError('forbidden', `Your role here does not allow it (${permission}).`, { stored: false });
  const rows = await sql<SanctionView[]>`
    select user_id as user, nullif(nubo_until_ms(${end}), -1)::float8 as until
    from conversation_members
    where conversation = ${asked.conv} and ${end} > now() and ${isAfter(sql, asked)}
    order by user_id limit ${asked.limit + 1}`;
  const { items, next } = pageOf(rows, asked.limit, ({ user }) => user);
  return { items: items.map((row) => ({ ...row })), next };
}

function isAfter(sql: Sql, { cursor }: Asked): Fragment {
  const last = decodeCursor(uuid, cursor);
  return last === undefined ? sql`true` : sql`user_id > ${last}`;
}
