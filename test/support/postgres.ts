/**
 * Databases for tests, on a real server: NUBO_TEST_POSTGRES_URL (a superuser's) when it is given, else a throw-away
 * cluster, one a test run. Each caller gets a database of its own, copied from a migrated template.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { projectRoot } from '#src/project-root.js';
import { migrate } from '#src/storage/postgres/migrate.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { ask } from './broker.js';
import { startCluster } from './postgres-cluster.js';

export interface TestDatabase {
  /** `postgres://…/<name>` */
  readonly url: string;
  readonly name: string;
  readonly sql: Sql;
  /** Drops it, whoever is still connected. */
  close(): Promise<void>;
}

export interface Cluster {
  readonly url: string;
  stop(): Promise<void>;
}

export const brokerVariable = 'NUBO_TEST_POSTGRES_BROKER';
export const sqlFolder = join(projectRoot, 'sql');
const template = 'nubo_test_template';

/** A server with the migrated template on it. */
export async function openCluster(): Promise<Cluster> {
  const given = process.env.NUBO_TEST_POSTGRES_URL;
  const cluster: Cluster =
    given === undefined || given === '' ? await startCluster() : { url: given, stop: async () => {} };
  const sql = openSql(cluster.url, { max: 1, statementMs: 0 });
  try {
    await sql.unsafe(`drop database if exists ${template} with (force)`);
    await sql.unsafe(`create database ${template} template template0 encoding 'UTF8'`);
    await migrate({ url: urlOf(cluster.url, template), folder: sqlFolder });
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  } finally {
    await sql.end();
  }
}

/** Of the run's server; outside of a test run, of one that this process starts and that ends with it. */
export function serverUrl(): Promise<string> {
  return ask(brokerVariable, 'postgres', async () => (await openCluster()).url);
}

/** @param options.empty without nubo's tables */
export async function createDatabase({ empty = false }: { empty?: boolean } = {}): Promise<TestDatabase> {
  const server = await serverUrl();
  const name = `nubo_test_${randomBytes(6).toString('hex')}`;
  const admin = openSql(server, { max: 1, statementMs: 0 });
  try {
    await admin.unsafe(`create database ${name} template ${empty ? 'template0' : template} encoding 'UTF8'`);
  } finally {
    await admin.end();
  }
  const url = urlOf(server, name);
  const sql = openSql(url, { max: 4, name: 'nubo test' });
  return {
    url,
    name,
    sql,
    async close() {
      await sql.end({ timeout: 1 });
      const dropper = openSql(server, { max: 1, statementMs: 0 });
      await dropper.unsafe(`drop database if exists ${name} with (force)`);
      await dropper.end();
    },
  };
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** Users who exist, by id. */
export async function addUsers(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql`insert into users (id) select unnest(${[...ids]}::uuid[]) on conflict do nothing`;
}
