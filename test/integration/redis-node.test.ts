/** Servers that share a Redis: who begins with an empty tier. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { type Claimed, RedisNode } from '#src/storage/redis/node.js';
import { openRedisMirror, type TestMirror } from '../support/redis-mirror.js';
import { type RedisServer, redisHere, startRedis } from '../support/redis-server.js';

describe.skipIf((await redisHere()) === undefined)('servers on one Redis', () => {
  let server: RedisServer;
  let open: TestMirror;

  beforeAll(async () => {
    server = await startRedis();
    open = await openRedisMirror(server.url, { prefix: 'nu*bo[1]:' });
  });
  afterAll(async () => {
    open.close();
    await server.stop();
  });

  const nodeOf = (database = 'one') => {
    const { connection, keys } = open;
    const { timers } = nodeRuntimePorts();
    return new RedisNode({ connection, keys, server: randomUUID(), database, timers });
  };
  const claim = (node: RedisNode) => new Promise<Claimed>((resolve) => node.claim(resolve));
  const release = (node: RedisNode) => new Promise<{ kind: string }>((resolve) => node.release(resolve));

  test('T6 a server of another database may not join', async () => {
    const [ours, other] = [nodeOf(), nodeOf('another')];
    await claim(ours);
    expect(await claim(other)).toEqual({ kind: 'foreign' });
    expect(await claim(nodeOf())).toEqual({ kind: 'claimed', isFirst: false });
    for (const key of await open.client.keys('*:node:*')) await open.client.del(key);
  });

  test('T6 the first one removes what begins with the prefix and nothing else, those that join keep it', async () => {
    const { client, keys } = open;
    const others = ['another:cache', 'nu', 'nuxbo1:lru', 'nubo:lru'];
    for (const key of others) await client.set(key, '1');
    for (let key = 0; key < 2_500; key += 1) await client.set(`${keys.prefix}old:${key}`, '1');
    await client.hset(keys.cache('messages'), 'place', 'value');
    const [first, second, third] = [nodeOf(), nodeOf(), nodeOf()];
    expect(await claim(first)).toEqual({ kind: 'claimed', isFirst: true, removed: 2_501 });
    expect((await client.keys('*')).filter((key) => !key.includes(':node:')).sort()).toEqual(others.sort());
    await client.hset(keys.positions, 'log/0', '7');
    expect(await claim(second)).toEqual({ kind: 'claimed', isFirst: false });
    await release(first);
    expect(await claim(third)).toEqual({ kind: 'claimed', isFirst: false });
    expect(await client.hget(keys.positions, 'log/0')).toBe('7');
    await release(second);
    await release(third);
    const heir = nodeOf();
    expect(await claim(heir)).toMatchObject({ isFirst: true, removed: 1 });
    await release(heir);
  });

  test('of two that start at once none empties what the other has begun', async () => {
    const nodes = [nodeOf(), nodeOf()];
    const claimed = await Promise.all(nodes.map(claim));
    expect(claimed.filter((one) => one.kind === 'claimed' && one.isFirst).length).toBeLessThan(2);
    for (const node of nodes) await release(node);
  });

  test('a server is there as long as it lives, and again after a wipe', async () => {
    const { client, keys } = open;
    const node = nodeOf();
    await claim(node);
    const [key] = await client.keys('*:node:*');
    expect(key?.startsWith(keys.node(''))).toBe(true);
    expect(await client.ttl(key ?? '')).toBeGreaterThan(5);
    await client.flushall();
    await expect.poll(() => client.exists(key ?? ''), { timeout: 8_000, interval: 100 }).toBe(1);
    expect(await claim(nodeOf())).toMatchObject({ isFirst: false });
    await release(node);
    expect(await client.exists(key ?? '')).toBe(0);
  });
});
