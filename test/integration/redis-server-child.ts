/** Starts a Redis, says its process number and waits to be killed. */
import { startRedis } from '#test/support/redis-server.js';

const server = await startRedis();
console.log(`redis ${server.pid}`);
setInterval(() => {}, 60_000);
