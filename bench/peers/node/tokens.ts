/** Tokens of the small servers here: the user's name, and its signature by a secret that server and bench share. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export function tokenOf(user: string, secret: string): string {
  return `${user}.${signatureOf(user, secret).toString('base64url')}`;
}

/** The user of a token; undefined when it was not signed with the secret. */
export function userOf(token: string, secret: string): string | undefined {
  const dot = token.lastIndexOf('.');
  const user = token.slice(0, Math.max(0, dot));
  const signature = Buffer.from(token.slice(dot + 1), 'base64url');
  const expected = signatureOf(user, secret);
  return signature.length === expected.length && timingSafeEqual(signature, expected) ? user : undefined;
}

function signatureOf(user: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(user).digest();
}
