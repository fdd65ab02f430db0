/**
 * An empty database with nubo's tables, on the server that the engine uses, gone when the limit has been measured. To drop
 * it the server makes a checkpoint, so what the limit left to be written does not burden the engine's turn.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { UserError } from '#src/errors.js';
import { projectRoot } from '#src/project-root.js';
import { migrate } from '#src/storage/postgres/migrate.js';
import { messageOf } from '#src/storage/postgres/sql.js';

/** The Postgres that limits are measured on: the engine's own server. */
export interface DatabaseServer {
  /** `postgres://user:password@host:port/database`; the user may create databases. */
  readonly url: string;
  /** Its postmaster, when it runs on this machine: then CPU is counted over all of its processes. */
  readonly pid?: number | undefined;
}

/** @throws UserError when the user of the URL may not create databases */
export async function withScratchDatabase<Result>(
  server: DatabaseServer,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const name = `nubo_limit_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} template template0 encoding 'UTF8'`);
  const drop = () => onServer(server, `drop database ${name} with (force)`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  let result: Result;
  try {
    await migrate({ url: url.href, folder: join(projectRoot, 'sql') });
    result = await work(url.href);
  } catch (error) {
    // When the server is gone, what it did to the work says more.
    await drop().catch(() => {});
    throw error;
  }
  await drop();
  return result;
}

async function onServer({ url }: DatabaseServer, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(statement);
  } catch (error) {
    throw new UserError(
      `The limits need a scratch database on the server of the engine, and it said: ${messageOf(error)}. ` +
        'Give them a user who may create databases.',
    );
  } finally {
    await client.end().catch(() => {});
  }
}

/** Rows in the log of a scratch database: what a limit says it wrote must be there. */
export async function countRows(url: string): Promise<number> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: string }>('select count(*) as count from conversation_log');
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}
