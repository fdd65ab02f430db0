/** A port for a server that is killed and started again while its clients keep trying. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that the kernel gives to outgoing connections: of those, a client that keeps trying a dead server
 * takes the server's own one day, and talks to itself.
 */
const portMin = 15_000;
const portMax = 32_000;
const attemptsMax = 100;

export async function serverPort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(portMin, portMax);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${portMin} to ${portMax} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
