/** What a shard reads of its log, in committed state. Each query has its index in every leaf. */
import type { Sql } from 'postgres';
import type {
  ConversationStatus,
  ConversationType,
  LogEvent,
  MessageState,
  Parent,
  Role,
} from '../../wire/events.js';
import { nothing as nothingStands } from '../facts.js';
import {
  type ChangedMessage,
  type ConversationSnapshot,
  type Head,
  type LogStore,
  type LogTail,
  type Member,
  recentEventsMax,
  type Sanction,
  type Standing,
  type StoredOperation,
  type Target,
  type TargetQuestion,
} from '../ports.js';
import { eventOf, type LogRow } from './log-rows.js';

interface TailRow {
  conversation: string;
  recent: LogRow[] | null;
  head: Head | null;
  blockers: string[] | null;
}

interface LoadRow extends TailRow {
  info: {
    type: ConversationType;
    title: string | null;
    description: string | null;
    avatar: string | null;
    state: ConversationStatus;
    slowMs: number | null;
    membersMax: number | null;
    creator: string;
    createdAt: number;
  } | null;
  members: Array<
    [user: string, role: Role, mark: number, nickname: string | null, mutedUntil: number | null]
  > | null;
  standing: {
    isChanged: boolean;
    pins: string[];
    bans: Array<[user: string, until: number]>;
    mutesOfAbsent: Array<[user: string, until: number]>;
  };
}

/** Snapshots in the order of `conversations`, all of one moment. */
export async function loadConversations(sql: Sql, conversations: string[]): Promise<ConversationSnapshot[]> {
  const rows = await sql<LoadRow[]>`
    select l.*, ${blockers(sql)} from nubo_load(${conversations}::uuid[], ${recentEventsMax}) l`;
  const byId = new Map(rows.map((row) => [row.conversation, snapshotOf(row)]));
  return conversations.map((conv) => byId.get(conv) ?? nothing);
}

/** The ends of their logs in the order of `conversations`, all of one moment. */
export async function loadTails(sql: Sql, conversations: string[]): Promise<LogTail[]> {
  const rows = await sql<TailRow[]>`
    select l.*, ${blockers(sql)} from nubo_load_tail(${conversations}::uuid[], ${recentEventsMax}) l`;
  const byId = new Map(rows.map((row) => [row.conversation, tailOf(row, sharing())]));
  return conversations.map((conv) => byId.get(conv) ?? nothing);
}

function blockers(sql: Sql) {
  return sql`(select json_agg(b.blocker order by b.blocker) from blocks b where b.conversation = l.conversation)
    as blockers`;
}

const nothing: ConversationSnapshot = {
  info: undefined,
  head: { seq: 0, number: 0 },
  members: [],
  standing: nothingStands,
  recent: [],
};

function snapshotOf({ info, members, standing, ...row }: LoadRow): ConversationSnapshot {
  const share = sharing();
  return {
    info: info === null ? undefined : { conv: row.conversation, ...withoutNulls(info) },
    members: (members ?? []).map(([user, role, mark, nickname, mutedUntil]): Member => {
      const member = { user: share(user), role, mark };
      if (nickname === null && mutedUntil === null) return member;
      return {
        ...member,
        ...(nickname === null ? {} : { nickname }),
        ...(mutedUntil === null ? {} : { mutedUntil: untilOf(mutedUntil) }),
      };
    }),
    standing: standingOf(standing),
    ...tailOf(row, share),
  };
}

function standingOf({ isChanged, pins, bans, mutesOfAbsent }: LoadRow['standing']): Standing {
  return { isChanged, pins, bans: bans.map(sanctionOf), mutesOfAbsent: mutesOfAbsent.map(sanctionOf) };
}

function sanctionOf([user, until]: [user: string, until: number]): Sanction {
  return { user, until: untilOf(until) };
}

/** As nubo_until_ms has it: −1 is never. */
function untilOf(milliseconds: number): number {
  return milliseconds < 0 ? Number.POSITIVE_INFINITY : milliseconds;
}

