/**
 * Which key a token is checked with, and with which algorithms (H3). The token chooses nothing: `iss` decides
 * between nubo and the application, and each key comes with the algorithms fixed for it, so that an `alg`, `kid`
 * or `iss` that lies leads to a key the token was not signed with.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { type CompactVerifyGetKey, type CryptoKey, compactVerify, createRemoteJWKSet, errors } from 'jose';
import { NuboError } from '../errors.js';
import type { SignedToken } from './signed-token.js';

/** What a public key may sign with. No HS256: a public key must never serve as a shared secret. */
const publicKeyAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const jwksTimeoutMs = 3_000;

/** The bytes of the text are the key. Imported once: jose would import raw bytes again for every token. */
export function hmacKey(secret: string): () => Promise<CryptoKey> {
  let imported: Promise<CryptoKey> | undefined;
  return () => {
    imported ??= crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(secret),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
    return imported;
  };
}

/**
 * HS256 by `node:crypto`, at once: WebCrypto gives each signature to a thread of its own pool, which costs more than the
 * signature and makes thousands of connects wait for each other.
 */
export function sharedSecretVerifier(secret: string): (token: SignedToken) => void {
  const key = createSecretKey(Buffer.from(secret));
  return ({ alg, isCritical, signed, signature }) => {
    if (alg !== 'HS256' || isCritical) throw notSigned();
    const expected = createHmac('sha256', key).update(signed).digest('base64url');
    const isSigned =
      signature.length === expected.length &&
      timingSafeEqual(Buffer.from(signature, 'latin1'), Buffer.from(expected, 'latin1'));
    if (!isSigned) throw notSigned();
  };
}

/** Fetches the keys at first use, again when they are ten minutes old or a token names an unknown one. */
export function jwksVerifier(address: string): (token: SignedToken) => Promise<void> {
  const keys = createRemoteJWKSet(new URL(address), { timeoutDuration: jwksTimeoutMs });
  const find: CompactVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (!isOutage(error)) throw error;
      throw new NuboError('unavailable', 'The JWKS address did not answer.', { retryMs: 2_000 });
    }
  };
  return async ({ text, isCritical }) => {
    if (isCritical) throw notSigned();
    try {
      await compactVerify(text, find, { algorithms: publicKeyAlgorithms });
    } catch (error) {
      throw error instanceof errors.JOSEError ? notSigned() : error;
    }
  };
}

function notSigned(): NuboError {
  return new NuboError(
    'unauthorized',
    "The token's signature is not good for the key and algorithm fixed here.",
  );
}

/** The keys could not be had: nobody's token is to blame. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code);
}
