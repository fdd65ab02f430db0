/**
 * Which key a token is checked with, and with which algorithms (H3). The token chooses nothing: `iss` decides
 * between nubo and the application, and each key comes with the algorithms fixed for it, so that an `alg`, `kid`
 * or `iss` that lies leads to a key the token was not signed with.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type CryptoKey,
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  UnsecuredJWT,
} from 'jose';
import { NuboError } from '../errors.js';

/** What a public key may sign with. No HS256: a public key must never serve as a shared secret. */
const publicKeyAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const jwksTimeoutMs = 3_000;

export type VerifyWithKey = (
  token: string,
  options: Omit<JWTVerifyOptions, 'algorithms'>,
) => Promise<{ payload: JWTPayload }>;

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

const unsecuredHeader = Buffer.from('{"alg":"none"}').toString('base64url');

/**
 * HS256 by `node:crypto`, at once: WebCrypto gives each signature to a thread of its own pool, which costs more than the
 * signature and makes thousands of connects wait for each other. The claims are jose's to judge, as ever.
 */
export function sharedSecretVerifier(secret: string): VerifyWithKey {
  return async (token, options) => {
    const { alg, crit } = decodeProtectedHeader(token);
    if (alg !== 'HS256')
      throw new errors.JOSEAlgNotAllowed('"alg" (Algorithm) Header Parameter value not allowed');
    if (crit !== undefined) throw new errors.JOSENotSupported('no extension of a header is understood');
    const [header = '', payload = '', signature = '', ...rest] = token.split('.');
    const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
    const isSigned = rest.length === 0 && signature.length === expected.length;
    if (!isSigned || !timingSafeEqual(Buffer.from(signature, 'latin1'), Buffer.from(expected, 'latin1')))
      throw new errors.JWSSignatureVerificationFailed();
    return UnsecuredJWT.decode(`${unsecuredHeader}.${payload}.`, options);
  };
}

/** Fetches the keys at first use, again when they are ten minutes old or a token names an unknown one. */
export function jwksVerifier(address: string): VerifyWithKey {
  const keys = createRemoteJWKSet(new URL(address), { timeoutDuration: jwksTimeoutMs });
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (!isOutage(error)) throw error;
      throw new NuboError('unavailable', 'The JWKS address did not answer.', { retryMs: 2_000 });
    }
  };
  return (token, options) => jwtVerify(token, find, { ...options, algorithms: publicKeyAlgorithms });
}

/** The keys could not be had: nobody's token is to blame. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code);
}
