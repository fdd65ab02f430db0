/** What people look up about messages by their ids: one, what it said before, who reacted, what is pinned. */
import type { Sql } from 'postgres';
import { decorate, repliedTo } from '../../pages.js';
import type { ReactionView, ServiceHandlers, VersionView } from '../../threads/services.js';
import type { LogEvent } from '../../wire/events.js';
import { readChanged, readParents } from './log-reads.js';
import { eventOf, type LogRow } from './log-rows.js';
import { decodeCursor, isRead, notFound, pageOf, seqCursor, whileUp, withOwn } from './looking-up.js';

type MessageServices = Pick<
  ServiceHandlers,
  'messages.get' | 'messages.find' | 'messages.edits' | 'messages.reactions' | 'messages.pins'
>;
type Message = LogEvent<'message.new'>;
type Input<Name extends keyof MessageServices> = Parameters<MessageServices[Name]>[0];

/** The services; each refuses with a NuboError. */
export function createMessageDirectory(sql: Sql): MessageServices {
  return {
    'messages.get': (input) => whileUp(() => get(sql, input)),
    'messages.find': (input) => whileUp(() => find(sql, input)),
    'messages.edits': (input) => whileUp(() => edits(sql, input)),
    'messages.reactions': (input) => whileUp(() => reactions(sql, input)),
    'messages.pins': (input) => whileUp(() => pins(sql, input)),
  };
}

async function get(sql: Sql, { user, id }: Input<'messages.get'>): Promise<Message> {
  const { conv } = await seen(sql, user, id);
  const [message] = await messagesOf(sql, { user, conv, ids: [id] });
  if (message === undefined) throw notFound();
  return message;
}

/** Where a message that this user may see stands. */
async function seen(sql: Sql, user: string, id: string): Promise<{ conv: string }> {
  const [row] = await sql<Array<{ conv: string }>>`
    select c.id as conv from conversation_log l
    join conversations c on c.id = l.conversation ${withOwn(sql, user)}
    where l.id = ${id} and l.kind = 40 and ${isRead(sql, user)}`;
  if (row === undefined) throw notFound();
  return row;
}

/** As they are now, in the order of `ids`. What is read later says more of them, never less: a deletion is not missed. */
async function messagesOf(
  sql: Sql,
  { user, conv, ids }: { readonly user: string; readonly conv: string; readonly ids: readonly string[] },
): Promise<Message[]> {
  if (ids.length === 0) return [];
  const rows = await sql<Array<{ row: LogRow }>>`
    select nubo_row(l) as row from conversation_log l
    where l.id = any(${[...ids]}::uuid[]) and l.conversation = ${conv} and l.kind = 40`;
  const events = rows.map(({ row }) => eventOf(row));
  const replies = repliedTo(events);
  // An empty range: only those that are named.
  const changed = await readChanged(sql, { conv, from: 1, to: 0, named: ids, user });
  const parents = replies.length === 0 ? [] : await readParents(sql, conv, replies);
  const places = new Map(ids.map((id, place) => [id, place]));
  return decorate({ events, changed, parents })
    .filter((event): event is Message => event.ev === 'message.new')
    .toSorted((one, other) => (places.get(one.id) ?? 0) - (places.get(other.id) ?? 0));
}

/** An operation that is stored belongs where it is, whatever has become of its author's membership (P2). */
async function find(
  sql: Sql,
  { user, message, operation }: Input<'messages.find'>,
): Promise<{ conv: string }> {
  const [stored] = await sql<Array<{ conv: string }>>`
    select conversation as conv from conversation_log where id = ${operation} and actor = ${user}`;
  return stored === undefined ? { conv: (await seen(sql, user, message)).conv } : { conv: stored.conv };
}

/** What the edits of a deleted message said is gone with it; what it said first is left out here. */
async function edits(
  sql: Sql,
  { user, id, limit, cursor }: Input<'messages.edits'>,
): Promise<{ edits: VersionView[]; next: string | null }> {
  await seen(sql, user, id);
  const after = decodeCursor(seqCursor, cursor) ?? 0;
  const rows = await sql<Array<{ view: VersionView }>>`
    select json_strip_nulls(json_build_object('seq', v.seq, 'at', nubo_ms(v.at), 'by', v.by, 'text', v.text,
      'metadata', v.metadata)) as view
    from (
      select l.seq, l.at, l.actor as by, l.body as text, l.details -> 'metadata' as metadata
      from conversation_log l left join message_states s on s.message = l.id
      where l.id = ${id} and s.deleted_at is null
      union all
      select seq, at, editor, text, metadata from message_edits where message = ${id}
    ) as v
    where v.seq > ${after} order by v.seq limit ${limit + 1}`;
  const { items, next } = pageOf(
    rows.map(({ view }) => view),
    limit,
    ({ seq }) => seq,
  );
  return { edits: items, next };
}

async function reactions(
  sql: Sql,
  { user, id, emoji, limit, cursor }: Input<'messages.reactions'>,
): Promise<{ reactions: ReactionView[]; next: string | null }> {
  await seen(sql, user, id);
  const after = decodeCursor(seqCursor, cursor) ?? 0;
  const rows = await sql<Array<ReactionView & { seq: number }>>`
    select emoji, user_id as user, seq::float8 as seq, nubo_ms(at)::float8 as at from message_reactions
    where message = ${id} and seq > ${after} and (${emoji ?? null}::text is null or emoji = ${emoji ?? null})
    order by seq limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, ({ seq }) => seq);
  return { reactions: items.map(({ user: by, emoji: which, at }) => ({ user: by, emoji: which, at })), next };
}

async function pins(sql: Sql, { user, conv }: Input<'messages.pins'>): Promise<{ messages: Message[] }> {
  const [row] = await sql<Array<{ ids: string[] }>>`
    select coalesce((select json_agg(s.message order by s.pinned_at, s.seq) from message_states s
      where s.conversation = c.id and s.pinned_at is not null), '[]') as ids
    from conversations c ${withOwn(sql, user)}
    where c.id = ${conv} and ${isRead(sql, user)}`;
  if (row === undefined) throw notFound();
  return { messages: await messagesOf(sql, { user, conv, ids: row.ids }) };
}
