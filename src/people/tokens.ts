/**
 * Access tokens, minted and verified (H3, H6, H7). Verifying needs no database: fronts do it for every connection
 * and request, at once where the key is a shared secret. A public key takes a hundred microseconds and may have to be
 * fetched: tokens that one has agreed to are remembered. Revocation is not asked here.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type CryptoKey, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { NuboError, UserError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { RateClass } from '../threads/messages.js';
import { applicationIdentity, ownIdentity } from './claims.js';
import type { Identity } from './identity.js';
import { hmacKey, jwksVerifier, sharedSecretVerifier } from './keys.js';
import { readToken, type SignedToken } from './signed-token.js';

const issuer = 'nubo';
const ofNubo = { issuer, audience: issuer };
const tokenCharsMax = 8192;
/** About 150 bytes each. For REST, which brings its token each time, and for those who come back. */
const rememberedMax = 4_096;
/** A key that left the JWKS is good for at most this long where its tokens are remembered. */
const rememberedMs = 5 * 60 * 1000;

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
  /**
   * At once for a shared secret, later for a public key. Throws or rejects with NuboError: `unauthorized` saying why, or
   * `unavailable` when the JWKS address does not answer.
   */
  verify(token: string): Identity | Promise<Identity>;
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
    verify: createVerifier(options),
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

function createVerifier(options: TokenOptions): Tokens['verify'] {
  const { clock, appSecret, appJwksUrl, appIssuer, appAudience } = options;
  const bySecret = sharedSecretVerifier(options.secret);
  const byAppSecret = appSecret === undefined ? undefined : sharedSecretVerifier(appSecret);
  const byPublicKey = appJwksUrl === undefined ? undefined : remembered(options, jwksVerifier(appJwksUrl));
  const ofApplication = {
    ...(appIssuer === undefined ? {} : { issuer: appIssuer }),
    ...(appAudience === undefined ? {} : { audience: appAudience }),
  };

  return (text) => {
    if (text.length > tokenCharsMax)
      throw new NuboError('unauthorized', `A token has at most ${tokenCharsMax} characters.`);
    const token = readToken(text);
    if (token.claims.iss === issuer) {
      bySecret(token);
      return ownIdentity(token.claims, ofNubo, clock.now());
    }
    const applicant = () => applicationIdentity(token.claims, ofApplication, clock.now());
    if (token.alg === 'HS256' && byAppSecret !== undefined) {
      byAppSecret(token);
      return applicant();
    }
    if (token.alg !== 'HS256' && byPublicKey !== undefined) return byPublicKey(token).then(applicant);
    throw new NuboError('unauthorized', `Tokens with alg ${token.alg} are not accepted here.`);
  };
}

/** Those that a public key has agreed to are known again by their hash. Their claims are looked at each time. */
function remembered(options: TokenOptions, verify: (token: SignedToken) => Promise<void>): typeof verify {
  const known = new LRUCache<string, number>({ max: rememberedMax });
  return async (token) => {
    // The hash, not the token: what can log in is not kept longer than needed.
    const hash = createHash('sha256').update(token.text).digest('base64url');
    const now = options.clock.now();
    if ((known.get(hash) ?? 0) > now) return;
    await verify(token);
    known.set(hash, now + rememberedMs);
  };
}
