/**
 * Brings the schema up to the files in sql/: plain SQL, numbered, each in a transaction of its own together with
 * the note that it was applied. Two servers that start at once take turns.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import Postgrator from 'postgrator';
import { UserError } from '../../errors.js';

/** Advisory lock of migrations: any number that nobody else uses in this database. */
const migrationLock = 6_827_311_001;
const versionTable = 'nubo_schema';
const fileName = /^(\d{4})_(.+)\.sql$/;

/** Postgrator with our file names, and each file in one transaction with its entry. */
class Migrations extends Postgrator {
  private readonly folder: string;
  private readonly client: Client;

  constructor(folder: string, client: Client) {
    super({
      driver: 'pg',
      schemaTable: versionTable,
      currentSchema: 'public',
      execQuery: (query) => client.query(query),
    });
    this.folder = folder;
    this.client = client;
  }

  override async getMigrations(): Promise<Postgrator.Migration[]> {
    const names = readdirSync(this.folder).filter((name) => fileName.test(name));
    const migrations = names.sort().map((name) => migrationOf(join(this.folder, name)));
    // Its methods read this field, which its types do not tell of.
    Object.assign(this, { migrations });
    return migrations;
  }

  override async runMigrations(migrations: Postgrator.Migration[] = []): Promise<Postgrator.Migration[]> {
    for (const migration of migrations) {
      await this.client.query('begin');
      try {
        await super.runMigrations([migration]);
        await this.client.query('commit');
      } catch (error) {
        await this.client.query('rollback').catch(() => {});
        throw new Error(`${basename(migration.filename)}: ${(error as Error).message}`, { cause: error });
      }
    }
    return migrations;
  }
}

function migrationOf(filename: string): Postgrator.Migration {
  const [, number = '', name = ''] = fileName.exec(basename(filename)) ?? [];
  const text = readFileSync(filename, 'utf8');
  const md5 = createHash('md5').update(text).digest('hex');
  return { version: Number(number), action: 'do', filename, name, md5, getSql: () => text };
}

/**
 * @param options.folder where the numbered files are
 * @returns the names of the files that were applied now
 * @throws UserError when the database is newer than the files, or was made from other ones
 */
export async function migrate({ url, folder }: { url: string; folder: string }): Promise<string[]> {
  const client = new Client({
    connectionString: url,
    application_name: 'nubo migrations',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    const migrations = new Migrations(folder, client);
    await migrations.getMigrations();
    const [have, newest] = await Promise.all([migrations.getDatabaseVersion(), migrations.getMaxVersion()]);
    if (have > newest) {
      throw new UserError(
        `The database has schema version ${have}, this nubo knows ${newest}: start a newer nubo.`,
      );
    }
    const applied = await migrations.migrate();
    return applied.map((migration) => basename(migration.filename));
  } catch (error) {
    if (error instanceof Error && /^MD5 checksum failed/.test(error.message)) {
      throw new UserError(
        `A file in sql/ was changed after this database had applied it (${error.message}).`,
      );
    }
    throw error;
  } finally {
    await client.end();
  }
}
