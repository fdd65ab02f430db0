/**
 * A token as it is written (RFC 7519, compact): taken apart and read once. What it says of itself is enough to choose
 * a key by, and is believed no further until that key has agreed (H3).
 */
import { isUtf8 } from 'node:buffer';
import { NuboError } from '../errors.js';

export interface SignedToken {
  readonly text: string;
  /** `none` when the header names none. */
  readonly alg: string;
  /** The header has extensions that whoever does not know them must refuse (`crit`). */
  readonly isCritical: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is made over. */
  readonly signed: string;
  /** As it is written, base64url. */
  readonly signature: string;
}

/** Of nearly all tokens, nubo's own among them: not worth reading again for each. */
const usualHeader = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');
/** Of an `alg` that is told in an error. */
const algCharsMax = 20;

/** @throws NuboError `unauthorized` when the text is no token */
export function readToken(text: string): SignedToken {
  const headerEnd = text.indexOf('.');
  const claimsEnd = text.indexOf('.', headerEnd + 1);
  if (headerEnd < 0 || claimsEnd < 0 || text.includes('.', claimsEnd + 1)) throw noToken();
  return {
    text,
    ...headerOf(text.slice(0, headerEnd)),
    claims: objectOf(text.slice(headerEnd + 1, claimsEnd)),
    signed: text.slice(0, claimsEnd),
    signature: text.slice(claimsEnd + 1),
  };
}

function headerOf(part: string): Pick<SignedToken, 'alg' | 'isCritical'> {
  if (part === usualHeader) return { alg: 'HS256', isCritical: false };
  const { alg, crit } = objectOf(part);
  return {
    alg: typeof alg === 'string' ? alg.slice(0, algCharsMax) : 'none',
    isCritical: crit !== undefined,
  };
}

function objectOf(part: string): Readonly<Record<string, unknown>> {
  const bytes = Buffer.from(part, 'base64url');
  // Another reader of the same bytes might not see the same text.
  if (!isUtf8(bytes)) throw noToken();
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw noToken();
}

function noToken(): NuboError {
  return new NuboError('unauthorized', 'This is not a token.');
}
