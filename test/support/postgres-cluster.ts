/** A throw-away Postgres: the real server of the npm packages, in a folder of its own, gone with its parent. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, findBinaries } from '#src/storage/embedded/binaries.js';
import { createLauncher } from '#src/storage/embedded/launch.js';
import { openSql } from '#src/storage/postgres/sql.js';

export interface TestCluster {
  /** Of the database `postgres`, as its superuser. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const prefix = 'nubo-test-postgres-';

/** Where Debian puts the programs of a version. */
const debianFolder = (version: number) => `/usr/lib/postgresql/${version}/bin`;

/** Whether this machine has that version from Debian, beside the one of the npm packages. */
export function hasDebianPostgres(version: number): boolean {
  return existsSync(join(debianFolder(version), 'postgres'));
}

/**
 * @param settings additions to the server's settings, e.g. `{ fsync: 'off' }`
 * @param debianVersion Debian's server of that version instead of the one of the npm packages
 */
export async function startCluster(
  settings: Readonly<Record<string, string>> = {},
  debianVersion?: number,
): Promise<TestCluster> {
  removeLeftovers();
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  chmodSync(folder, 0o711);
  const binaries =
    debianVersion === undefined ? findBinaries(join(folder, 'lib')) : debianBinaries(debianVersion);
  const launcher = createLauncher(folder);
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (launcher.owner !== undefined) chownSync(data, launcher.owner, launcher.owner);
  const start = (program: string, args: string[], atDeath: 'INT' | 'KILL') =>
    launcher.start(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      environment: binaries.environment,
      atDeath,
    });
  await finished(
    start(
      binaries.initdb,
      [
        ...['-D', data, '--auth=trust', '--username=nubo', '--encoding=UTF8', '--locale=C', '--no-sync'],
        // Version 17 brought it.
        ...(debianVersion === undefined ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []),
        '--no-instructions',
      ],
      'KILL',
    ),
  );
  const port = await freePort();
  const all = {
    ...{
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      jit: 'off',
      timezone: 'UTC',
    },
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = start(binaries.postgres, ['-D', data, '-p', String(port), ...options], 'INT');
  const url = `postgres://nubo@127.0.0.1:${port}/postgres`;
  const stop = async () => {
    const ended = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : undefined;
    server.kill('SIGQUIT');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  try {
    await untilReady(url, server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: server.pid ?? 0, stop };
}

function debianBinaries(version: number): Binaries {
  const folder = debianFolder(version);
  return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres'), environment: {} };
}

/** Folders of runs that were killed: their server ended with them. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (spawnSync('kill', ['-0', String(pid)], { stdio: 'ignore' }).status === 0) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

async function finished(child: ChildProcess): Promise<void> {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`initdb failed: ${output}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  let output = '';
  server.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output = (output + chunk).slice(-4_000);
  });
  for (let attempt = 0; ; attempt += 1) {
    const sql = openSql(url, { max: 1 });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (server.exitCode !== null || attempt > 300)
        throw new Error(`Postgres did not start (${(error as Error).message}): ${output}`, { cause: error });
    } finally {
      await sql.end({ timeout: 1 });
    }
    await sleep(20);
  }
}
