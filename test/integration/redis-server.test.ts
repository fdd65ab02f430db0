/** The Redis that tests start: killed, frozen and started again, and gone with its parent. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { startChild } from '#test/support/children.js';
import { type RedisServer, redisHere, startRedis } from '#test/support/redis-server.js';

function clientOf(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  return client.on('error', () => {});
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf((await redisHere()) === undefined)('a Redis of its own', () => {
  let server: RedisServer;
  let client: Redis;

  beforeEach(async () => {
    server = await startRedis({ maxMemoryBytes: 64 * 1024 * 1024 });
    client = clientOf(server.url);
  });

  afterEach(async () => {
    client.disconnect();
    await server.stop();
  });

  test('has its limit, keeps nothing on disk, and evicts nothing by itself', async () => {
    expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', String(64 * 1024 * 1024)]);
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await client.config('GET', 'save')).toEqual(['save', '']);
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'no']);
  });

  test('is killed, and comes back on the same port, empty', async () => {
    await client.set('a', '1');
    const { pid, url } = server;
    await server.kill();
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(server.pid).toBeUndefined();
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await client.get('a')).toBeNull();
  });

  test('answers nobody while it is frozen, and everybody after', async () => {
    await client.set('a', '1');
    server.freeze();
    const answer = client.get('a');
    expect(await Promise.race([answer, sleep(100, 'silence')])).toBe('silence');
    server.thaw();
    expect(await answer).toBe('1');
  });

  test('is stopped although it is frozen, and more than once', async () => {
    const { pid } = server;
    server.freeze();
    await server.stop();
    expect(isAlive(pid ?? 0)).toBe(false);
    await server.stop();
  });

  test.runIf(process.platform === 'linux')('is gone when its parent is killed', async () => {
    const program = join(projectRoot, 'build/test/integration/redis-server-child.js');
    const child = startChild(process.execPath, [program], {});
    const pid = await child.line((line) => /^redis (\d+)$/.exec(line)?.[1]);
    expect(isAlive(Number(pid))).toBe(true);
    child.process.kill('SIGKILL');
    await child.ended;
    await expect.poll(() => isAlive(Number(pid)), { timeout: 5_000 }).toBe(false);
  });
});
