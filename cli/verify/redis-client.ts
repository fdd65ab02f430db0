/** A Redis for a command: it is there, or the command says why not. */
import { Redis } from 'ioredis';
import { redisSentence } from '#src/storage/redis/sentences.js';
import { Unreachable } from './tier.js';

const connectMs = 5_000;
const answerMs = 20_000;

/** @throws Unreachable */
export async function connectRedis(url: string): Promise<Redis> {
  const redis = new Redis(url, {
    ...{ lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0, disableClientInfo: true },
    ...{ connectTimeout: connectMs, commandTimeout: answerMs },
  });
  // Why a host cannot be reached is only in the driver's events.
  let reason: unknown;
  redis.on('error', (error: unknown) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new Unreachable(redisSentence(reason ?? error));
  }
}
