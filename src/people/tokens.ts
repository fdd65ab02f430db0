/**
 * Access tokens, minted and verified (H3, H6, H7). Verifying needs no database: fronts do it for every connection
 * and request, about 15 µs each, so verified tokens are remembered by their hash (2 µs).
 * Revocation is not asked here: an identity from the cache is as revocable as a new one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type CryptoKey, decodeJwt, decodeProtectedHeader, errors, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { NuboError, UserError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { RateClass } from '../threads/messages.js';
import { applicationIdentity, clockToleranceSeconds, ownIdentity } from './claims.js';
import type { Identity } from './identity.js';
import { hmacKey, jwksVerifier, sharedSecretVerifier, type VerifyWithKey } from './keys.js';

const issuer = 'nubo';
const tokenCharsMax = 8192;
/** Of at most about 700 bytes: 3 MB at worst. For REST, which brings its token each time, and for those who come back. */
const cacheItemsMax = 4_096;
/** A key that left the JWKS is good for at most this long where its tokens are remembered. */
const cacheMs = 5 * 60 * 1000;

export interface TokenOptions {
  /** NUBO_SECRET: signs and checks nubo's own tokens. */
  readonly secret: string;
  /** NUBO_APP_SECRET: the application signs with HS256. */
  readonly appSecret?: string;
  /** The application signs with a private key whose public half is at this address. */
  readonly appJwksUrl?: string;
  /** When set, the application's tokens must carry this `iss` / `aud`: needed where a JWKS serves several. */
  readonly appIssuer?: string;
  readonly appAudience?: string;
  /** Life of a session's access token. */
  readonly accessMs: number;
  readonly clock: Clock;
  /** 0 turns the cache off. */
  readonly cacheItemsMax?: number;
}

export interface MintedToken {
  readonly token: string;
  readonly jti: string;
  /** Unix ms */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface Tokens {
  readonly accessMs: number;
  /** For a session. `at` (Unix ms) is its `iat`: a revocation later than this takes it back. */
  mintAccess(input: { user: string; session: string; at: number }): Promise<MintedToken>;
  /** For an operator: no session. */
  mintForUser(input: { user: string; lifeMs: number; rate?: RateClass }): Promise<MintedToken>;
  /** Throws `unauthorized` saying why, or `unavailable` when the JWKS address does not answer. */
  verify(token: string): Promise<Identity>;
}

export function createTokens(options: TokenOptions): Tokens {
  if (options.secret === '') throw new UserError('NUBO_SECRET must not be empty.');
  if (options.appSecret === '') throw new UserError('NUBO_APP_SECRET must not be empty.');
  if (options.appSecret === options.secret) {
    throw new UserError(
      'NUBO_APP_SECRET must differ from NUBO_SECRET, or the application could sign as nubo.',
    );
  }
  const ownKey = hmacKey(options.secret);
  return {
    accessMs: options.accessMs,
    mintAccess: ({ user, session, at }) =>
      mint(ownKey, { user, at, expiresAt: at + options.accessMs, extra: { sid: session } }),
    mintForUser: ({ user, lifeMs, rate }) => {
      const at = options.clock.now();
      return mint(ownKey, {
        user,
        at,
        expiresAt: at + lifeMs,
        extra: rate === 'high' ? { limits: 'high' } : {},
      });
    },
    verify: cached(options, createVerifier(options)),
  };
}

/** `iat` keeps its milliseconds (RFC 7519 allows it): a token made just after a revocation is not caught by it. */
async function mint(
  key: () => Promise<CryptoKey>,
  input: { user: string; at: number; expiresAt: number; extra: Record<string, string> },
): Promise<MintedToken> {
  const jti = randomBytes(16).toString('base64url');
  const token = await new SignJWT({ ...input.extra, iat: input.at / 1000, exp: input.expiresAt / 1000 })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setSubject(input.user)
    .setJti(jti)
    .sign(await key());
  return { token, jti, issuedAt: input.at, expiresAt: input.expiresAt };
}

function createVerifier(options: TokenOptions): (token: string) => Promise<Identity> {
  const own = sharedSecretVerifier(options.secret);
  const bySecret = options.appSecret === undefined ? undefined : sharedSecretVerifier(options.appSecret);
  const byJwks = options.appJwksUrl === undefined ? undefined : jwksVerifier(options.appJwksUrl);

  return async (token) => {
    const now = options.clock.now();
    const common = {
      currentDate: new Date(now),
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'sub'],
    };
    const { iss, alg } = claimed(token);
    try {
      if (iss === issuer) {
        return ownIdentity((await own(token, { ...common, issuer, audience: issuer })).payload, now);
      }
      const application: VerifyWithKey | undefined = alg === 'HS256' ? bySecret : byJwks;
      if (application === undefined)
        throw new NuboError('unauthorized', `Tokens with alg ${alg} are not accepted here.`);
      const expected = {
        ...(options.appIssuer === undefined ? {} : { issuer: options.appIssuer }),
        ...(options.appAudience === undefined ? {} : { audience: options.appAudience }),
      };
      return applicationIdentity((await application(token, { ...common, ...expected })).payload, now);
    } catch (error) {
      throw refusal(error);
    }
  };
}

/** What the token says of itself before anything is checked: enough to choose a key, and believed no further. */
function claimed(token: string): { iss: string | undefined; alg: string } {
  try {
    const alg = decodeProtectedHeader(token).alg;
    const { iss } = decodeJwt(token);
    return { iss, alg: typeof alg === 'string' ? alg.slice(0, 20) : 'none' };
  } catch {
    throw new NuboError('unauthorized', 'This is not a token.');
  }
}

function refusal(error: unknown): Error {
  if (error instanceof NuboError) return error;
  if (error instanceof errors.JWTExpired) return new NuboError('unauthorized', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new NuboError('unauthorized', `The token's ${error.claim} is missing or not acceptable.`);
  }
  if (error instanceof errors.JOSEError) {
    return new NuboError(
      'unauthorized',
      "The token's signature is not good for the key and algorithm fixed here.",
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}

function cached(
  options: TokenOptions,
  verify: (token: string) => Promise<Identity>,
): (token: string) => Promise<Identity> {
  const max = options.cacheItemsMax ?? cacheItemsMax;
  const known = max === 0 ? undefined : new LRUCache<string, { identity: Identity; until: number }>({ max });

  return async (token) => {
    if (token.length > tokenCharsMax)
      throw new NuboError('unauthorized', `A token has at most ${tokenCharsMax} characters.`);
    if (known === undefined) return verify(token);
    // The hash, not the token: what can log in is not kept longer than needed.
    const hash = createHash('sha256').update(token).digest('base64url');
    const entry = known.get(hash);
    const now = options.clock.now();
    if (entry !== undefined && now < entry.until) return entry.identity;
    const identity = await verify(token);
    known.set(hash, { identity, until: Math.min(identity.expiresAt, now + cacheMs) });
    return identity;
  };
}
