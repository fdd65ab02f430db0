/** Who has blocked whom, in Postgres (B1). */
import type { Sql } from 'postgres';
import { z } from 'zod';
import type { BlockView, ServiceHandlers } from '../../threads/services.js';
import { wireLimits } from '../../wire/limits.js';
import { uuid } from '../../wire/operations.js';
import type { BlockChange } from '../ports.js';
import { decodeCursor, pageOf, whileUp } from './looking-up.js';

/** Which of the users do not exist, and which have blocked the asker or are blocked by them. */
export async function checkUsers(
  sql: Sql,
  users: string[],
  asker: string | undefined,
): Promise<{ unknown: string[]; blocked: string[] }> {
  const [rows, blocked] = await Promise.all([
    sql<Array<{ id: string }>>`select id from users where id = any(${users}::uuid[]) and state <> 0`,
    asker === undefined ? new Set<string>() : blockedAmong(sql, asker, users),
  ]);
  const known = new Set(rows.map((row) => row.id));
  return { unknown: users.filter((user) => !known.has(user)), blocked: [...blocked] };
}

/** Those of the users who have blocked the asker, or are blocked by them. */
export async function blockedAmong(
  sql: Sql,
  asker: string,
  users: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<Array<{ user: string }>>`
    select blocked as user from blocks where blocker = ${asker} and blocked = any(${[...users]}::uuid[])
    union
    select blocker from blocks where blocked = ${asker} and blocker = any(${[...users]}::uuid[])`;
  return new Set(rows.map(({ user }) => user));
}

/** Keeps a block, or removes it, with its row of the audit; doing it again changes nothing. */
export async function setBlock(
  sql: Sql,
  { conv, blocker, blocked, isOn }: BlockChange,
): Promise<'kept' | 'unknown' | 'full'> {
  const [row] = await sql<Array<{ outcome: 'kept' | 'unknown' | 'full' }>>`
    select nubo_set_block(${blocker}, ${blocked}, ${conv}, ${isOn}, ${wireLimits.blocksMax}) as outcome`;
  if (row === undefined) throw new Error('nubo_set_block gave no row');
  return row.outcome;
}

/** Where a page ended: the time of its last block, in Unix ms, and whom it was of. */
const cursorSchema = z.tuple([z.number().int(), uuid]);

/** The service; it refuses with a NuboError. */
export function createBlocks(sql: Sql): Pick<ServiceHandlers, 'blocks.list'> {
  return { 'blocks.list': (input) => whileUp(() => list(sql, input)) };
}

async function list(
  sql: Sql,
  { user, limit, cursor }: { user: string; limit: number; cursor?: string },
): Promise<{ blocks: BlockView[]; next: string | null }> {
  const [lastAt, lastUser] = decodeCursor(cursorSchema, cursor) ?? [null, null];
  const rows = await sql<Array<{ user: string; at: number }>>`
    select blocked as user, nubo_ms(at)::float8 as at from blocks
    where blocker = ${user}
      and (${lastAt}::bigint is null or (nubo_ms(at), blocked) < (${lastAt}::bigint, ${lastUser}::uuid))
    order by nubo_ms(at) desc, blocked desc
    limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, (last) => [last.at, last.user]);
  return { blocks: items.map(({ user: blocked, at }) => ({ user: blocked, at })), next };
}
