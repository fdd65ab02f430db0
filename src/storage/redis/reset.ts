/** Removing what is nubo's: by its prefix only, whatever else lives in the same Redis. */
import type { Redis } from 'ioredis';
import { literalPattern } from './keys.js';

const scanCount = 1_000;

/**
 * Removes every key that begins with `beginning`, but those that begin with `except`, a page at a time.
 * @returns how many there were
 */
export async function removeKeys(redis: Redis, beginning: string, except: string): Promise<number> {
  let removed = 0;
  for await (const found of pagesOf(redis, beginning)) {
    const keys = found.filter((key) => !key.startsWith(except));
    if (keys.length > 0) removed += await redis.unlink(...keys);
  }
  return removed;
}

/** Removes every key that begins with `beginning` and one more, all at once. */
export async function removeTogether(redis: Redis, beginning: string, key: string): Promise<void> {
  const keys = new Set([key]);
  for await (const found of pagesOf(redis, beginning)) for (const one of found) keys.add(one);
  await redis.unlink(...keys);
}

/** The keys that begin so, in pages; one may come twice. */
export async function* pagesOf(redis: Redis, beginning: string): AsyncGenerator<string[]> {
  const pattern = `${literalPattern(beginning)}*`;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount);
    if (keys.length > 0) yield keys;
    cursor = next;
  } while (cursor !== '0');
}
