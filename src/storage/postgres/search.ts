/**
 * Finds messages by their words, among what one may read: what the index finds is held against memberships, deletions
 * and edits as they are at this moment (F1, F2). Every statement is bounded in time, and so is what it is asked (F4).
 */
import type { PendingQuery, Row, Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import type { FoundMessage, ServiceHandlers, Services } from '../../threads/services.js';
import { wireLimits } from '../../wire/limits.js';
import { uuid } from '../../wire/operations.js';
import { markEnd, markStart, snippetOf, unsaid } from './search-marks.js';
import { isOutage, openSql } from './sql.js';

type Asked = Services['search.messages']['input'];
type Found = Services['search.messages']['output'];
type SearchServices = Pick<ServiceHandlers, 'search.messages'>;

/** Who asks for more of the database than this is told to ask for less. */
const statementMs = 2_000;
/** Searches of one shard at once, and those that wait for their turn. */
const connections = 2;
const waitingMax = 32;
/** Searches of one user at once: all of them come to one shard. */
const ofUserMax = 4;
const retryMs = 1_000;
const limitDefault = 20;
/**
 * Newest messages that are looked at one by one before the index of words is: a common word is found among them, and
 * the index would have to gather every message that has it.
 */
const walkRows = 3_000;

/**
 * Who is in no more conversations than this has them named in the index of words; the messages of somebody's few small
 * ones would drown in those of all others. For more of them, naming them costs more than it saves.
 */
const namedMax = 64;

/** Where a page ended: Unix ms and the id of its last message. */
const cursorSchema = z.tuple([z.number().int(), uuid]);

/** A client for searches: planned for the very words, since some are in every message and others in none. */
export function openSearch(url: string, name: string): Sql {
  const settings = { plan_cache_mode: 'force_custom_plan', jit: 'off', max_parallel_workers_per_gather: 0 };
  return openSql(url, { max: connections, name, statementMs, settings });
}

/**
 * @param sql of `openSearch`; it stays its owner's to end
 * @param language that of the index; undefined: there is none, and a search says so
 */
export function createSearch(sql: Sql, language: string | undefined): SearchServices {
  let underWay = 0;
  const byUser = new Map<string, number>();
  return {
    'search.messages': async (asked) => {
      if (language === undefined) throw new NuboError('not_found', 'This server does not search.');
      if (underWay >= connections + waitingMax)
        throw new NuboError('overloaded', 'Too many searches are under way.', { retryMs });
      const own = byUser.get(asked.user) ?? 0;
      if (own >= ofUserMax)
        throw new NuboError('rate_limited', 'Wait for what you have searched first.', { retryMs });
      underWay += 1;
      byUser.set(asked.user, own + 1);
      try {
        return await find(sql, language, asked);
      } catch (error) {
        throw refusalOf(error);
      } finally {
        underWay -= 1;
        const left = (byUser.get(asked.user) ?? 1) - 1;
        if (left > 0) byUser.set(asked.user, left);
        else byUser.delete(asked.user);
      }
    },
  };
}

function refusalOf(error: unknown): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === '57014') {
    const message = 'This search takes too long: name a conversation, a shorter time or rarer words.';
    return new NuboError('overloaded', message, { retryMs });
  }
  if (!isOutage(error)) return error;
  return new NuboError('unavailable', 'The database cannot be reached now.', { retryMs });
}

async function find(sql: Sql, language: string, asked: Asked): Promise<Found> {
  const words = await wordsOf(sql, language, asked);
  const place = asked.cursor === undefined ? undefined : decodeCursor(asked.cursor);
  const limit = asked.limit ?? limitDefault;
  const question = { sql, language, words, asked, place, limit };
  let rows = await page(question, newest(question));
  if (rows.length <= limit) {
    const named = await namedOf(sql, asked);
    rows = named?.length === 0 ? [] : await page(question, indexed(question, named));
  }
  const found = rows.slice(0, limit).map(foundOf);
  const last = found.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { found, next: hasMore ? encodeCursor(last) : null };
}

/** The question as the database reads it. Refuses what names no word, too many, or a conversation one may not read. */
async function wordsOf(sql: Sql, language: string, { user, q, conv }: Asked): Promise<string> {
  const [row] = await sql<Array<{ words: string; nodes: number; indexable: string; mayRead: boolean }>>`
    select words::text as words, numnode(words) as nodes, querytree(words) as indexable,
      ${conv === undefined ? sql`true` : mayRead(sql, user, conv)} as "mayRead"
    from websearch_to_tsquery(${language}::regconfig, ${q}) as words`;
  if (row === undefined) throw new Error('a query without a table gave no row');
  if (!row.mayRead) throw new NuboError('not_found', 'There is no such thing, or it is not yours to see.');
  if (row.nodes > wireLimits.searchNodesMax)
    throw new NuboError('invalid', `q must be at most ${wireLimits.searchNodesMax} words and operators`);
  // `T` stands for a question that everything else would answer, too: -word.
  if (row.nodes === 0 || row.indexable === 'T')
    throw new NuboError('invalid', 'q must name a word that is to be found');
  return row.words;
}

