/** A whole server with a Redis and a Mongo of its own. */

import { type MongoServer, startMongo } from '#test/support/mongo-server.js';
import type { RedisServer } from '#test/support/redis-server.js';
import { startRedis } from '#test/support/redis-server.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';

export interface TieredServer {
  readonly server: TestServer;
  readonly redis: RedisServer;
  readonly mongo: MongoServer;
  /** With its database. */
  readonly mongoUrl: string;
  end(): Promise<void>;
}

/** @param env further settings */
export async function startTiered(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TieredServer> {
  const [redis, mongo] = await Promise.all([startRedis(), startMongo()]);
  const mongoUrl = `${mongo.url}/${mongo.database}`;
  const folder = dataFolder(name);
  const stopMirrors = async () => {
    await Promise.all([redis.stop(), mongo.stop()]);
  };
  try {
    const server = await startServer({
      data: folder.path,
      env: { NUBO_REDIS_URL: redis.url, NUBO_MONGO_URL: mongoUrl, ...env },
    });
    return {
      ...{ server, redis, mongo, mongoUrl },
      async end() {
        server.kill('everything');
        await server.ended;
        await folder.remove();
        await stopMirrors();
      },
    };
  } catch (error) {
    await folder.remove();
    await stopMirrors();
    throw error;
  }
}
