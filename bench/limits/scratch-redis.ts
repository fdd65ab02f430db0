/** A Redis of the bench's own, without persistence, gone with `stop`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

import { freePort } from '../peers/ports.js';
import { findProgram } from '../peers/programs.js';

export interface ScratchRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const startMsMax = 5_000;

/** @returns undefined where there is no redis-server */
export async function startScratchRedis(): Promise<ScratchRedis | undefined> {
  const program = findProgram('redis-server');
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawn(
    program,
    ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
      cwd: tmpdir(),
    },
  );
  const ended = once(child, 'exit');
  const url = `redis://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null }).on('error', () => {});
  const isReady = await Promise.race([redis.ping(), sleep(startMsMax, undefined)]);
  redis.disconnect();
  if (isReady !== undefined) return { url, stop };
  await stop();
  throw new Error('redis-server does not answer');
}
