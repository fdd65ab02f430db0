/** `nubo start` with threads that fail when they are told to, by a POST to the port that it prints first. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { startCommand } from '#cli/start.js';
import { startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';
import { startNubo } from '#workers/main.js';
import { type Fault, type FromThreads, tellFaults } from './fault-channel.js';

const reports: FromThreads[] = [];
const waiting = new Map<number, () => void>();
let counter = 0;

const tell = tellFaults((report) => {
  if (report.kind === 'taken') waiting.get(report.id)?.();
  else reports.push(report);
});

/** POST a fault: answered when its thread has taken it. GET: what the threads have reported. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') {
    counter += 1;
    const id = counter;
    const taken = new Promise<void>((resolve) => waiting.set(id, resolve));
    tell({ kind: 'fault', id, fault: (await json(request)) as Fault });
    await taken;
  }
  response.end(JSON.stringify(reports));
}

const control = createServer((request, response) => void answer(request, response));
control.listen(0, '127.0.0.1');
await once(control, 'listening');
control.unref();
const address = control.address();
process.stdout.write(`faults at ${typeof address === 'object' && address !== null ? address.port : 0}\n`);

await startCommand({
  startThreads: (config) =>
    startNubo(config, {
      files: {
        shard: new URL('./faulty-shard-child.js', import.meta.url),
        front: new URL('./faulty-front-child.js', import.meta.url),
      },
    }),
  startPostgres: startEmbeddedPostgres,
}).parseAsync();
