/** From the claims of a token whose signature is good to an Identity; what they may not say is refused here. */
import { z } from 'zod';
import { NuboError } from '../errors.js';
import { userIdOfSubject } from '../ids.js';
import { uuid } from '../wire/operations.js';
import { type Identity, tokenLifeMsMax } from './identity.js';
import { displayName, jti, subject } from './rules.js';
import type { SignedToken } from './signed-token.js';

/** How far the clocks of an application's server and ours may be apart, for `iat` and `nbf`. `exp` gets nothing. */
const clockToleranceMs = 5_000;

export type Claims = SignedToken['claims'];

/** Whom a token must come from and be for; anybody where it is not said. */
export interface Expected {
  readonly issuer?: string;
  readonly audience?: string;
}

const times = { exp: z.number(), iat: z.number().min(0).optional(), nbf: z.number().optional() };

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

function parsed<Schema extends z.ZodType>(schema: Schema, claims: Claims): z.output<Schema> {
  const result = schema.safeParse(claims);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new NuboError(
    'unauthorized',
    `The token's ${issue?.path.join('.')} ${issue?.message ?? 'is not valid'}.`,
  );
}

/** Other servers share the keys of an application: what was made for them opens nothing here. */
function checkExpected({ iss, aud }: Claims, { issuer, audience }: Expected): void {
  if (issuer !== undefined && iss !== issuer) throw unacceptable('iss');
  if (audience === undefined || aud === audience) return;
  if (!Array.isArray(aud) || !aud.includes(audience)) throw unacceptable('aud');
}

function unacceptable(claim: string): NuboError {
  return new NuboError('unauthorized', `The token's ${claim} is missing or not acceptable.`);
}

interface Times {
  readonly exp: number;
  readonly iat?: number | undefined;
  readonly nbf?: number | undefined;
}

/** iat and exp in Unix ms, with the bounds that revocation relies on. */
function checkedTimes(claims: Times, now: number) {
  const expiresAt = Math.floor(claims.exp * 1000);
  const issuedAt = Math.floor((claims.iat ?? 0) * 1000);
  if (expiresAt <= now) throw new NuboError('unauthorized', 'The token has expired.');
  if (expiresAt - now > tokenLifeMsMax) {
    throw new NuboError('unauthorized', "The token's exp is more than ten years ahead.");
  }
  const soon = now + clockToleranceMs;
  if (issuedAt > soon) throw new NuboError('unauthorized', "The token's iat is in the future.");
  if ((claims.nbf ?? 0) * 1000 > soon)
    throw new NuboError('unauthorized', "The token's nbf is in the future.");
  return { expiresAt, issuedAt };
}

/** `sub` is a user id; `sid` is there for sessions, absent for tokens an operator minted. */
export function ownIdentity(unchecked: Claims, expected: Expected, now: number): Identity {
  checkExpected(unchecked, expected);
  const claims = parsed(ownClaims, unchecked);
  return {
    user: claims.sub,
    ...(claims.sid === undefined ? {} : { session: claims.sid }),
    jti: claims.jti,
    ...checkedTimes(claims, now),
    rate: claims.limits,
  };
}

/** `sub` is whatever the application calls its user (H6). */
export function applicationIdentity(unchecked: Claims, expected: Expected, now: number): Identity {
  checkExpected(unchecked, expected);
  const claims = parsed(applicationClaims, unchecked);
  return {
    user: userIdOfSubject(claims.sub),
    ...(claims.jti === undefined ? {} : { jti: claims.jti }),
    ...checkedTimes(claims, now),
    rate: claims.limits,
    subject: { sub: claims.sub, ...(claims.name === undefined ? {} : { name: claims.name }) },
  };
}
