/** Ids of any time. */
import { uuidv7 } from 'uuidv7';

/** A UUIDv7 of a moment (Unix ms). */
export function idAt(at: number): string {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${uuidv7().slice(13)}`;
}
