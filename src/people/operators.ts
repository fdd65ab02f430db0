/** What an operator may do to tokens: mint them for users, and take them back (H7). */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { sessions } from '../entities/sessions.js';
import { NuboError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { Revocation } from '../threads/messages.js';
import type { Services } from '../threads/services.js';
import { uuid } from '../wire/operations.js';
import { tokenLifeMsMax } from './identity.js';
import { insertRevocations } from './revocation-store.js';
import { check, jti, userIds } from './rules.js';
import { sessionRevocation } from './sessions.js';
import type { Tokens } from './tokens.js';

const mintInput = z.object({
  users: userIds,
  seconds: z
    .number()
    .int()
    .min(1)
    .max(tokenLifeMsMax / 1000),
  limits: z.enum(['standard', 'high']).optional(),
});
const revokeInput = z.union([z.strictObject({ user: uuid }), z.strictObject({ jti })], {
  error: 'must be either {user} or {jti}',
});

export interface OperatorPorts {
  readonly sql: Sql;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly broadcast: (revocation: Revocation) => void;
  readonly stamps: ChangeStamps;
}

export interface Operators {
  /** All or none: `not_found` when one of the users does not exist or is not active. */
  mintTokens(
    input: Services['operator.mintTokens']['input'],
  ): Promise<Services['operator.mintTokens']['output']>;
  /** Of a user: every token issued until now, and their sessions. Of a `jti`: that token, known here or not. */
  revoke(input: Services['operator.revoke']['input']): Promise<void>;
}

export function createOperators(ports: OperatorPorts): Operators {
  const { sql, tokens } = ports;
  return {
    async mintTokens(input) {
      const { users, seconds, limits } = check(mintInput, input);
      const known = await sql<{ id: string }[]>`
        select id from users
        where state = 1 and id in (select value::uuid from jsonb_array_elements_text(${sql.json(users)}))`;
      const missing = new Set(users).size - known.length;
      if (missing > 0)
        throw new NuboError('not_found', `${missing} of the users do not exist.`, { stored: false });
      const minted = users.map(async (user) => {
        const {
          token,
          jti: id,
          expiresAt,
        } = await tokens.mintForUser({
          user,
          lifeMs: seconds * 1000,
          ...(limits === undefined ? {} : { rate: limits }),
        });
        return { user, token, jti: id, expiresAt };
      });
      const tokensMade = await Promise.all(minted);
      const rows = tokensMade.map(({ user, jti: id, expiresAt }) => ({ user, jti: id, until: expiresAt }));
      await sql`
        insert into audit_entries (act, target, details)
        select 'mint', "user", jsonb_build_object('jti', jti, 'until', until)
        from jsonb_to_recordset(${sql.json(rows)}) as row ("user" uuid, jti text, until bigint)`;
      return { tokens: tokensMade };
    },

    async revoke(input) {
      const target = check(revokeInput, input);
      const revocations =
        'user' in target ? await revokeUser(ports, target.user) : await revokeJti(ports, target.jti);
      for (const revocation of revocations) {
        if (revocation.subject === 'session') ports.stamps.stamp(sessions.name, revocation.value);
        ports.broadcast(revocation);
      }
    },
  };
}

/** A `jti` is refused whatever its `iat`: `since` is as late as `until`. */
async function revokeJti({ sql, clock }: OperatorPorts, value: string): Promise<Revocation[]> {
  const until = clock.now() + tokenLifeMsMax;
  const revocation: Revocation = { subject: 'jti', value, since: until, until };
  await sql.begin(async (transaction) => {
    await insertRevocations(transaction, [revocation]);
    await transaction`insert into audit_entries (act, details) values ('revoke', ${sql.json({ jti: value })})`;
  });
  return [revocation];
}

/**
 * The time is read after the sessions are ended: a session opened meanwhile either is among them, or its token
 * was issued before `since`. One millisecond later still, for tokens of this very millisecond.
 */
async function revokeUser(ports: OperatorPorts, user: string): Promise<Revocation[]> {
  return ports.sql.begin(async (sql) => {
    const ended = await sql<{ id: string }[]>`
      update sessions set revoked = true where user_id = ${user} and not revoked returning id`;
    const since = ports.clock.now() + 1;
    const all: Revocation = { subject: 'user', value: user, since, until: since + tokenLifeMsMax };
    const revocations = [all, ...ended.map(({ id }) => sessionRevocation(ports, id))];
    await insertRevocations(sql, revocations);
    await sql`insert into audit_entries (act, target) values ('revoke', ${user})`;
    return revocations;
  });
}
