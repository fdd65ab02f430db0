/**
 * Finds people and conversations by the beginnings of the words of their names, as one types them (F6, F7). Pages go on
 * behind the rank and name of their last one, so that who comes in between shifts nobody.
 */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import type { ConversationView, PublicUser, ServiceHandlers, Services } from '../../threads/services.js';
import { isStorableText, uuid } from '../../wire/operations.js';
import { type ViewRow, viewColumns, viewOf } from './directory.js';
import { decodeCursor, type Fragment, isSeen, pageOf, withOwn } from './looking-up.js';
import type { SearchGate } from './search-gate.js';

type Asked = Services['search.users']['input'];
type NameServices = Pick<ServiceHandlers, 'search.users' | 'search.conversations'>;

export interface NameSearchPorts {
  /** Of `openSearch`; it stays its owner's to end. */
  readonly sql: Sql;
  /** That of all searches of the shard. */
  readonly gate: SearchGate;
  /** Users as everybody sees them, in whatever order. */
  readonly usersOf: (ids: string[]) => Promise<PublicUser[]>;
}

const advice = 'type more of the name.';
/** More words than any name needs. */
const wordsMax = 16;

/** Where a page ended: how well its last one answers, the beginning of its name, its id. */
const cursorSchema = z.tuple([z.number().int().min(0).max(9), z.string().refine(isStorableText), uuid]);
type Place = z.infer<typeof cursorSchema>;

interface Ranked {
  readonly id: string;
  readonly rank: number;
  readonly place: string;
}

/** The services; each refuses with a NuboError. */
export function createNameSearch({ sql, gate, usersOf }: NameSearchPorts): NameServices {
  return {
    'search.users': (asked) =>
      gate.run(asked.user, advice, async () => {
        const { items, next } = await pageOfNames(sql, asked, people);
        const ids = items.map(({ id }) => id);
        const byId = new Map((await usersOf(ids)).map((user) => [user.id, user]));
        return { users: ids.flatMap((id) => byId.get(id) ?? []), next };
      }),
    'search.conversations': (asked) =>
      gate.run(asked.user, advice, async () => {
        const { items, next } = await pageOfNames(sql, asked, conversations);
        return { conversations: await viewsOf(sql, asked.user, items), next };
      }),
  };
}

interface Question {
  readonly sql: Sql;
  readonly user: string;
  readonly typed: string;
  /** One more than the page has. */
  readonly rows: number;
  /** Behind the place of the page before, of `n.rank`, `n.place` and `n.id`. */
  readonly isBehind: Fragment;
}

async function pageOfNames(
  sql: Sql,
  { user, q, limit, cursor }: Asked,
  candidates: (question: Question) => Fragment,
): Promise<{ items: Ranked[]; next: string | null }> {
  const [row] = await sql<Array<{ words: number | null }>>`select numnode(nubo_name_query(${q})) as words`;
  const nodes = row?.words ?? 0;
  if (nodes === 0) throw new NuboError('invalid', 'q must name a word that is to be found');
  // Between two words stands an operator.
  if ((nodes + 1) / 2 > wordsMax) throw new NuboError('invalid', `q must be at most ${wordsMax} words`);
  const place: Place | undefined = decodeCursor(cursorSchema, cursor);
  const isBehind =
    place === undefined
      ? sql`true`
      : sql`(n.rank, n.place collate "C", n.id) > (${place[0]}::int, ${place[1]}::text, ${place[2]}::uuid)`;
  const question = { sql, user, typed: q.trim().replace(/^[@#]/, ''), rows: limit + 1, isBehind };
  const rows = await sql<Ranked[]>`
    select n.id, n.rank, n.place from (${candidates(question)}) as n
    order by n.rank, n.place collate "C", n.id limit ${limit + 1}`;
  return pageOf(rows, limit, ({ rank, place: name, id }) => [rank, name, id]);
}

/**
 * Those whose username begins so, in the order of the index; then those whose display name begins so, or has words that
 * do. Who does not want to be found by everybody is not (privacy setting `search`), nor is who was blocked or has
 * blocked: left out before there are pages, so that neither a page that is short nor its cursor tells of them.
 */
function people({ sql, user, typed, rows, isBehind }: Question): Fragment {
  const wants = sql`not exists (select from user_settings s where s.user_id = u.id
      and coalesce(s.privacy ->> 'search', 'everybody') not in ('everybody', 'public'))
    and not exists (select from blocks b where b.blocker = ${user} and b.blocked = u.id)
    and not exists (select from blocks b where b.blocked = ${user} and b.blocker = u.id)`;
  const begins = sql`lower(u.username) collate "C" >= lower(${typed})
    and lower(u.username) collate "C" < lower(${typed}) || ${'\u{10ffff}'}`;
  return sql`
    (select n.* from (
      select u.id, 0 as rank, lower(u.username) collate "C" as place from users u
      where u.state = 1 and ${begins} and ${wants}
    ) as n where ${isBehind} order by n.place, n.id limit ${rows})
    union all
    (select n.* from (
      select u.id, case when starts_with(lower(u.display_name), lower(${typed})) then 1 else 2 end as rank,
        nubo_name_place(u.display_name) as place
      from users u
      where u.state = 1 and nubo_name_words(u.display_name) @@ nubo_name_query(${typed})
        and (u.username is null or not (${begins})) and ${wants}
    ) as n where ${isBehind} order by n.rank, n.place, n.id limit ${rows})`;
}

/** One's own, then open ones of which one is no member and from which one is not banned; what begins so comes first. */
function conversations({ sql, user, typed, rows, isBehind }: Question): Fragment {
  const rankOf = (first: number) => sql`
    ${first}::int + case when starts_with(lower(c.title), lower(${typed})) then 0 else 1 end as rank,
    nubo_name_place(c.title) as place`;
  const answers = sql`c.state <> 'deleted' and nubo_name_words(c.title) @@ nubo_name_query(${typed})`;
  return sql`
    (select n.* from (
      select c.id, ${rankOf(0)} from conversation_members own
      join conversations c on c.id = own.conversation
      where own.user_id = ${user} and own.left_at is null and ${answers}
    ) as n where ${isBehind} order by n.rank, n.place, n.id limit ${rows})
    union all
    (select n.* from (
      select c.id, ${rankOf(2)} from conversations c
      where c.type in ('channel', 'community', 'announcement') and ${answers}
        and not exists (select from conversation_members own
          where own.conversation = c.id and own.user_id = ${user}
            and (own.left_at is null or own.banned_until > now()))
    ) as n where ${isBehind} order by n.rank, n.place, n.id limit ${rows})`;
}

/** In the order of the page; what has become invisible meanwhile is left out. */
async function viewsOf(sql: Sql, user: string, page: readonly Ranked[]): Promise<ConversationView[]> {
  if (page.length === 0) return [];
  const rows = await sql<ViewRow[]>`
    select ${viewColumns(sql, user)}
    from unnest(${page.map(({ id }) => id)}::uuid[]) with ordinality as wanted (id, position)
    join conversations c on c.id = wanted.id
    left join conversation_heads h on h.conversation = c.id ${withOwn(sql, user)}
    where ${isSeen(sql)} order by wanted.position`;
  return rows.map(viewOf);
}
