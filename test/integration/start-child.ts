/** `nubo start` with threads that only listen: `node start-child.js DRAIN_MS EXIT_CODE [options]`, for tests. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { startCommand } from '#cli/start.js';
import type { Config } from '#src/config.js';
import { startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';

const [drainMs = '0', exitCode = '0'] = process.argv.splice(2, 2);

async function startThreads(config: Config): Promise<{ port: number; stop(): Promise<number> }> {
  const server = createServer((_request, response) =>
    response.end(config.postgresUrl === undefined ? 'no' : 'yes'),
  );
  server.listen(config.port, config.host);
  await once(server, 'listening');
  const address = server.address();
  const stop = async () => {
    process.stdout.write('draining\n');
    await new Promise((resolve) => setTimeout(resolve, Number(drainMs)));
    server.close();
    server.closeAllConnections();
    return Number(exitCode);
  };
  return { port: typeof address === 'object' && address !== null ? address.port : 0, stop };
}

await startCommand({ startThreads, startPostgres: startEmbeddedPostgres }).parseAsync();
