/** Redis as a mirror, on a real server: the contract. */
import { describe } from 'vitest';
import { mirrorContract } from '../contract/tier.js';
import { openRedisMirror } from '../support/redis-mirror.js';
import { redisHere, startRedis } from '../support/redis-server.js';

describe.skipIf((await redisHere()) === undefined)('on a Redis', () => {
  mirrorContract({
    name: 'redis',
    findsMessagesById: false,
    takesAnyKey: true,
    poisons: [{ label: Symbol('of no kind that msgpack knows') }],
    async open() {
      const server = await startRedis();
      const { mirror, client, close } = await openRedisMirror(server.url);
      return {
        mirror,
        wipe: async () => void (await client.flushall()),
        outage: { begin: () => server.kill(), end: () => server.restart() },
        async close() {
          close();
          await server.stop();
        },
      };
    },
  });
});
