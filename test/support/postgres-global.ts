/**
 * One Postgres for a whole test run, started when the first test file asks for it. Test files run in processes of
 * their own and ask over a socket; the server belongs to the process that lives as long as the run.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { brokerVariable, type Cluster, openCluster } from './postgres.js';

export default async function setup(): Promise<() => Promise<void>> {
  let cluster: Promise<Cluster> | undefined;
  const broker = createServer((socket) => {
    socket.on('error', () => {});
    cluster ??= openCluster();
    cluster.then(
      ({ url }) => socket.end(JSON.stringify({ url })),
      (error: Error) => socket.end(JSON.stringify({ error: error.message })),
    );
  }).listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const address = broker.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.env[brokerVariable] = String(address.port);
  return async () => {
    broker.close();
    const opened = await cluster?.catch(() => undefined);
    await opened?.stop();
  };
}
