/** Invitations: codes by which one becomes a member of a conversation. Of a code only the SHA-256 is kept (G10). */
import { createHash, randomBytes } from 'node:crypto';
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
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

/** The services; each refuses with a NuboError. */
export function createInvites(sql: Sql): InviteServices {
  return {
    'invites.create': (input) => whileUp(() => create(sql, input)),
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

async function create(
  sql: Sql,
  { user, conv, until, uses }: Input<'invites.create'>,
): Promise<InviteView & { code: string }> {
  await mayInvite(sql, { user, conv });
  if (until !== undefined && until <= Date.now())
    throw new NuboError('invalid', 'until: must be in the future.', { stored: false });
  const code = randomBytes(codeBytes).toString('base64url');
  const [row] = await sql<InviteView[]>`
    insert into conversation_invites as i (id, conversation, code_hash, creator, expires_at, uses_max)
    select ${uuidv7()}, ${conv}, ${hashOf(code)}, ${user}, nubo_time(${until ?? null}::bigint), ${uses ?? null}::integer
    where (select count(*) from conversation_invites i
      where i.conversation = ${conv} and ${isGood(sql)}) < ${wireLimits.invitesMax}
    returning ${viewOf(sql)}`;
  if (row === undefined)
    throw new NuboError(
      'forbidden',
      `A conversation has at most ${wireLimits.invitesMax} invitations: revoke some first.`,
      { stored: false },
    );
  return { ...row, code };
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
): Promise<{ invite: string; conv: string; isNew: boolean }> {
  const [row] = await sql<Array<{ invite: string; conv: string; isNew: boolean }>>`
    select invite, conversation as conv, is_new as "isNew"
    from nubo_take_invite(${hashOf(code)}, ${user}, ${operation})`;
  if (row === undefined) throw notFound();
  return { ...row };
}

async function giveBack(sql: Sql, { user, invite, operation }: Input<'invites.giveBack'>): Promise<null> {
  await sql`select nubo_give_back_invite(${invite}, ${user}, ${operation})`;
  return null;
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
