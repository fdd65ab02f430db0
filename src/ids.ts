/** Ids: UUIDv7 for operations, UUIDv8 (RFC 9562) for ids that are derived from what they name. */
import { createHash } from 'node:crypto';

/** Unix milliseconds in the first 48 bits of a UUIDv7. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function derivedId(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The one direct conversation of two users, whoever asks first. */
export function directConversationId(one: string, other: string): string {
  return derivedId(one < other ? `nubo:direct:${one}:${other}` : `nubo:direct:${other}:${one}`);
}

/** The user whom an application names `sub` in its tokens: opaque, case-sensitive (H6). */
export function userIdOfSubject(sub: string): string {
  return derivedId(`nubo:user:${sub}`);
}
