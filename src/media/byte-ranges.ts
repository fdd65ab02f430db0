/** The `Range` header: one range, as players and resumed downloads ask for. */
import type { ByteRange } from './store.js';

/**
 * The range of these bytes that is asked for; `all` without one, and for what is no range of bytes or several of them
 * (RFC 9110 lets a server send everything then); `none` when it begins behind the end.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'all' | 'none' {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  const [, first = '', last = ''] = found ?? [];
  if (found === null || (first === '' && last === '')) return 'all';
  if (first === '') {
    const count = Math.min(Number(last), size);
    return count === 0 ? 'none' : { from: size - count, to: size };
  }
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return 'all';
  return from >= size ? 'none' : { from, to };
}
