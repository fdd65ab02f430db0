/** The `Authorization` header, and keys compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** The token of `Bearer …`; undefined when there is none. */
export function bearerOf(header: string | undefined): string | undefined {
  const match = /^bearer +([^\s]+) *$/i.exec(header ?? '');
  return match?.[1];
}

/** Hashed first: the time says neither how much is right nor how long the key is. */
export function isSameKey(given: string, key: string): boolean {
  return timingSafeEqual(sha256(given), sha256(key));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
