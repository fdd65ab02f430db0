/**
 * What people look up about conversations: lists, single ones, channels by title, messages by id. Read from the side
 * tables; whoever asks has heads and marks flushed first (R5). What one may not see is not there (R6).
 */
import type { PendingQuery, Row, Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import type { ConversationView, ServiceHandlers } from '../../threads/services.js';
import { uuid } from '../../wire/operations.js';
import { eventOf, type LogRow } from './log-rows.js';
import { isOutage } from './sql.js';

type DirectoryServices = Pick<
  ServiceHandlers,
  'conversations.list' | 'conversations.get' | 'channels.find' | 'messages.get'
>;

/** What a caller is told to wait when the database is away, in milliseconds. */
const outageRetryMs = 1_000;
const notFound = 'There is no such thing, or it is not yours to see.';

/** Where a page ended: the last activity, in Unix milliseconds, and the id of its last conversation. */
const cursorSchema = z.tuple([z.number().int(), uuid]);

/** The services; each refuses with a NuboError. */
export function createDirectory(sql: Sql): DirectoryServices {
  return {
    'conversations.list': (input) => whileUp(() => list(sql, input)),
    'conversations.get': (input) => whileUp(() => get(sql, input)),
    'channels.find': (input) => whileUp(() => find(sql, input)),
    'messages.get': (input) => whileUp(() => getMessage(sql, input)),
  };
}

async function whileUp<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!isOutage(error)) throw error;
    throw new NuboError('unavailable', 'The database cannot be reached now.', { retryMs: outageRetryMs });
  }
}

async function list(
  sql: Sql,
  { user, limit, cursor }: { user: string; limit: number; cursor?: string },
): Promise<{ conversations: ConversationView[]; next: string | null }> {
  const [lastAt, lastId] = cursor === undefined ? [null, null] : decodeCursor(cursor);
  const rows = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)}
    from conversation_members own
    join conversations c on c.id = own.conversation
    left join conversation_heads h on h.conversation = c.id
    where own.user_id = ${user} and own.left_at is null
      and (${lastAt}::bigint is null
        or (coalesce(h.last_at, c.created_at), c.id) < (nubo_time(${lastAt}::bigint), ${lastId}::uuid))
    order by coalesce(h.last_at, c.created_at) desc, c.id desc
    limit ${limit + 1}`;
  const conversations = rows.slice(0, limit).map(viewOf);
  const last = conversations.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(last) : null;
  return { conversations, next };
}

/** A channel is anybody's to see, another conversation its members'. */
async function get(sql: Sql, { user, conv }: { user: string; conv: string }): Promise<ConversationView> {
  const [row] = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)} from ${visible(sql, user)}
    where c.id = ${conv} and (c.type = 'channel' or own.user_id is not null)`;
  if (row === undefined) throw new NuboError('not_found', notFound);
  return viewOf(row);
}

async function find(
  sql: Sql,
  { user, title, limit }: { user: string; title: string; limit: number },
): Promise<{ conversations: ConversationView[] }> {
  const rows = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)} from ${visible(sql, user)}
    where c.type = 'channel' and strpos(lower(c.title), lower(${title})) > 0
    order by c.title = ${title} desc, lower(c.title) = lower(${title}) desc, length(c.title), c.title, c.id
    limit ${limit}`;
  return { conversations: rows.map(viewOf) };
}

async function getMessage(sql: Sql, { user, id }: { user: string; id: string }) {
  const [row] = await sql<Array<{ row: LogRow }>>`
    select nubo_row(l) as row from conversation_log l
    join conversations c on c.id = l.conversation
    where l.id = ${id} and (c.type = 'channel' or exists (
      select from conversation_members own
      where own.conversation = c.id and own.user_id = ${user} and own.left_at is null))`;
  const event = row === undefined ? undefined : eventOf(row.row);
  if (event?.ev !== 'message.new') throw new NuboError('not_found', notFound);
  return event;
}

interface ViewRow extends Omit<ConversationView, 'unread'> {
  readonly mark: number | null;
}

type Fragment = PendingQuery<Row[]>;

function visible(sql: Sql, user: string): Fragment {
  return sql`conversations c
    left join conversation_heads h on h.conversation = c.id
    left join conversation_members own
      on own.conversation = c.id and own.user_id = ${user} and own.left_at is null`;
}

/** Of `c`, `h` (its head) and `own` (the asking user's membership, if any). */
function viewColumns(sql: Sql, user: string): Fragment {
  return sql`
    c.id, c.type, c.title, c.description, c.creator,
    nubo_ms(c.created_at)::float8 as "createdAt",
    coalesce(h.seq, 0)::float8 as seq,
    coalesce(h.number, 0)::float8 as number,
    nubo_ms(coalesce(h.last_at, c.created_at))::float8 as "lastActivityAt",
    h.preview, own.role, own.mark::float8 as mark,
    case when c.type = 'direct' then (
      select other.user_id from conversation_members other
      where other.conversation = c.id and other.user_id <> ${user} limit 1
    ) end as peer,
    (select count(*)::int from conversation_members every
      where every.conversation = c.id and every.left_at is null) as "memberCount"`;
}

/** Unread is the messages after the member's mark (L14); to somebody who is no member nothing is. */
function viewOf({ mark, ...row }: ViewRow): ConversationView {
  const unread = mark === null ? 0 : Math.max(0, row.number - mark);
  return { ...row, preview: row.preview === '' ? null : row.preview, unread };
}

function encodeCursor({ lastActivityAt, id }: ConversationView): string {
  return Buffer.from(JSON.stringify([lastActivityAt, id])).toString('base64url');
}

function decodeCursor(cursor: string): [lastActivityAt: number, id: string] {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw new NuboError('invalid', 'The cursor is none that a list has given: start again without it.', {
      stored: false,
    });
  }
}
