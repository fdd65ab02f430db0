/** Redis, emptied of what is nubo's. It goes by use: there is nothing to fill it with. */
import type { Redis } from 'ioredis';
import type { RedisKeys } from '#src/storage/redis/keys.js';
import { removeTogether } from '#src/storage/redis/reset.js';

/**
 * Elements and LRU go at once; then the positions, so that a server that runs sees it and begins anew. The keys of
 * servers stay: they live.
 */
export async function emptyRedis(redis: Redis, keys: RedisKeys): Promise<void> {
  await removeTogether(redis, keys.cache(''), keys.lru);
  await redis.unlink(keys.positions);
}
