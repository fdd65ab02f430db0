/**
 * Finds messages by their words, among what one may read: what the index finds is held against memberships, deletions
 * and edits as they are at this moment (F1, F2). Every statement is bounded in time, and so is what it is asked (F4).
 */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import type { FoundMessage, ServiceHandlers, Services } from '../../threads/services.js';
import { wireLimits } from '../../wire/limits.js';
import { uuid } from '../../wire/operations.js';
import { phrasesOf, type RecentWords } from '../tiers/recent-words.js';
import { SearchGate, searchConnections } from './search-gate.js';
import { snippetOf } from './search-marks.js';
import {
  type Asked,
  type FoundRow,
  type Fragment,
  indexed,
  named,
  newest,
  type Place,
  page,
  type Question,
} from './search-page.js';
import { openSql } from './sql.js';

type Found = Services['search.messages']['output'];
type SearchServices = Pick<ServiceHandlers, 'search.messages'>;

/** Who asks for more of the database than this is told to ask for less. */
const statementMs = 2_000;
const advice = 'name a conversation, a shorter time or rarer words.';
const limitDefault = 20;
/**
 * Who is in no more conversations than this has them named in the index of words; the messages of somebody's few small
 * ones would drown in those of all others. For more of them, naming them costs more than it saves.
 */
const namedMax = 64;

/** A mirror is asked for so many messages at most; most of them are already known to be meant. */
const freshMax = 200;
/** Who is in more conversations than this waits for the index. */
const recentConversationsMax = 512;

/** Where a page ended: Unix ms and the id of its last message. */
const cursorSchema = z.tuple([z.number().int(), uuid]);

/** A client for searches: planned for the very words, since some are in every message and others in none. */
export function openSearch(url: string, name: string): Sql {
  const settings = { plan_cache_mode: 'force_custom_plan', jit: 'off', max_parallel_workers_per_gather: 0 };
  return openSql(url, { max: searchConnections, name, statementMs, settings });
}

/** A mirror that finds words, and who hears what came of asking it. */
export interface RecentSearch {
  readonly words: RecentWords;
  onAsked(outcome: RecentOutcome): void;
}

/** `passed`: it was not asked, since the index of words knows all, or since it cannot be asked for this. */
export type RecentOutcome = 'found' | 'nothing' | 'failed' | 'passed';

/**
 * @param sql of `openSearch`; it stays its owner's to end
 * @param language that of the index; undefined: there is none, and a search says so
 * @param options.recent asked for what the index does not know yet (F5)
 * @param options.gate that of all searches of the shard
 */
export function createSearch(
  sql: Sql,
  language: string | undefined,
  { recent, gate = new SearchGate() }: { recent?: RecentSearch | undefined; gate?: SearchGate } = {},
): SearchServices {
  return {
    'search.messages': async (asked) => {
      if (language === undefined) throw new NuboError('not_found', 'This server does not search.');
      return gate.run(asked.user, advice, () => find({ sql, language, recent }, asked));
    },
  };
}

interface Engines {
  readonly sql: Sql;
  readonly language: string;
  readonly recent: RecentSearch | undefined;
}

async function find({ sql, language, recent }: Engines, asked: Asked): Promise<Found> {
  const { words, isBehind } = await wordsOf(sql, language, asked);
  const place = asked.cursor === undefined ? undefined : decodeCursor(asked.cursor);
  const limit = asked.limit ?? limitDefault;
  const question = { sql, language, words, asked, place, limit };
  const [known, fresh] = await Promise.all([
    findKnown(question),
    recent === undefined ? noneFresh : findFresh(question, recent, isBehind),
  ]);
  const rows = merge(known, fresh);
  const found = rows.slice(0, limit).map(foundOf);
  const last = found.at(-1);
  if (rows.length > limit && last !== undefined) return { found, next: encodeCursor([last.at, last.id]) };
  return { found, next: fresh.floor === undefined ? null : encodeCursor(fresh.floor) };
}

/** What the index of words has. */
async function findKnown(question: Question): Promise<FoundRow[]> {
  const { sql, asked, limit } = question;
  const rows = await page(question, newest(question));
  if (rows.length > limit) return rows;
  const convs = await namedOf(sql, asked, namedMax);
  return convs?.length === 0 ? [] : page(question, indexed(question, convs));
}

