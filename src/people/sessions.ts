/**
 * Sessions and their refresh tokens (H4). A refresh token works once. Presented again, by a thief or by its owner
 * after a thief, it ends the whole session. A client that sends the same token twice at once, or again because
 * the answer was lost, looks the same from here and loses its session too: it has to log in again, and should
 * refresh from one place at a time.
 *
 * An access token's `iat` is read before the row it belongs to is written, so a revocation that comes later by
 * the database's order is later by the clock too.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ISql, Sql, TransactionSql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { sessions } from '../entities/sessions.js';
import { NuboError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { Revocation } from '../threads/messages.js';
import type { Device, TokenPair } from '../threads/services.js';
import { canonicalAddress } from './addresses.js';
import { insertRevocations } from './revocation-store.js';
import { peopleLimits } from './rules.js';
import type { Tokens } from './tokens.js';

/** How long a session lives without being used. */
export const refreshMsDefault = 30 * 24 * 60 * 60 * 1000;
/** Addresses kept per session, the latest ones. */
const addressesMax = 8;
/** Added to the life of an access token: clocks of fronts and shards are one, this is for a stalled turn. */
const revocationMarginMs = 60_000;

export interface SessionPorts {
  readonly sql: Sql;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly broadcast: (revocation: Revocation) => void;
  readonly stamps: ChangeStamps;
  readonly refreshMs?: number;
}

export interface Sessions {
  /** A new session for somebody who has just proved who they are. */
  open(user: string, device: Device): Promise<TokenPair>;
  /** A new pair for an unused refresh token; `unauthorized` for any other. */
  refresh(refreshToken: string, device: Device): Promise<TokenPair>;
  /** Ends it, if it is theirs; is it? Also when it had ended before. */
  end(user: string, session: string): Promise<boolean>;
}

export function createSessions(ports: SessionPorts): Sessions {
  const refreshMs = ports.refreshMs ?? refreshMsDefault;

  async function pair(user: string, session: string, at: number, refreshToken: string): Promise<TokenPair> {
    const access = await ports.tokens.mintAccess({ user, session, at });
    return {
      user,
      session,
      accessToken: access.token,
      accessExpiresAt: access.expiresAt,
      refreshToken,
      refreshExpiresAt: at + refreshMs,
    };
  }

  return {
    async open(user, device) {
      const at = ports.clock.now();
      const session = uuidv7();
      const { token, hash } = newRefreshToken();
      const { info, ip } = stored(ports.sql, device, []);
      const now = new Date(at);
      const expires = new Date(at + refreshMs);
      await ports.sql`
        with session as (
          insert into sessions (id, user_id, device_info, ip, created_at, last_used_at, expires_at)
          values (${session}, ${user}, ${info}, ${ip}, ${now}, ${now}, ${expires}))
        insert into refresh_tokens (hash, session, issued_at, expires_at)
        values (${hash}, ${session}, ${now}, ${expires})`;
      ports.stamps.stamp(sessions.name, session);
      return pair(user, session, at, token);
    },

    async refresh(refreshToken, device) {
      const at = ports.clock.now();
      const next = newRefreshToken();
      const outcome = await ports.sql.begin((sql) =>
        rotate(sql, {
          at,
          expiresAt: at + refreshMs,
          used: hashOf(refreshToken),
          next: next.hash,
          device,
          ports,
        }),
      );
      if (outcome.kind !== 'refused') ports.stamps.stamp(sessions.name, outcome.session);
      switch (outcome.kind) {
        case 'rotated':
          return pair(outcome.user, outcome.session, at, next.token);
        case 'reused':
          // Only now: the transaction that ended the session is committed.
          ports.broadcast(outcome.revocation);
          throw new NuboError(
            'unauthorized',
            'This refresh token was used before: its session has been ended.',
          );
        case 'refused':
          throw new NuboError('unauthorized', 'This refresh token is not valid.');
      }
    },

    async end(user, session) {
      const revocation = sessionRevocation(ports, session);
      // Also when it was ended before: the word of it may have been lost with a connection or a thread.
      const ending = ports.sql.begin(async (sql) => {
        const rows =
          await sql`update sessions set revoked = true where id = ${session} and user_id = ${user}`;
        if (rows.count > 0) await insertRevocations(sql, [revocation]);
        return rows.count > 0;
      });
      const isTheirs = await ending.finally(() => ports.stamps.stamp(sessions.name, session));
      if (isTheirs) ports.broadcast(revocation);
      return isTheirs;
    },
  };
}

type Rotation =
  | { kind: 'rotated'; user: string; session: string }
  | { kind: 'reused'; session: string; revocation: Revocation }
  | { kind: 'refused' };

interface RotationInput {
  readonly at: number;
  readonly expiresAt: number;
  readonly used: Buffer;
  readonly next: Buffer;
  readonly device: Device;
  readonly ports: SessionPorts;
}

/** Locks the session first, then the token: two uses of one token go one after the other. */
async function rotate(sql: TransactionSql, input: RotationInput): Promise<Rotation> {
  const now = new Date(input.at);
  const [session] = await sql<{ id: string; user: string; addresses: string[]; live: boolean }[]>`
    select sessions.id, user_id as user, array_to_json(ip) as addresses,
      not revoked and expires_at > ${now} and users.state = 1 as live
    from sessions join users on users.id = user_id
    where sessions.id = (select session from refresh_tokens where hash = ${input.used})
    for update of sessions`;
  if (session?.live !== true) return { kind: 'refused' };

  const taken =
    await sql`update refresh_tokens set used_at = ${now} where hash = ${input.used} and used_at is null`;
  if (taken.count === 0) {
    const revocation = sessionRevocation(input.ports, session.id);
    await sql`update sessions set revoked = true where id = ${session.id}`;
    await insertRevocations(sql, [revocation]);
    return { kind: 'reused', session: session.id, revocation };
  }

  const expires = new Date(input.expiresAt);
  const { info, ip } = stored(sql, input.device, session.addresses);
  await sql`
    insert into refresh_tokens (hash, session, issued_at, expires_at)
    values (${input.next}, ${session.id}, ${now}, ${expires})`;
  await sql`
    update sessions set last_used_at = ${now}, expires_at = ${expires}, device_info = ${info}, ip = ${ip}
    where id = ${session.id}`;
  return { kind: 'rotated', user: session.user, session: session.id };
}

/**
 * All tokens of a session end with it, whatever their `iat`: `since` is as late as `until`.
 */
export function sessionRevocation(ports: { tokens: Tokens; clock: Clock }, session: string): Revocation {
  const until = ports.clock.now() + ports.tokens.accessMs + revocationMarginMs;
  return { subject: 'session', value: session, since: until, until };
}

function newRefreshToken(): { token: string; hash: Buffer } {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * As columns: what a device says of itself, cut and cleaned, never a reason to refuse; and the addresses the
 * session was used from, this one last.
 */
function stored(sql: ISql, device: Device, before: readonly string[]) {
  const name = device.name.slice(0, peopleLimits.deviceNameCharsMax).replaceAll('\u0000', '').toWellFormed();
  const address = canonicalAddress(device.address);
  const addresses = before
    .filter((other) => other !== address)
    .concat(address ?? [])
    .slice(-addressesMax);
  return {
    info: sql.json({ name }),
    ip: sql`array(select value::inet from jsonb_array_elements_text(${sql.json(addresses)}))`,
  };
}
