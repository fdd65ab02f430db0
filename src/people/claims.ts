/** From the claims of a token whose signature is good to an Identity; what they may not say is refused here. */
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { NuboError } from '../errors.js';
import { userIdOfSubject } from '../ids.js';
import { uuid } from '../wire/operations.js';
import { type Identity, tokenLifeMsMax } from './identity.js';
import { displayName, jti, subject } from './rules.js';

/** How far the clocks of an application's server and ours may be apart, for `iat` and `nbf`. `exp` gets nothing. */
export const clockToleranceSeconds = 5;

const times = { exp: z.number(), iat: z.number().min(0).optional() };

const ownClaims = z.object({
  ...times,
  sub: uuid,
  sid: uuid.optional(),
  jti,
  limits: z.enum(['standard', 'high']).catch('standard').default('standard'),
});

const applicationClaims = z.object({
  ...times,
  sub: subject,
  jti: jti.optional(),
  // A name too long or of the wrong type is left out: it must not lock its owner out.
  name: displayName.optional().catch(undefined),
  limits: z.enum(['standard', 'high']).catch('standard').default('standard'),
});

function parsed<Schema extends z.ZodType>(schema: Schema, payload: JWTPayload): z.output<Schema> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new NuboError(
    'unauthorized',
    `The token's ${issue?.path.join('.')} ${issue?.message ?? 'is not valid'}.`,
  );
}

/** iat and exp in Unix ms, with the bounds that revocation relies on. */
function checkedTimes(claims: { exp: number; iat?: number | undefined }, now: number) {
  const expiresAt = Math.floor(claims.exp * 1000);
  const issuedAt = Math.floor((claims.iat ?? 0) * 1000);
  if (expiresAt <= now) throw new NuboError('unauthorized', 'The token has expired.');
  if (expiresAt - now > tokenLifeMsMax) {
    throw new NuboError('unauthorized', "The token's exp is more than ten years ahead.");
  }
  if (issuedAt > now + clockToleranceSeconds * 1000) {
    throw new NuboError('unauthorized', "The token's iat is in the future.");
  }
  return { expiresAt, issuedAt };
}

/** `sub` is a user id; `sid` is there for sessions, absent for tokens an operator minted. */
export function ownIdentity(payload: JWTPayload, now: number): Identity {
  const claims = parsed(ownClaims, payload);
  return {
    user: claims.sub,
    ...(claims.sid === undefined ? {} : { session: claims.sid }),
    jti: claims.jti,
    ...checkedTimes(claims, now),
    rate: claims.limits,
  };
}

/** `sub` is whatever the application calls its user (H6). */
export function applicationIdentity(payload: JWTPayload, now: number): Identity {
  const claims = parsed(applicationClaims, payload);
  return {
    user: userIdOfSubject(claims.sub),
    ...(claims.jti === undefined ? {} : { jti: claims.jti }),
    ...checkedTimes(claims, now),
    rate: claims.limits,
    subject: { sub: claims.sub, ...(claims.name === undefined ? {} : { name: claims.name }) },
  };
}