function tailOf({ recent, head: flushed, blockers }: TailRow, share: (name: string) => string): LogTail {
  const events = (recent ?? []).map((row) => eventOf(withSharedNames(row, share)));
  const last = events.at(-1);
  // What was flushed is behind the log, unless the log's end has left it (L16).
  const head = flushed !== null && flushed.seq > (last?.seq ?? 0) ? flushed : last;
  return {
    head: { seq: head?.seq ?? 0, number: head?.number ?? 0 },
    recent: unbroken(events, head?.seq ?? 0),
    ...(blockers === null ? {} : { blockers }),
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

/** What is null is not there. */
function withoutNulls<Row extends object>(
  row: Row,
): { [Key in keyof Row as null extends Row[Key] ? never : Key]: Row[Key] } & {
  [Key in keyof Row as null extends Row[Key] ? Key : never]?: NonNullable<Row[Key]>;
} {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as never;
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

/** Of each group of users those who neither show nor see read marks. */
export async function readWithoutReceipts(
  sql: Sql,
  groups: ReadonlyArray<readonly string[]>,
): Promise<string[][]> {
  const users = [...new Set(groups.flat())];
  const rows = await sql<Array<{ id: string }>>`
    select user_id as id from user_settings where user_id = any(${users}::uuid[]) and not read_receipts`;
  const without = new Set(rows.map((row) => row.id));
  return groups.map((group) => group.filter((user) => without.has(user)));
}

/** What is true of the messages asked for, in the order of the questions; undefined where there is none. */
export async function readTargets(
  sql: Sql,
  questions: readonly TargetQuestion[],
): Promise<Array<Target | undefined>> {
  const rows = await sql<Array<Target & { place: number }>>`
    select place::float8 as place, conv, "from", seq::float8 as seq, number::float8 as number, at::float8 as at,
      version::float8 as version, "isDeleted", "hasReacted", emojis::float8 as emojis, "hasEmoji"
    from nubo_targets(${JSON.stringify(questions)}::text::jsonb)`;
  const targets: Array<Target | undefined> = questions.map(() => undefined);
  for (const { place, ...target } of rows) targets[place - 1] = target;
  return targets;
}

type ChangedRow = [
  message: string,
  version: number,
  text: string | null,
  metadata: Record<string, unknown> | null,
  mentions: string[] | null,
  editedAt: number | null,
  deletedAt: number | null,
  deletedBy: string | null,
  pinnedAt: number | null,
  pinnedBy: string | null,
  reactions: NonNullable<MessageState['reactions']> | null,
];

/** What has become of the messages from … to of a conversation, as the user sees it. */
export async function readChanged(
  sql: Sql,
  { conv, from, to, named, user }: Parameters<LogStore['changed']>[0],
): Promise<ChangedMessage[]> {
  const rows = await sql<Array<{ row: ChangedRow }>>`
    select row from nubo_changed(${conv}, ${bound(from)}, ${bound(to)}, ${[...named]}::uuid[], ${user}) as row`;
  return rows.map(({ row }) => changedOf(row));
}

function changedOf([message, version, text, metadata, mentions, ...rest]: ChangedRow): ChangedMessage {
  const [editedAt, deletedAt, deletedBy, pinnedAt, pinnedBy, reactions] = rest;
  const state = withoutNulls({ version, editedAt, deletedAt, deletedBy, pinnedAt, pinnedBy, reactions });
  return { message, state, ...withoutNulls({ text, metadata, mentions }) };
}

type ParentRow = [
  id: string,
  from: string,
  seq: number,
  preview: string,
  type: Parent['type'] | null,
  isDeleted: boolean,
];

/** These messages of the conversation as replies show them. */
export async function readParents(sql: Sql, conv: string, messages: readonly string[]): Promise<Parent[]> {
  const rows = await sql<Array<{ row: ParentRow }>>`
    select row from nubo_parents(${conv}, ${[...messages]}::uuid[]) as row`;
  return rows.map(({ row: [id, from, seq, preview, type, isDeleted] }) => ({
    ...{ id, from, seq, preview },
    ...(type === null ? {} : { type }),
    ...(isDeleted ? { deleted: true as const } : {}),
  }));
}
