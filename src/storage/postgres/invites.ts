/** Invitations: codes by which one becomes a member of a conversation. Of a code only the SHA-256 is kept (G10). */
import { createHash, createHmac } from 'node:crypto';
import type { Sql } from 'postgres';
import { NuboError } from '../../errors.js';
import { isAllowed } from '../../permissions.js';
import type { InviteView, ServiceHandlers } from '../../threads/services.js';
import { wireLimits } from '../../wire/limits.js';
import { uuid } from '../../wire/operations.js';
import { decodeCursor, membershipOf, notFound, pageOf, whileUp } from './looking-up.js';

type InviteServices = Pick<
  ServiceHandlers,
  'invites.create' | 'invites.list' | 'invites.revoke' | 'invites.take' | 'invites.giveBack'
>;
type Input<Name extends keyof InviteServices> = Parameters<InviteServices[Name]>[0];

const codeBytes = 16;

/**
 * The services; each refuses with a NuboError.
 *
 * @param secret what codes are made with: asked again with the same id, an invitation has the code that it had
 */
export function createInvites(sql: Sql, secret: string): InviteServices {
  return {
    'invites.create': (input) => whileUp(() => create(sql, input, codeOf(secret, input))),
    'invites.list': (input) => whileUp(() => list(sql, input)),
    'invites.revoke': (input) => whileUp(() => revoke(sql, input)),
    'invites.take': (input) => whileUp(() => take(sql, input)),
    'invites.giveBack': (input) => whileUp(() => giveBack(sql, input)),
  };
}

async function mayInvite(sql: Sql, asked: { user: string; conv: string }): Promise<void> {
  const { role, type } = await membershipOf(sql, asked);
  if (!isAllowed('invite', type, role))
    throw new NuboError('forbidden', 'Your role here does not allow it (invite).', { stored: false });
}

/** Doing it again with the same id changes nothing (R2). */
async function create(
  sql: Sql,
  { id, user, conv, until, uses }: Input<'invites.create'>,
  code: string,
): Promise<InviteView & { code: string }> {
  await mayInvite(sql, { user, conv });
  const known = await made(sql, id, code);
  if (known !== undefined) return known;
  if (until !== undefined && until <= Date.now())
    throw new NuboError('invalid', 'until: must be in the future.', { stored: false });
  const [row] = await sql<InviteView[]>`
    insert into conversation_invites as i (id, conversation, code_hash, creator, expires_at, uses_max)
    select ${id}, ${conv}, ${hashOf(code)}, ${user}, nubo_time(${until ?? null}::bigint), ${uses ?? null}::integer
    where (select count(*) from conversation_invites i
      where i.conversation = ${conv} and ${isGood(sql)}) < ${wireLimits.invitesMax}
    on conflict do nothing
    returning ${viewOf(sql)}`;
  if (row !== undefined) return { ...row, code };
  const madeMeanwhile = await made(sql, id, code);
  if (madeMeanwhile !== undefined) return madeMeanwhile;
  throw new NuboError(
    'forbidden',
    `A conversation has at most ${wireLimits.invitesMax} invitations: revoke some first.`,
    { stored: false },
  );
}

/** The invitation that was made under this id, as it is now. The code is of its maker and conversation alone. */
async function made(
  sql: Sql,
  id: string,
  code: string,
): Promise<(InviteView & { code: string }) | undefined> {
  const [row] = await sql<Array<InviteView & { isSame: boolean }>>`
    select ${viewOf(sql)}, i.code_hash = ${hashOf(code)} as "isSame" from conversation_invites i where i.id = ${id}`;
  if (row === undefined) return undefined;
  const { isSame, ...view } = row;
  if (!isSame) throw new NuboError('conflict', 'This id belongs to another operation.', { stored: false });
  return { ...view, code };
}

/** The newest first, but for those that were revoked or are over. */
async function list(
  sql: Sql,
  { user, conv, limit, cursor }: Input<'invites.list'>,
): Promise<{ invites: InviteView[]; next: string | null }> {
  await mayInvite(sql, { user, conv });
  const last = decodeCursor(uuid, cursor);
  const rows = await sql<InviteView[]>`
    select ${viewOf(sql)} from conversation_invites i
    where i.conversation = ${conv} and ${isGood(sql)} and ${last === undefined ? sql`true` : sql`i.id < ${last}`}
    order by i.id desc limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, ({ id }) => id);
  return { invites: items.map((row) => ({ ...row })), next };
}

/** Doing it again changes nothing. */
async function revoke(sql: Sql, { user, conv, invite }: Input<'invites.revoke'>): Promise<null> {
  await mayInvite(sql, { user, conv });
  const rows = await sql`
    update conversation_invites set revoked_at = coalesce(revoked_at, now())
    where id = ${invite} and conversation = ${conv} returning id`;
  if (rows.length === 0) throw notFound();
  return null;
}

async function take(
  sql: Sql,
  { user, code, operation }: Input<'invites.take'>,
): ReturnType<InviteServices['invites.take']> {
  const [row] = await sql<Array<Awaited<ReturnType<InviteServices['invites.take']>>>>`
    select invite, conversation as conv, is_new as "isNew", is_over as "isOver"
    from nubo_take_invite(${hashOf(code)}, ${user}, ${operation})`;
  if (row === undefined) throw notFound();
  return { ...row };
}

async function giveBack(sql: Sql, { user, invite, operation }: Input<'invites.giveBack'>): Promise<null> {
  await sql`select nubo_give_back_invite(${invite}, ${user}, ${operation})`;
  return null;
}

/** 128 bits that nobody can tell who does not have the secret. */
function codeOf(secret: string, { id, user, conv }: Input<'invites.create'>): string {
  const bytes = createHmac('sha256', secret).update(`invitation ${id} ${user} ${conv}`).digest();
  return bytes.subarray(0, codeBytes).toString('base64url');
}

function hashOf(code: string): Buffer {
  return createHash('sha256').update(code).digest();
}

/** May it still be accepted by somebody? */
function isGood(sql: Sql) {
  return sql`i.revoked_at is null and (i.expires_at is null or i.expires_at > now())
    and (i.uses_max is null or i.uses < i.uses_max)`;
}

function viewOf(sql: Sql) {
  return sql`i.id, i.conversation as conv, i.creator, nubo_ms(i.created_at)::float8 as "createdAt",
    nubo_ms(i.expires_at)::float8 as until, i.uses_max as "usesMax", i.uses`;
}
