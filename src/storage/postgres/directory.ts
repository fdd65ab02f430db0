/**
 * What people look up about conversations: lists, single ones, channels by title; messages and members are in files of
 * their own. Read from the side tables; whoever asks has heads and marks flushed first (R5). What one may not see is
 * not there, and neither is what was deleted (R6).
 */
import type { Sql } from 'postgres';
import { z } from 'zod';
import type { ConversationView, ServiceHandlers } from '../../threads/services.js';
import { uuid } from '../../wire/operations.js';
import { decodeCursor, type Fragment, isSeen, notFound, pageOf, whileUp, withOwn } from './looking-up.js';
import { createMemberDirectory } from './member-directory.js';
import { createMessageDirectory } from './message-directory.js';

type DirectoryServices = Pick<ServiceHandlers, 'conversations.list' | 'conversations.get' | 'channels.find'> &
  ReturnType<typeof createMessageDirectory> &
  ReturnType<typeof createMemberDirectory>;

/** Where a page ended: the last activity, in Unix milliseconds, and the id of its last conversation. */
const cursorSchema = z.tuple([z.number().int(), uuid]);

/** The services; each refuses with a NuboError. */
export function createDirectory(sql: Sql): DirectoryServices {
  return {
    'conversations.list': (input) => whileUp(() => list(sql, input)),
    'conversations.get': (input) => whileUp(() => get(sql, input)),
    'channels.find': (input) => whileUp(() => find(sql, input)),
    ...createMessageDirectory(sql),
    ...createMemberDirectory(sql),
  };
}

async function list(
  sql: Sql,
  { user, limit, cursor }: { user: string; limit: number; cursor?: string },
): Promise<{ conversations: ConversationView[]; next: string | null }> {
  const [lastAt, lastId] = decodeCursor(cursorSchema, cursor) ?? [null, null];
  const rows = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)}
    from conversation_members own
    join conversations c on c.id = own.conversation
    left join conversation_heads h on h.conversation = c.id
    where own.user_id = ${user} and own.left_at is null and c.state <> 'deleted'
      and (${lastAt}::bigint is null
        or (coalesce(h.last_at, c.created_at), c.id) < (nubo_time(${lastAt}::bigint), ${lastId}::uuid))
    order by coalesce(h.last_at, c.created_at) desc, c.id desc
    limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, ({ lastActivityAt, id }) => [lastActivityAt, id]);
  return { conversations: items.map(viewOf), next };
}

/** An open one (a channel, a community, announcements) is anybody's to see, another its members'. */
async function get(sql: Sql, { user, conv }: { user: string; conv: string }): Promise<ConversationView> {
  const [row] = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)} from ${visible(sql, user)}
    where c.id = ${conv} and ${isSeen(sql)}`;
  if (row === undefined) throw notFound();
  return viewOf(row);
}

async function find(
  sql: Sql,
  { user, title, limit }: { user: string; title: string; limit: number },
): Promise<{ conversations: ConversationView[] }> {
  const rows = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)} from ${visible(sql, user)}
    where c.type in ('channel', 'community', 'announcement') and c.state <> 'deleted'
      and strpos(lower(c.title), lower(${title})) > 0
    order by c.title = ${title} desc, lower(c.title) = lower(${title}) desc, length(c.title), c.title, c.id
    limit ${limit}`;
  return { conversations: rows.map(viewOf) };
}

export type ViewRow = Omit<ConversationView, 'unread'>;

function visible(sql: Sql, user: string): Fragment {
  return sql`conversations c
    left join conversation_heads h on h.conversation = c.id ${withOwn(sql, user)}`;
}

/** Of `c`, `h` (its head) and `own` (the asking user's membership, if any). */
export function viewColumns(sql: Sql, user: string): Fragment {
  return sql`
    c.id, c.type, c.title, c.description, c.avatar_url as avatar, c.state, c.slow_ms as "slowMs",
    nullif(c.members_max, 0) as "membersMax", c.creator,
    nubo_ms(c.created_at)::float8 as "createdAt",
    coalesce(h.seq, 0)::float8 as seq,
    coalesce(h.number, 0)::float8 as number,
    nubo_ms(coalesce(h.last_at, c.created_at))::float8 as "lastActivityAt",
    h.preview, own.role, own.nickname, own.mark::float8 as mark,
    nubo_until_ms(own.muted_until)::float8 as "mutedUntil", nubo_until_ms(own.quiet_until)::float8 as "quietUntil",
    case when own.user_id is null then 0 else nubo_mentions(own.user_id, c.id, own.mark)::int end as mentions,
    case when c.type = 'direct' then (
      select other.user_id from conversation_members other
      where other.conversation = c.id and other.user_id <> ${user} limit 1
    ) end as peer,
    (select count(*)::int from conversation_members every
      where every.conversation = c.id and every.left_at is null) as "memberCount"`;
}

/** Unread is the messages after the member's mark (L14); to somebody who is no member nothing is. */
export function viewOf(row: ViewRow): ConversationView {
  const { mark } = row;
  const unread = mark === null ? 0 : Math.max(0, row.number - mark);
  return { ...row, preview: row.preview === '' ? null : row.preview, unread };
}