/** `floor`: there may be more of them behind it, so that nothing from there on is told yet. */
interface Fresh {
  readonly rows: readonly FoundRow[];
  readonly floor: Place | undefined;
}

const noneFresh: Fresh = { rows: [], floor: undefined };

/** What a mirror has of what the index does not know yet, held against the truth. It may fail: then there is nothing. */
async function findFresh(question: Question, recent: RecentSearch, isBehind: boolean): Promise<Fresh> {
  const { sql, asked, place } = question;
  const phrases = isBehind ? phrasesOf(asked.q) : undefined;
  const convs = phrases === undefined ? undefined : await namedOf(sql, asked, recentConversationsMax);
  if (phrases === undefined || convs === undefined || convs.length === 0) {
    recent.onAsked('passed');
    return noneFresh;
  }
  const { from, type, since, until } = asked;
  const wanted = { phrases, convs, from, type, since, until, place, limit: freshMax };
  const places = await recent.words.find(wanted).catch(() => undefined);
  if (places === undefined || places.length === 0) {
    recent.onAsked(places === undefined ? 'failed' : 'nothing');
    return noneFresh;
  }
  recent.onAsked('found');
  const ids = places.map(([, id]) => id);
  const floor = places.length < freshMax ? undefined : places.at(-1);
  return { rows: await page(question, named(question, ids)), floor };
}

/** Newest first, each once, and nothing behind the floor. */
function merge(known: readonly FoundRow[], { rows, floor }: Fresh): readonly FoundRow[] {
  if (rows.length === 0 && floor === undefined) return known;
  const byId = new Map([...known, ...rows].map((row) => [row.id, row]));
  return [...byId.values()].filter((row) => floor === undefined || !isPast(row, floor)).sort(newestFirst);
}

function newestFirst(one: FoundRow, other: FoundRow): number {
  return other.at - one.at || (other.id < one.id ? -1 : 1);
}

function isPast({ at, id }: FoundRow, [floorAt, floorId]: Place): boolean {
  return at < floorAt || (at === floorAt && id < floorId);
}

/** The question as the database reads it. Refuses what names no word, too many, or a conversation one may not read. */
async function wordsOf(
  sql: Sql,
  language: string,
  { user, q, conv }: Asked,
): Promise<{ words: string; isBehind: boolean }> {
  const [row] = await sql<
    Array<{ words: string; nodes: number; indexable: string; isBehind: boolean; mayRead: boolean }>
  >`
    select words::text as words, numnode(words) as nodes, querytree(words) as indexable,
      not exists (select from search_state where is_filled) or exists (
        select from writers w left join search_positions p on p.shard = w.shard
        where w.batch > coalesce(p.batch, 0)
      ) as "isBehind",
      ${conv === undefined ? sql`true` : mayRead(sql, user, conv)} as "mayRead"
    from websearch_to_tsquery(${language}::regconfig, ${q}) as words`;
  if (row === undefined) throw new Error('a query without a table gave no row');
  if (!row.mayRead) throw new NuboError('not_found', 'There is no such thing, or it is not yours to see.');
  if (row.nodes > wireLimits.searchNodesMax)
    throw new NuboError('invalid', `q must be at most ${wireLimits.searchNodesMax} words and operators`);
  // `T` stands for a question that everything else would answer, too: -word.
  if (row.nodes === 0 || row.indexable === 'T')
    throw new NuboError('invalid', 'q must name a word that is to be found');
  return { words: row.words, isBehind: row.isBehind };
}

/** The conversations to name; undefined: too many. */
async function namedOf(sql: Sql, { user, conv }: Asked, most: number): Promise<string[] | undefined> {
  if (conv !== undefined) return [conv];
  const rows = await sql<Array<{ conv: string }>>`
    select conversation as conv from conversation_members
    where user_id = ${user} and left_at is null limit ${most + 1}`;
  return rows.length > most ? undefined : rows.map((row) => row.conv);
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

function foundOf({ type, editedAt, text, marked, ...row }: FoundRow): FoundMessage {
  return {
    ...row,
    ...(type === 'text' ? {} : { type }),
    ...(editedAt === null ? {} : { editedAt }),
    ...snippetOf(text, marked),
  };
}

function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function decodeCursor(cursor: string): [at: number, id: string] {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw new NuboError('invalid', 'The cursor is none that a search has given: start again without it.');
  }
}
