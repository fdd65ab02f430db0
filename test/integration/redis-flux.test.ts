/** The flux over a real Redis: the contract, and what happens when Redis goes away. */
import { describe, expect, test } from 'vitest';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { RedisFlux } from '#src/storage/redis/flux.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { fluxContract } from '../contract/flux.js';
import { isUp } from '../support/redis-mirror.js';
import { redisHere, startRedis } from '../support/redis-server.js';

const ports = nodeRuntimePorts();

async function openFlux(url: string, now = ports.clock.now) {
  const own = { ...ports, clock: { now } };
  const [publisher, listener] = [
    new RedisConnection({ url, ports }),
    new RedisConnection({ url, ports }),
  ] as const;
  await Promise.all([isUp(publisher), isUp(listener)]);
  const flux = new RedisFlux({ publisher, listener, keys: redisKeys('nubo:'), ports: own });
  return {
    flux,
    close: () => {
      flux.close();
      publisher.close();
    },
  };
}

describe.skipIf((await redisHere()) === undefined)('on a Redis', () => {
  fluxContract('redis', async () => {
    const server = await startRedis();
    let ahead = 0;
    const one = await openFlux(server.url);
    const other = await openFlux(server.url, () => Date.now() + ahead);
    return {
      one: one.flux,
      other: other.flux,
      setAhead: (ms) => {
        ahead = ms;
      },
      async close() {
        one.close();
        other.close();
        await server.stop();
      },
    };
  });

  test('P8 what a frozen Redis held back is stale when it comes, and listening survives a restart', async () => {
    const server = await startRedis();
    const { flux, close } = await openFlux(server.url);
    const heard: string[] = [];
    flux.subscribe('typing', (payload) => heard.push(Buffer.from(payload).toString()));
    const say = (text: string) => flux.publish('typing', Buffer.from(text));
    const hello = async () => {
      await expect
        .poll(
          () => {
            say('hello');
            return heard.includes('hello');
          },
          { timeout: 10_000, interval: 20 },
        )
        .toBe(true);
      // Those that are still on their way.
      await new Promise((resolve) => setTimeout(resolve, 100));
      heard.length = 0;
    };
    await hello();
    server.freeze();
    say('held back');
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(flux.dropped).toBe(1);
    server.thaw();
    await expect.poll(() => flux.counts.stale, { timeout: 2_000 }).toBe(1);
    expect(heard).toEqual([]);
    await hello();
    await server.restart();
    await hello();
    close();
    await server.stop();
  });
});
