/** The files of the embedded Postgres: made in one step, so that a first start may be cut anywhere (O7). */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StartError, UserError } from '../../errors.js';
import { writePrivateFile } from '../../private-file.js';
import type { Binaries } from './binaries.js';
import { settled } from './inhabitants.js';
import type { Launcher } from './launch.js';

export const superuser = 'nubo';

export interface Cluster {
  readonly folder: string;
  readonly password: string;
}

/** Not from the environment: without a locale the database would be SQL_ASCII, with an odd one initdb fails. */
const initOptions = [
  ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ...['--auth=scram-sha-256', `--username=${superuser}`, '--no-instructions'],
];

/** The folder of the cluster in a data folder. */
export function clusterFolder(data: string): string {
  return join(data, 'postgres');
}

/** Makes the cluster if there is none; the caller holds the lock of the data folder. */
export async function ensureCluster(data: string, binaries: Binaries, launcher: Launcher): Promise<Cluster> {
  const folder = clusterFolder(data);
  const passwordFile = join(data, 'postgres-password');
  await removeDrafts(data);
  if (!existsSync(folder)) {
    writePrivateFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { replace: true });
    if (launcher.owner !== undefined) chownSync(passwordFile, launcher.owner, launcher.owner);
    // A name of its own: an initdb that outlived a killed nubo for a moment still writes into the old one.
    const draft = `${folder}.new-${randomBytes(4).toString('hex')}`;
    await initialize(draft, passwordFile, binaries, launcher);
    renameSync(draft, folder);
  }
  return { folder, password: readPassword(passwordFile) };
}

async function removeDrafts(data: string): Promise<void> {
  for (const name of readdirSync(data).filter((entry) => entry.startsWith('postgres.new-'))) {
    await settled(join(data, name));
    rmSync(join(data, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

function readPassword(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new UserError(`${path} cannot be read, and without it nobody gets into the embedded Postgres.`);
  }
}

async function initialize(
  draft: string,
  passwordFile: string,
  binaries: Binaries,
  launcher: Launcher,
): Promise<void> {
  mkdirSync(draft, { mode: 0o700 });
  if (launcher.owner !== undefined) chownSync(draft, launcher.owner, launcher.owner);
  const child = launcher.start(
    binaries.initdb,
    [...initOptions, `--pwfile=${passwordFile}`, `--pgdata=${draft}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      environment: binaries.environment,
      atDeath: 'KILL',
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new StartError(`initdb failed (${signal ?? code}): ${output.trim()}`);
}
