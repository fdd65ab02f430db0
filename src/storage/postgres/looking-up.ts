/** What all look-ups for people share: what is not there, where a page went on, what a database that is away means. */
import type { PendingQuery, Row, Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import type { ConversationType, Role } from '../../wire/events.js';
import { uuid } from '../../wire/operations.js';
import { isOutage } from './sql.js';

export type Fragment = PendingQuery<Row[]>;

/** What a caller is told to wait when the database is away, in milliseconds. */
const outageRetryMs = 1_000;

/** The one answer to what is not there and to what one may not see (R6). */
export function notFound(): NuboError {
  return new NuboError('not_found', 'There is no such thing, or it is not yours to see.');
}

export async function whileUp<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!isOutage(error)) throw error;
    throw new NuboError('unavailable', 'The database cannot be reached now.', { retryMs: outageRetryMs });
  }
}

/** May this user see the conversation `c`, of which `own` is their membership? Anybody may see an open one. */
export function isSeen(sql: Sql): Fragment {
  return sql`c.state <> 'deleted'
    and (c.type in ('channel', 'community', 'announcement') or own.user_id is not null)`;
}

/** And may they read what was said there? Who is banned may not. */
export function isRead(sql: Sql, user: string): Fragment {
  return sql`${isSeen(sql)} and not exists (select from conversation_members banned
    where banned.conversation = c.id and banned.user_id = ${user} and banned.banned_until > now())`;
}

/** `c`, and as `own` the membership of this user, if there is one now. */
export function withOwn(sql: Sql, user: string): Fragment {
  return sql`left join conversation_members own
    on own.conversation = c.id and own.user_id = ${user} and own.left_at is null`;
}

/** A member's place in a conversation that is there; everybody else is told that it is not. */
export async function membershipOf(
  sql: Sql,
  { user, conv }: { readonly user: string; readonly conv: string },
): Promise<{ role: Role; type: ConversationType }> {
  const [row] = await sql<Array<{ role: Role; type: ConversationType }>>`
    select own.role, c.type from conversations c
    join conversation_members own on own.conversation = c.id and own.user_id = ${user} and own.left_at is null
    where c.id = ${conv} and c.state <> 'deleted'`;
  if (row === undefined) throw notFound();
  return { ...row };
}

/** One item more than a page has was read: is there another page, and where does it begin? */
export function pageOf<Item>(
  rows: readonly Item[],
  limit: number,
  placeOf: (last: Item) => unknown,
): { items: Item[]; next: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(placeOf(last)) : null };
}

export function encodeCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws NuboError `invalid` for a cursor that no list of this kind has given */
export function decodeCursor<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string | undefined,
): z.output<Schema> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw new NuboError('invalid', 'The cursor is none that a list has given: start again without it.', {
      stored: false,
    });
  }
}

/** The time of the last item of a page to the microsecond, as `timeOf` writes it, and its id. */
export const timeCursor = z.tuple([
  z.iso.datetime({ precision: 6 }).refine((text) => !text.startsWith('0000'), 'must be a year of Postgres'),
  uuid,
]);

export function timeOf(sql: Sql, column: Fragment): Fragment {
  return sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** As text, since the driver would make a Date of it, which has no microseconds: what is between two would be skipped. */
export function placeOf(sql: Sql, [at, id]: z.infer<typeof timeCursor>): Fragment {
  return sql`(${at}::text::timestamptz, ${id}::uuid)`;
}

/** The seq of the last item of a page. */
export const seqCursor = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
