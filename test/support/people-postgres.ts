/** A throw-away Postgres with nubo's schema: the embedded binaries, without the durability a test needs not. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import postgres, { type Sql } from 'postgres';
import { findBinaries } from '#src/storage/embedded/binaries.js';
import { migrate } from '#src/storage/postgres/migrate.js';

const nobody = 65534;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export async function startPeoplePostgres(): Promise<{ sql: Sql; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'nubo-people-'));
  const data = join(folder, 'data');
  chmodSync(folder, 0o755);
  mkdirSync(data, { mode: 0o700 });
  const root = process.getuid?.() === 0;
  if (root) chownSync(data, nobody, nobody);
  const drop = root ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : [];
  const binaries = findBinaries(join(folder, 'links'));
  const env = { PATH: process.env.PATH, LC_ALL: 'C', ...binaries.environment };
  const command = (...words: string[]) => [...drop, ...words] as [string, ...string[]];

  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const [init, ...initArgs] = command(
    binaries.initdb,
    '--no-sync',
    '-A',
    'trust',
    '-U',
    'nubo',
    ...locale,
    '-D',
    data,
  );
  execFileSync(init, initArgs, { env, cwd: '/', stdio: 'ignore' });

  const port = await freePort();
  const settings = ['-c', 'fsync=off', '-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'];
  const [serve, ...serveArgs] = command(binaries.postgres, '-D', data, '-p', `${port}`, ...settings);
  const server = spawn(serve, serveArgs, { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface(server.stderr)) if (line.includes('ready to accept')) break;
  server.stderr.resume();

  const sql = postgres({
    host: '127.0.0.1',
    port,
    user: 'nubo',
    database: 'postgres',
    max: 8,
    onnotice: () => {},
  });
  await migrate({ url: `postgres://nubo@127.0.0.1:${port}/postgres`, folder: join(process.cwd(), 'sql') });
  return {
    sql,
    async stop() {
      await sql.end();
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
