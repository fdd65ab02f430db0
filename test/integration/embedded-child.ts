/** A process of its own that runs an embedded Postgres: `node embedded-child.js FOLDER`, to be killed by tests. */
import { createLog } from '#src/log.js';
import { startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';

const dataDir = process.argv[2] ?? '';
try {
  const postgres = await startEmbeddedPostgres({
    dataDir,
    log: createLog({ level: 'fatal', thread: 'main' }),
  });
  process.once('SIGTERM', () => void postgres.stop().then(() => process.exit(0)));
  // Only now: who reads it may send the signal at once.
  process.stdout.write(`${JSON.stringify({ url: postgres.url, pid: postgres.pid })}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exit(1);
}
