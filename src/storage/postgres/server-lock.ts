/**
 * One nubo per database (L13): an advisory lock that lives as long as its session. It keeps honest servers apart;
 * what slips past it (a session cut off and not yet noticed) meets the fence in the log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { UserError } from '../../errors.js';

/** Any number that nobody else uses in this database. */
const serverLock = 6_827_311_002;
/** The backend of a server that was just killed needs a moment to notice. */
const waitMs = 3_000;
const askEveryMs = 100;
/** The session is asked for a sign of life this often: the end of a silent connection is noticed too. */
const checkEveryMs = 5_000;

export interface ServerLock {
  release(): Promise<void>;
}

/**
 * @param options.onLost called once when the session ends by itself: another server may start from now on
 * @throws UserError when another server holds the database
 */
export async function lockServer({
  url,
  onLost,
}: {
  url: string;
  onLost: (reason: string) => void;
}): Promise<ServerLock> {
  const client = new Client({
    connectionString: url,
    application_name: 'nubo server lock',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    query_timeout: 10_000,
  });
  let isHeld = false;
  const lose = (reason: string) => {
    if (!isHeld) return;
    isHeld = false;
    clearInterval(check);
    onLost(reason);
  };
  client.on('error', (error) => lose(error.message));
  client.on('end', () => lose('the connection ended'));
  const check = setInterval(() => {
    if (isHeld) client.query('select 1').catch((error: Error) => lose(error.message));
  }, checkEveryMs);
  check.unref();
  try {
    await client.connect();
    // The server, too, should notice soon that we are gone without a word.
    await client.query(
      'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3',
    );
    await acquire(client);
  } catch (error) {
    clearInterval(check);
    await client.end().catch(() => {});
    throw error;
  }
  isHeld = true;
  return {
    async release() {
      isHeld = false;
      clearInterval(check);
      await client.end();
    },
  };
}

async function acquire(client: Client): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      serverLock,
    ]);
    if (rows[0]?.locked === true) return;
    if (performance.now() > until) {
      throw new UserError(
        'Another nubo uses this database: stop it first, or give this one a database of its own.',
      );
    }
    await sleep(askEveryMs);
  }
}
