/** A Postgres of a peer's own: the same server, with the same settings, as nubo's embedded one. */
import { join } from 'node:path';
import { pino } from 'pino';
import { startEmbeddedPostgres } from '#src/storage/embedded/embedded-postgres.js';
import { openSql } from '#src/storage/postgres/sql.js';

export interface PeerPostgres {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param folder the peer's; the cluster goes into one below it */
export async function startPeerPostgres(folder: string): Promise<PeerPostgres> {
  const log = pino({ level: 'silent' });
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'database'), log });
  const { hostname, port, username, password } = new URL(server.url);
  return {
    ...{ url: server.url, host: hostname, port: Number(port), user: username, password, pid: server.pid },
    stop: () => server.stop(),
  };
}

/** Runs statements, one after another, on the database of the URL. */
export async function runStatements(url: string, statements: readonly string[]): Promise<void> {
  const sql = openSql(url, { max: 1 });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
