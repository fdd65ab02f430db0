/**
 * Is a port free? The fronts share theirs with SO_REUSEPORT, so a second server on it would go unnoticed and take
 * half of the clients. An ordinary, exclusive listen tells (O5).
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { StartError } from './errors.js';

/** @throws StartError in one sentence; port 0 is always free */
export async function requireFreePort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(sentence((error as NodeJS.ErrnoException).code, host, port));
  }
  server.close();
  await once(server, 'close');
}

function sentence(code: string | undefined, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken: choose another one, for example npm start -- --port ${nextPort(port)}`;
    case 'EACCES':
      return `Port ${port} may not be used by this user: choose one above 1023, for example npm start -- --port 8080`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine: choose another one with --host or NUBO_HOST.`;
    default:
      return `Port ${port} on ${host} cannot be listened on (${code}).`;
  }
}

function nextPort(port: number): number {
  return port < 65_535 ? port + 1 : 8080;
}
