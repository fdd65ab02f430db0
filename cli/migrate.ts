/** `nubo migrate`: the schema of the database, up, down, and where it stands. `nubo start` goes up by itself. */
import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { StartError } from '#src/errors.js';
import { PostgresLockSession } from '#src/storage/postgres/lock-session.js';
import {
  type MigrationStatus,
  type Schema,
  schemaStatus,
  withSchema,
} from '#src/storage/postgres/migrate.js';
import { fenceAll } from '#src/storage/postgres/prepare.js';
import { awaitLock } from '#src/storage/postgres/server-lock.js';
import { checkSettings } from '#src/storage/postgres/settings.js';
import { isOutage, messageOf, openSql } from '#src/storage/postgres/sql.js';
import { sqlFolder as folder, readConfig, withDatabase } from './database.js';
import { addSettingOptions } from './setting-options.js';

export function migrateCommand(): Command {
  const migrate = new Command('migrate').description('Bring the schema of the database up, or back.');
  const add = (name: string, description: string) =>
    addSettingOptions(migrate.command(name).description(description), ['data']);
  add('up', 'Apply what is pending, as every start does.').action((_options, self: Command) =>
    run(self, async (url) => {
      await requireSafe(url);
      return told('applied', await alone(url, (schema) => schema.up()), await schemaStatus({ url, folder }));
    }),
  );
  add('down', 'Take back the newest migration, or all above a version.')
    .option('--to <version>', 'the version that is left; 0 takes all back', wholeNumber)
    .option('--yes', 'go on when rows will be lost', false)
    .action(({ to, yes }: { to?: number; yes: boolean }, self: Command) =>
      run(self, async (url) => {
        const names = await alone(url, (schema) => schema.down({ to, mayLose: yes }));
        return told('took back', names, await schemaStatus({ url, folder }));
      }),
    );
  add('status', 'Say which migrations were applied.').action((_options, self: Command) =>
    run(self, async (url) => statusText(await schemaStatus({ url, folder }))),
  );
  return migrate;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be the number of a migration, or 0.');
  return Number(text);
}

/** Runs a subcommand on the database of the settings and prints what it says. */
async function run(command: Command, work: (url: string) => Promise<string>): Promise<void> {
  const config = readConfig(command);
  try {
    process.stdout.write(await withDatabase(config, work));
  } catch (error) {
    if (!isOutage(error)) throw error;
    throw new StartError(`The database could not be reached: ${messageOf(error)}.`);
  }
}

async function requireSafe(url: string): Promise<void> {
  const sql = openSql(url, { max: 1, name: 'nubo migrate' });
  try {
    await checkSettings(sql);
  } finally {
    await sql.end();
  }
}

/** Two that migrate wait for each other; a server that runs is never migrated under its feet (L13). */
function alone(url: string, work: (schema: Schema) => Promise<string[]>): Promise<string[]> {
  return withSchema({ url, folder }, async (schema) => {
    const session = await PostgresLockSession.open(url, `migrate ${process.pid}`);
    try {
      await awaitLock(session);
      // A server that lost its lock a moment ago and takes it again afterwards must find that it was not alone.
      if (await hasWriters(session.client)) await fenceAll(session.client, [], randomUUID());
      return await work(schema);
    } finally {
      await session.end();
    }
  });
}

async function hasWriters(client: PostgresLockSession['client']): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('writers') is not null as found`,
  );
  return rows[0]?.found === true;
}

function told(verb: string, names: readonly string[], status: readonly MigrationStatus[]): string {
  const version = status.findLast(({ appliedAt }) => appliedAt !== undefined)?.version ?? 0;
  const lines = names.map((name) => `${verb} ${name}\n`);
  return `${lines.join('') || 'Nothing to do. '}The schema is at version ${version}.\n`;
}

function statusText(status: readonly MigrationStatus[]): string {
  const lines = status.map(({ version, name, subject, appliedAt, isChanged }) => {
    const state =
      appliedAt === undefined
        ? 'pending'
        : `applied ${appliedAt.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
    const place = `${subject}/${String(version).padStart(4, '0')}_${name}`;
    return `${place.padEnd(32)} ${state}${isChanged ? ', and the file was changed since' : ''}\n`;
  });
  const pending = status.filter(({ appliedAt }) => appliedAt === undefined).length;
  return `${lines.join('')}${pending === 0 ? 'All are applied.' : `${pending} pending: nubo migrate up applies them.`}\n`;
}
