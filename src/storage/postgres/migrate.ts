/**
 * Brings the schema up to the files in sql/, or back: each file up in a transaction of its own together with the note
 * that it was applied, all files down in one, so that a way back is gone wholly or not at all. Two that migrate at
 * once take turns.
 */
import { basename } from 'node:path';
import { Client } from 'pg';
import Postgrator from 'postgrator';
import { UserError } from '../../errors.js';
import { lostRows, storedRows } from './lost-rows.js';
import { migrationFiles, subjectOf } from './migration-files.js';

export interface SchemaPlace {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Where the numbered files are. */
  readonly folder: string;
}

export interface MigrationStatus {
  readonly version: number;
  readonly name: string;
  /** auth, messaging, logic … */
  readonly subject: string;
  /** undefined: not yet. */
  readonly appliedAt: Date | undefined;
  /** The file is another one than the database has applied. */
  readonly isChanged: boolean;
}

/** A schema whose lock is held. Every method returns the names of the files that were run now. */
export interface Schema {
  /** @throws UserError when the database is newer than the files, or was made from other ones */
  up(): Promise<string[]>;
  /**
   * Takes back what is above version `to`; without it, the newest only.
   * @throws UserError when rows would be lost and `mayLose` is false: nothing was done then
   */
  down(options: { to?: number | undefined; mayLose: boolean }): Promise<string[]>;
}

/** Advisory lock of migrations: any number that nobody else uses in this database. */
const migrationLock = 6_827_311_001;
const versionTable = 'nubo_schema';

/** SQLSTATE of `raise exception` in a file. */
const refusedByFile = 'P0001';

/** Postgrator with our file names and transactions. */
class Migrations extends Postgrator implements Schema {
  private readonly folder: string;
  private readonly client: Client;
  private mayLose = false;

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

  async up(): Promise<string[]> {
    await this.requireKnown();
    return namesOf(await this.migrate());
  }

  async down({ to, mayLose }: { to?: number | undefined; mayLose: boolean }): Promise<string[]> {
    const have = await this.requireKnown();
    const versions = [0, ...this.versions().filter((version) => version <= have)];
    const target = to ?? versions.at(-2) ?? 0;
    if (!versions.includes(target)) {
      throw new UserError(`The schema is at version ${have}: --to must be one of ${versions.join(', ')}.`);
    }
    this.mayLose = mayLose;
    return target === have ? [] : namesOf(await this.migrate(String(target)));
  }

  override async getMigrations(): Promise<Postgrator.Migration[]> {
    const migrations = migrationFiles(this.folder);
    // Its methods read this field, which its types do not tell of.
    Object.assign(this, { migrations });
    return migrations;
  }

  override async runMigrations(migrations: Postgrator.Migration[] = []): Promise<Postgrator.Migration[]> {
    if (migrations[0]?.action === 'undo') await this.inTransaction(() => this.takeBack(migrations));
    else for (const migration of migrations) await this.inTransaction(() => this.run(migration));
    return migrations;
  }

  private async takeBack(migrations: readonly Postgrator.Migration[]): Promise<void> {
    const before = await storedRows(this.client);
    for (const migration of migrations) await this.run(migration);
    const lost = lostRows(before, await storedRows(this.client));
    if (lost.length === 0 || this.mayLose) return;
    throw new UserError(
      `Going down would lose what is stored in ${lost.join(', ')}; nothing was done. Add --yes to lose it.`,
    );
  }

  private async run(migration: Postgrator.Migration): Promise<void> {
    try {
      await super.runMigrations([migration]);
    } catch (error) {
      const name = basename(migration.filename);
      // It looked at what is stored and said why it will not.
      if ((error as { code?: string }).code === refusedByFile)
        throw new UserError(`${name} was refused: ${(error as Error).message}. Nothing was done.`);
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  }

  private async inTransaction(work: () => Promise<void>): Promise<void> {
    await this.client.query('begin');
    try {
      await work();
      await this.client.query('commit');
    } catch (error) {
      await this.client.query('rollback').catch(() => {});
      throw error;
    }
  }

  private versions(): number[] {
    return migrationFiles(this.folder).flatMap(({ version, action }) => (action === 'do' ? [version] : []));
  }

  /** The version of the database. */
  private async requireKnown(): Promise<number> {
    const newest = this.versions().at(-1) ?? 0;
    const have = await this.getDatabaseVersion();
    if (have <= newest) return have;
    throw new UserError(
      `The database has schema version ${have}, this nubo knows ${newest}: start a newer nubo.`,
    );
  }
}

function namesOf(migrations: readonly Postgrator.Migration[]): string[] {
  return migrations.map(({ filename }) => basename(filename));
}

/** Holds the lock of migrations while `work` runs. */
export function withSchema<Result>(
  { url, folder }: SchemaPlace,
  work: (schema: Schema) => Promise<Result>,
): Promise<Result> {
  return withClient(url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    try {
      return await work(new Migrations(folder, client));
    } catch (error) {
      if (error instanceof Error && /^MD5 checksum failed/.test(error.message)) {
        throw new UserError(
          `A file in sql/ was changed after this database had applied it (${error.message}).`,
        );
      }
      throw error;
    }
  });
}

/** Up to the newest file; the names of those that were applied now. What every start does. */
export function migrate(place: SchemaPlace): Promise<string[]> {
  return withSchema(place, (schema) => schema.up());
}

/** What there is and what was applied, without waiting for anybody who migrates. */
export function schemaStatus({ url, folder }: SchemaPlace): Promise<MigrationStatus[]> {
  return withClient(url, async (client) => {
    const applied = new Map<number, { md5: string; at: Date }>();
    const { rows } = await client.query<{ there: boolean }>(
      `select to_regclass('public.${versionTable}') is not null as there`,
    );
    if (rows[0]?.there === true) {
      const query = `select version::integer, md5, run_at as at from public.${versionTable} where version > 0`;
      const noted = await client.query<{ version: number; md5: string; at: Date }>(query);
      for (const { version, md5, at } of noted.rows) applied.set(version, { md5, at });
    }
    return migrationFiles(folder)
      .filter(({ action }) => action === 'do')
      .map((migration) => {
        const { version, name, md5 } = migration;
        const note = applied.get(version);
        return {
          ...{ version, name, subject: subjectOf(migration), appliedAt: note?.at },
          isChanged: note !== undefined && note.md5 !== md5,
        };
      });
  });
}

async function withClient<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({
    connectionString: url,
    application_name: 'nubo migrations',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    // Postgrator notes the time without a zone.
    await client.query(`set timezone to 'UTC'`);
    return await work(client);
  } finally {
    await client.end();
  }
}
