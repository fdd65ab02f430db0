/**
 * The files in sql/: folders by subject, numbers across all of them, each a way up and a way down. The contents of a
 * way up are never changed after a release: its checksum is in the databases that have applied it.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type Postgrator from 'postgrator';

const fileName = /^(\d{4})_(\w+)\.(up|down)\.sql$/;

/**
 * @returns both ways of every migration below the folder, in rising order of their numbers
 * @throws Error when a number is used twice, or one of the two ways is lacking
 */
export function migrationFiles(folder: string): Postgrator.Migration[] {
  const migrations = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .flatMap((path) => migrationOf(join(folder, path)))
    .sort((one, other) => one.version - other.version);
  for (const { version, name } of migrations) {
    const ways = migrations.filter((migration) => migration.version === version);
    const isPair = ways.length === 2 && new Set(ways.map(({ action }) => action)).size === 2;
    if (!isPair || ways.some((way) => way.name !== name)) {
      throw new Error(`${folder}: migration ${version} must be one file .up.sql and one .down.sql`);
    }
  }
  return migrations;
}

function migrationOf(filename: string): Postgrator.Migration[] {
  const [, number = '', name = '', way] = fileName.exec(basename(filename)) ?? [];
  if (number === '') return [];
  const text = readFileSync(filename, 'utf8');
  const md5 = createHash('md5').update(text).digest('hex');
  const action = way === 'up' ? 'do' : 'undo';
  return [{ version: Number(number), action, filename, name, md5, getSql: () => text }];
}

/** The folder a migration lies in: auth, messaging, logic … */
export function subjectOf({ filename }: Postgrator.Migration): string {
  return basename(dirname(filename));
}
