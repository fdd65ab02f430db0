/** A mirror on a Redis for tests. */
import { Redis } from 'ioredis';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { RedisConnection, type RedisConnectionOptions } from '#src/storage/redis/connection.js';
import { type RedisKeys, redisKeys } from '#src/storage/redis/keys.js';
import { RedisMirror } from '#src/storage/redis/mirror.js';

export interface TestMirror {
  readonly mirror: RedisMirror;
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  /** A plain client, for looking and for doing harm. */
  readonly client: Redis;
  close(): void;
}

/** When it is connected for the first time. */
export function isUp(connection: RedisConnection): Promise<void> {
  return new Promise((resolve) => {
    const stop = connection.onOpen(() => {
      stop();
      resolve();
    });
  });
}

export async function openRedisMirror(
  url: string,
  options: { prefix?: string } & Partial<RedisConnectionOptions> = {},
): Promise<TestMirror> {
  const ports = options.ports ?? nodeRuntimePorts();
  const keys = redisKeys(options.prefix ?? 'nubo:');
  const connection = new RedisConnection({ ...options, url, ports });
  const mirror = new RedisMirror({ connection, keys, ports });
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await isUp(connection);
  return {
    mirror,
    connection,
    keys,
    client,
    close() {
      mirror.close();
      connection.close();
      client.disconnect();
    },
  };
}
