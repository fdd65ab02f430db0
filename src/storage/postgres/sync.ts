/**
 * What has changed for one user in all conversations since a cursor (U1, U2), and how far the members of one have read
 * (U5). Whoever asks has had heads and marks flushed: the clocks and all that they count are in one snapshot.
 */
import type { Sql } from 'postgres';
import { NuboError } from '../../errors.js';
import type { ServiceHandlers, SyncedConversation } from '../../threads/services.js';
import type { Role } from '../../wire/events.js';
import { notFound, whileUp } from './looking-up.js';
import { type Clocks, decodeCursor, encodeCursor, isOf, type SyncCursor, vectorOf } from './sync-cursor.js';

type SyncServices = Pick<
  ServiceHandlers,
  'sync' | 'receipts' | 'conversations.followed' | 'conversations.standing'
>;

/** How many of those who have read a message are named. */
const readersMax = 50;

/** The services; each refuses with a NuboError. */
export function createSync(sql: Sql): SyncServices {
  return {
    sync: (input) => whileUp(() => sync(sql, input)),
    receipts: (input) => whileUp(() => receipts(sql, input)),
    'conversations.followed': (input) => whileUp(() => followed(sql, input)),
    'conversations.standing': (input) => whileUp(() => standing(sql, input)),
  };
}

/** A row of `nubo_sync`. */
type Row = [
  conv: string,
  type: SyncedConversation['type'],
  title: string | null,
  avatar: string | null,
  state: string,
  isMember: boolean,
  gone: 'left' | 'removed' | 'banned' | null,
  role: Role,
  mark: number,
  mutedUntil: number | null,
  bannedUntil: number | null,
  seq: number | null,
  number: number | null,
  at: number,
  preview: string | null,
  mentions: number,
  peer: string | null,
];

interface Answer {
  readonly clocks: Array<[shard: number, tick: number]> | null;
  readonly changed: Row[] | null;
  /** By conversation, of those that are quiet for the user. */
  readonly quiet: Readonly<Record<string, number>> | null;
}

async function sync(
  sql: Sql,
  { user, limit, cursor: text }: { user: string; limit: number; cursor?: string },
): Promise<Awaited<ReturnType<SyncServices['sync']>>> {
  const given: SyncCursor = text === undefined ? { since: undefined } : decodeCursor(text);
  let { clocks, changed, quiet } = await read(sql, user, given, limit + 1);
  const isKnown = [given.since, given.page?.upTo].every((seen) => seen === undefined || isOf(seen, clocks));
  const cursor = isKnown ? given : { since: undefined };
  if (!isKnown) ({ clocks, changed, quiet } = await read(sql, user, cursor, limit + 1));
  const page = changed.slice(0, limit);
  const last = page.at(-1);
  // What changes behind the pages is told after them: the first page's clocks count for all.
  const upTo = cursor.page?.upTo ?? clocks;
  const isMore = changed.length > limit && last !== undefined;
  // A client that went through pages is told what came meanwhile before it is told that this was all.
  const isBehind = cursor.page !== undefined && !isOf(clocks, upTo);
  const next = isMore ? { since: cursor.since, page: { upTo, after: last[0] } } : { since: upTo };
  return {
    conversations: page.map((row) => conversationOf(row, quiet?.[row[0]])),
    cursor: encodeCursor(next),
    more: isMore || isBehind,
    full: cursor.since === undefined,
  };
}

async function read(
  sql: Sql,
  user: string,
  { since, page }: SyncCursor,
  limit: number,
): Promise<{ clocks: Clocks; changed: Row[]; quiet: Answer['quiet'] }> {
  const vector = since === undefined ? null : vectorOf(since);
  const [row] = await sql<Answer[]>`
    select clocks, changed, (
      select json_object_agg(m.conversation, nubo_until_ms(m.quiet_until)) from conversation_members m
      where m.user_id = ${user} and m.quiet_until > now()
        and m.conversation in (select (c ->> 0)::uuid from json_array_elements(changed) c)) as quiet
    from nubo_sync(${user}, ${vector}::bigint[], ${page?.after ?? null}::uuid, ${limit})`;
  const clocks = row?.clocks ?? [];
  return {
    clocks: clocks.map(([shard, tick]) => [shard, tick % 2 ** 40] as const),
    changed: row?.changed ?? [],
    quiet: row?.quiet ?? null,
  };
}

