/** What a shard reads of its log, in committed state. Each query has its index in every leaf. */
import type { Sql } from 'postgres';
import type { ConversationType, LogEvent, Role } from '../../wire/events.js';
import {
  type ConversationSnapshot,
  type Head,
  type LogTail,
  recentEventsMax,
  type StoredOperation,
} from '../ports.js';
import { eventOf, type LogRow } from './log-rows.js';

interface TailRow {
  conversation: string;
  recent: LogRow[] | null;
  head: Head | null;
}

interface LoadRow extends TailRow {
  info: {
    type: ConversationType;
    title: string | null;
    description: string | null;
    creator: string;
    createdAt: number;
  } | null;
  members: Array<[user: string, role: Role, mark: number]> | null;
}

/** Snapshots in the order of `conversations`, all of one moment. */
export async function loadConversations(sql: Sql, conversations: string[]): Promise<ConversationSnapshot[]> {
  const rows = await sql<LoadRow[]>`select * from nubo_load(${conversations}::uuid[], ${recentEventsMax})`;
  const byId = new Map(rows.map((row) => [row.conversation, snapshotOf(row)]));
  return conversations.map((conv) => byId.get(conv) ?? nothing);
}

/** The ends of their logs in the order of `conversations`, all of one moment. */
export async function loadTails(sql: Sql, conversations: string[]): Promise<LogTail[]> {
  const rows = await sql<
    TailRow[]
  >`select * from nubo_load_tail(${conversations}::uuid[], ${recentEventsMax})`;
  const byId = new Map(rows.map((row) => [row.conversation, tailOf(row, sharing())]));
  return conversations.map((conv) => byId.get(conv) ?? nothing);
}

const nothing: ConversationSnapshot = {
  info: undefined,
  head: { seq: 0, number: 0 },
  members: [],
  recent: [],
};

function snapshotOf({ info, members, ...row }: LoadRow): ConversationSnapshot {
  const share = sharing();
  return {
    info: info === null ? undefined : { conv: row.conversation, ...withoutNulls(info) },
    members: (members ?? []).map(([user, role, mark]) => ({ user: share(user), role, mark })),
    ...tailOf(row, share),
  };
}

function tailOf({ recent, head: flushed }: TailRow, share: (name: string) => string): LogTail {
  const events = (recent ?? []).map((row) => eventOf(withSharedNames(row, share)));
  const last = events.at(-1);
  // What was flushed is behind the log, unless the log's end has left it (L16).
  const head = flushed !== null && flushed.seq > (last?.seq ?? 0) ? flushed : last;
  return {
    head: { seq: head?.seq ?? 0, number: head?.number ?? 0 },
    recent: unbroken(events, head?.seq ?? 0),
  };
}

/** The events up to the head without a hole: months that have left the log leave some. */
function unbroken(events: LogEvent[], headSeq: number): LogEvent[] {
  const start = events.findLastIndex(({ seq }, index) => seq !== headSeq - (events.length - 1 - index)) + 1;
  return start === 0 ? events : events.slice(start);
}

/** The same few people and one conversation are named in every row: each name is kept once. */
function withSharedNames(row: LogRow, share: (name: string) => string): LogRow {
  const [id, conversation, actor, seq, number, at, kind, target, ...content] = row;
  const sharedTarget = target === null ? null : share(target);
  return [id, share(conversation), share(actor), seq, number, at, kind, sharedTarget, ...content];
}

function sharing(): (name: string) => string {
  const names = new Map<string, string>();
  return (name) => {
    const known = names.get(name);
    if (known === undefined) names.set(name, name);
    return known ?? name;
  };
}

function withoutNulls({ title, description, ...rest }: NonNullable<LoadRow['info']>) {
  return { ...rest, ...(title === null ? {} : { title }), ...(description === null ? {} : { description }) };
}

/** The stored operations among `ids`, by id. */
export async function lookupOperations(sql: Sql, ids: string[]): Promise<Map<string, StoredOperation>> {
  const rows = await sql<StoredOperation[]>`
    select id, conversation as conv, actor as from, seq::float8 as seq, nubo_ms(at)::float8 as at
    from conversation_log where id = any(${ids}::uuid[])`;
  return new Map(rows.map((row) => [row.id, { ...row }]));
}

/** The time before which ids are not known any more (Unix ms); undefined when no month has left the log. */
export async function readHorizon(sql: Sql): Promise<number | undefined> {
  const [row] = await sql<Array<{ until: number }>>`select nubo_ms(until)::float8 as until from log_horizon`;
  return row?.until;
}

/** Events with after < seq < before in rising order: the first `limit`, or the last when `last` is set. */
export async function readEvents(
  sql: Sql,
  {
    conv,
    after,
    before,
    limit,
    last,
  }: { conv: string; after: number; before: number; limit: number; last: boolean },
): Promise<LogEvent[]> {
  const rows = await sql<Array<{ row: LogRow }>>`
    select nubo_row(l) as row from conversation_log l
    where conversation = ${conv} and seq > ${bound(after)} and seq < ${bound(before)}
    order by seq ${last ? sql`desc` : sql`asc`} limit ${limit}`;
  const events = rows.map(({ row }) => eventOf(row));
  return last ? events.reverse() : events;
}

/** What a caller means by "no bound" may be infinite. */
function bound(seq: number): number {
  return Math.max(-1, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(seq)));
}

/** Those of `users` that do not exist, or no more. */
export async function findUnknownUsers(sql: Sql, users: string[]): Promise<string[]> {
  const rows = await sql<Array<{ id: string }>>`
    select id from users where id = any(${users}::uuid[]) and state <> 0`;
  const known = new Set(rows.map((row) => row.id));
  return users.filter((user) => !known.has(user));
}