/** The conversations to name; undefined: too many. */
async function namedOf(sql: Sql, { user, conv }: Asked): Promise<string[] | undefined> {
  if (conv !== undefined) return [conv];
  const rows = await sql<Array<{ conv: string }>>`
    select conversation as conv from conversation_members
    where user_id = ${user} and left_at is null limit ${namedMax + 1}`;
  return rows.length > namedMax ? undefined : rows.map((row) => row.conv);
}

/** Members may; of an open conversation everybody who is not banned from it. */
function mayRead(sql: Sql, user: string, conv: string): Fragment {
  return sql`exists (
    select from conversations c
    left join conversation_members own on own.conversation = c.id and own.user_id = ${user}
    where c.id = ${conv} and c.state <> 'deleted' and (
      own.user_id is not null and own.left_at is null
      or c.type in ('channel', 'community', 'announcement')
        and (own.banned_until is null or own.banned_until <= now())))`;
}

interface Question {
  readonly sql: Sql;
  readonly language: string;
  readonly words: string;
  readonly asked: Asked;
  readonly place: readonly [at: number, id: string] | undefined;
  readonly limit: number;
}

type Fragment = PendingQuery<Row[]>;

/** The newest messages within reach, one by one. */
function newest({ sql, words, asked, place }: Question): Fragment {
  const { conv } = asked;
  return sql`
    select * from (
      select m.* from message_search m
      where ${conv === undefined ? sql`true` : sql`m.conversation = ${conv}`} and ${within(sql, asked, place)}
      order by m.at desc, m.message desc limit ${walkRows}
    ) as m
    where m.words @@ ${words}::tsquery and ${matches(sql, asked)}`;
}

/** By the index of words, in which conversations have a name as well. */
function indexed({ sql, words, asked, place }: Question, named: readonly string[] | undefined): Fragment {
  const names = named?.map((conv) => `' ${conv}'`).join(' | ');
  const query = names === undefined ? sql`${words}::tsquery` : sql`(${words}::tsquery && ${names}::tsquery)`;
  return sql`
    select m.* from message_search m
    where m.words @@ ${query} and ${within(sql, asked, place)} and ${matches(sql, asked, named !== undefined)}`;
}

function within(sql: Sql, { since, until }: Asked, place: Question['place']): Fragment {
  return sql`
    ${since === undefined ? sql`true` : sql`m.at >= nubo_time(${since}::bigint)`}
    and ${until === undefined ? sql`true` : sql`m.at < nubo_time(${until}::bigint)`}
    and ${place === undefined ? sql`true` : sql`(m.at, m.message) < (nubo_time(${place[0]}::bigint), ${place[1]}::uuid)`}`;
}

/** `isNamed`: few are left, so each is looked up; as a join, the planner may read the index once for each conversation. */
function matches(sql: Sql, { user, conv, from, type }: Asked, isNamed = false): Fragment {
  const members = sql`(m.conversation in (
    select own.conversation from conversation_members own
    join conversations c on c.id = own.conversation and c.state <> 'deleted'
    where own.user_id = ${user} and own.left_at is null)) ${isNamed ? sql`is true` : sql``}`;
  return sql`
    ${conv === undefined ? members : sql`true`}
    and ${from === undefined ? sql`true` : sql`m.sender = ${from}`}
    and ${type === undefined ? sql`true` : sql`m.type = ${type}`}`;
}

interface FoundRow extends Omit<FoundMessage, 'snippet' | 'marks' | 'type' | 'editedAt'> {
  readonly type: NonNullable<FoundMessage['type']>;
  readonly editedAt: number | null;
  readonly text: string;
  readonly marked: string;
}

/** Of the candidates the first that are still so, and one more, which says that there are others. */
function page({ sql, language, words, limit }: Question, candidates: Fragment): Promise<FoundRow[]> {
  return sql<FoundRow[]>`
    select p.conversation as conv, p.seq::float8 as seq, p.message as id, p.sender as "from",
      nubo_ms(p.at)::float8 as at, p.type, nubo_ms(p.edited_at)::float8 as "editedAt",
      p.text, ts_headline(${language}::regconfig, translate(p.text, ${unsaid}, ${' '.repeat(unsaid.length)}),
        ${words}::tsquery, ${`HighlightAll=true, StartSel=${markStart}, StopSel=${markEnd}`}) as marked
    from (
      select c.*, l.seq, coalesce(s.text, l.body) as text, s.edited_at
      from (select * from (${candidates}) as m order by m.at desc, m.message desc) as c
      cross join lateral (
        select l.seq, l.body from conversation_log l where l.id = c.message and l.kind = 40 offset 0
      ) as l
      left join lateral (
        select s.text, s.edited_at, s.deleted_at from message_states s where s.message = c.message offset 0
      ) as s on true
      where s.deleted_at is null
        and (s.text is null or nubo_search_vector(${language}, s.text) @@ ${words}::tsquery)
      order by c.at desc, c.message desc limit ${limit + 1}
    ) as p
    order by p.at desc, p.message desc`;
}

function foundOf({ type, editedAt, text, marked, ...row }: FoundRow): FoundMessage {
  return {
    ...row,
    ...(type === 'text' ? {} : { type }),
    ...(editedAt === null ? {} : { editedAt }),
    ...snippetOf(text, marked),
  };
}

function encodeCursor({ at, id }: FoundMessage): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url');
}

function decodeCursor(cursor: string): [at: number, id: string] {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw new NuboError('invalid', 'The cursor is none that a search has given: start again without it.');
  }
}
