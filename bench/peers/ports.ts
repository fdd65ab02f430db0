/** Ports for servers that cannot choose one themselves, and the wait until somebody listens there. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerChild } from '../targets/child.js';

const host = '127.0.0.1';
const readyMs = 60_000;
const pollMs = 25;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

/** @throws Error with what the server said when it ends, or does not listen in time */
export async function untilListening(port: number, child: ServerChild): Promise<void> {
  let hasEnded = false;
  const ended = () => {
    hasEnded = true;
  };
  child.ended.then(ended, ended);
  const deadline = Date.now() + readyMs;
  while (!(await accepts(port))) {
    if (hasEnded || Date.now() > deadline)
      throw new Error(`The peer ${hasEnded ? 'ended' : 'did not listen'}:\n${child.output().trim()}`);
    await sleep(pollMs);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