function conversationOf(row: Row, quietUntil: number | undefined): SyncedConversation {
  const [conv, type, title, avatar, state, isMember, gone, role, mark] = row;
  const [, , , , , , , , , mutedUntil, bannedUntil, seq, number, at, preview, mentions, peer] = row;
  // What was deleted looks to everybody as what never was.
  if (state === 'deleted') return { conv, type, standing: 'deleted' };
  if (!isMember)
    return {
      ...{ conv, type, standing: gone === 'banned' && bannedUntil === null ? 'removed' : (gone ?? 'left') },
      ...(bannedUntil === null ? {} : { bannedUntil }),
    };
  const isArchived = state === 'archived';
  return {
    ...{ conv, type, standing: 'member', role, mark, mentions },
    ...{ head: seq ?? 0, number: number ?? 0, unread: Math.max(0, (number ?? 0) - mark), lastActivityAt: at },
    ...(title === null ? {} : { title }),
    ...(avatar === null ? {} : { avatar }),
    ...(preview === null || preview === '' ? {} : { preview }),
    ...(peer === null ? {} : { peer }),
    ...(mutedUntil === null ? {} : { mutedUntil }),
    ...(quietUntil === undefined ? {} : { quietUntil }),
    ...(isArchived ? { archived: true as const } : {}),
  };
}

async function followed(
  sql: Sql,
  { user, limit }: Parameters<SyncServices['conversations.followed']>[0],
): Promise<Awaited<ReturnType<SyncServices['conversations.followed']>>> {
  const all = await sql<Array<{ conv: string }>>`
    select conversation as conv from conversation_members
    where user_id = ${user} and left_at is null order by conversation limit ${limit + 1}`;
  if (all.length <= limit) return { convs: all.map(({ conv }) => conv), more: false };
  const last = await sql<Array<{ conv: string }>>`
    select own.conversation as conv
    from conversation_members own left join conversation_heads h on h.conversation = own.conversation
    where own.user_id = ${user} and own.left_at is null
    order by h.last_at desc nulls last limit ${limit}`;
  return { convs: last.map(({ conv }) => conv), more: true };
}

/** The rows are those of `nubo_sync`, for pairs of users and conversations. */
async function standing(
  sql: Sql,
  { users, convs }: Parameters<SyncServices['conversations.standing']>[0],
): Promise<Awaited<ReturnType<SyncServices['conversations.standing']>>> {
  const rows = await sql<Array<{ row: Row | null; quiet: number | null }>>`
    select case when m.quiet_until > now() then nubo_until_ms(m.quiet_until) end::float8 as quiet,
      case when m.user_id is null then null else json_build_array(
      m.conversation, c.type, c.title, c.avatar_url, c.state, m.left_at is null, m.gone, m.role,
      m.mark, nubo_until_ms(m.muted_until), nubo_until_ms(m.banned_until),
      h.seq, h.number, nubo_ms(coalesce(h.last_at, c.created_at)), h.preview,
      case when m.left_at is null then nubo_mentions(m.user_id, m.conversation, m.mark) else 0 end,
      case when c.type = 'direct' then (select other.user_id from conversation_members other
        where other.conversation = m.conversation and other.user_id <> m.user_id limit 1) end) end as row
    from unnest(${users}::uuid[], ${convs}::uuid[]) with ordinality as w (user_id, conversation, place)
    left join lateral (
      select * from conversation_members x
      where x.conversation = w.conversation and x.user_id = w.user_id offset 0) as m on true
    left join lateral (select * from conversations x where x.id = w.conversation offset 0) as c on true
    left join lateral (select * from conversation_heads x where x.conversation = w.conversation offset 0) as h on true
    order by w.place`;
  return rows.map(({ row, quiet }) => (row === null ? null : conversationOf(row, quiet ?? undefined)));
}

async function receipts(
  sql: Sql,
  { user, id }: Parameters<SyncServices['receipts']>[0],
): Promise<Awaited<ReturnType<SyncServices['receipts']>>> {
  const [message] = await sql<
    Array<{ conv: string; seq: number; number: number; sender: string; without: boolean }>
  >`
    select l.conversation as conv, l.seq::float8 as seq, l.number::float8 as number, l.actor as sender,
      exists (select from user_settings s where s.user_id = ${user} and not s.read_receipts) as without
    from conversation_log l
    join conversations c on c.id = l.conversation and c.state <> 'deleted'
    where l.id = ${id} and l.kind = 40 and exists (
      select from conversation_members own
      where own.conversation = l.conversation and own.user_id = ${user} and own.left_at is null)`;
  if (message === undefined) throw notFound();
  if (message.without)
    throw new NuboError(
      'forbidden',
      'You have switched read receipts off, so you do not see those of others.',
    );
  const { conv, seq, number, sender } = message;
  const [row] = await sql<Array<{ delivered: number; read: number; readers: string[] | null }>>`
    select count(*)::int as delivered, (count(*) filter (where seen >= ${number}))::int as read,
      (array_agg(user_id order by seen, user_id) filter (where seen >= ${number}))[1:${readersMax}] as readers
    from conversation_members m
    where m.conversation = ${conv} and m.left_at is null and m.user_id <> ${sender} and m.joined_seq < ${seq}
      and m.delivered >= ${number}
      and not exists (select from blocks b where b.conversation = m.conversation)
      and not exists (select from user_settings s where s.user_id = m.user_id and not s.read_receipts)`;
  return { delivered: row?.delivered ?? 0, read: row?.read ?? 0, readers: row?.readers ?? [] };
}
