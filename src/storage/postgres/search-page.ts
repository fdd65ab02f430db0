/**
 * What a search asks of the database: candidates, from the newest messages, from the index of words or from what a
 * mirror has found, and the one statement that holds them against what is true and may be read now (F1, F2).
 */
import type { PendingQuery, Row, Sql } from 'postgres';
import type { FoundMessage, Services } from '../../threads/services.js';
import { markEnd, markStart, unsaid } from './search-marks.js';

export type Asked = Services['search.messages']['input'];
/** Where a message stands among all that are found: Unix ms and its id. */
export type Place = readonly [at: number, id: string];
export type Fragment = PendingQuery<Row[]>;

/**
 * Newest messages that are looked at one by one before the index of words is: a common word is found among them, and
 * the index would have to gather every message that has it.
 */
const walkRows = 3_000;

export interface Question {
  readonly sql: Sql;
  readonly language: string;
  readonly words: string;
  readonly asked: Asked;
  /** Only what stands behind it. */
  readonly place: Place | undefined;
  readonly limit: number;
}

/** The newest messages within reach, one by one. */
export function newest({ sql, words, asked, place }: Question): Fragment {
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
export function indexed(
  { sql, words, asked, place }: Question,
  named: readonly string[] | undefined,
): Fragment {
  const names = named?.map((conv) => `' ${conv}'`).join(' | ');
  const query = names === undefined ? sql`${words}::tsquery` : sql`(${words}::tsquery && ${names}::tsquery)`;
  return sql`
    select m.* from message_search m
    where m.words @@ ${query} and ${within(sql, asked, place)} and ${matches(sql, asked, named !== undefined)}`;
}

/** Those that a mirror has found, by what is true of them. */
export function named({ sql, language, words, asked, place }: Question, ids: readonly string[]): Fragment {
  return sql`
    select m.* from (
      select l.id as message, l.conversation, l.actor as sender, l.at, l.type
      from unnest(${ids as string[]}::uuid[]) as wanted (id)
      cross join lateral (
        select l.id, l.conversation, l.actor, l.at, coalesce(l.details ->> 'type', 'text') as type
        from conversation_log l
        where l.id = wanted.id and l.kind = 40 and nubo_search_vector(${language}, coalesce(
          (select s.text from message_states s where s.message = l.id), l.body)) @@ ${words}::tsquery
        offset 0
      ) as l
    ) as m
    where ${within(sql, asked, place)} and ${matches(sql, asked, true)}
      and ${asked.conv === undefined ? sql`true` : sql`m.conversation = ${asked.conv}`}`;
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

export interface FoundRow extends Omit<FoundMessage, 'snippet' | 'marks' | 'type' | 'editedAt'> {
  readonly type: NonNullable<FoundMessage['type']>;
  readonly editedAt: number | null;
  readonly text: string;
  readonly marked: string;
}

/** Of the candidates the first that are still so, and one more, which says that there are others. */
export function page({ sql, language, words, limit }: Question, candidates: Fragment): Promise<FoundRow[]> {
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
