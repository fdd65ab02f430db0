import { chownSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { findBinaries, linkLibraries } from '#src/storage/embedded/binaries.js';
import { inhabitantsOf, settled } from '#src/storage/embedded/inhabitants.js';
import { createLauncher } from '#src/storage/embedded/launch.js';
import { type Child, startChild, temporaryFolder } from '#test/support/children.js';

const isRoot = process.getuid?.() === 0;
const program = join(projectRoot, 'build/test/integration/embedded-child.js');
const undo: Array<() => unknown> = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Started {
  readonly url: string;
  readonly pid: number;
}

/** A data folder that does not exist yet, in a folder that only its owner may enter. */
function dataFolder(owner?: number): string {
  const folder = temporaryFolder('embedded');
  const data = join(folder.path, 'data');
  undo.push(() => settled(join(data, 'postgres')).then(folder.remove));
  if (owner !== undefined) chownSync(folder.path, owner, owner);
  return data;
}

function start(dataDir: string, options: { env?: NodeJS.ProcessEnv; prefix?: string[] } = {}): Child {
  const [command = '', ...args] = [...(options.prefix ?? []), process.execPath, program, dataDir];
  const child = startChild(command, args, { env: { PATH: process.env.PATH, ...options.env } });
  undo.push(() => {
    child.process.kill('SIGKILL');
    return child.ended;
  });
  return child;
}

const started = (child: Child) =>
  child.line((line) => (line.startsWith('{') ? (JSON.parse(line) as Started) : undefined));

async function ask(url: string, query: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return (await sql.unsafe(query)).flatMap((row) => Object.values(row));
  } finally {
    await sql.end();
  }
}

async function kill(child: Child): Promise<void> {
  child.process.kill('SIGKILL');
  await child.ended;
}

test('O7 embedded Postgres is safe and UTF8 whatever the environment says', async () => {
  const odd = {
    LANG: 'tlh_QO.UTF-8',
    LC_ALL: 'nowhere',
    PGDATA: '/nonexistent',
    PGPORT: '1',
    TZ: 'Mars/Olympus',
  };
  const { url } = await started(start(dataFolder(), { env: odd }));
  const names = [
    'server_encoding',
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'jit',
    'listen_addresses',
  ];
  const values = await ask(
    url,
    `select ${names.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`,
  );
  expect(values).toEqual(['UTF8', 'on', 'on', 'on', 'off', '127.0.0.1']);
  expect(await ask(url, `select upper('ä') as a, 'B' < 'a' as b`)).toEqual(['Ä', true]);
});

test('O7 a wrong password is refused, and the right one is in no command line', async () => {
  const data = dataFolder();
  const { url, pid } = await started(start(data));
  const password = new URL(url).password;
  await expect(ask(url.replace(password, 'wrong'), 'select 1')).rejects.toThrow(
    /password authentication failed/,
  );
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(password);
  expect(lstatSync(join(data, 'postgres-password')).mode & 0o777).toBe(0o600);
  expect(lstatSync(data).mode & 0o777).toBe(0o700);
});

test('O7 Postgres ends when its nubo is killed, and the next start has every row', async () => {
  const data = dataFolder();
  const first = start(data);
  const { url } = await started(first);
  await ask(url, 'create table kept (n int)');
  await ask(url, 'insert into kept values (1), (2), (3)');
  await kill(first);
  // At once: the old server may still be ending.
  const second = await started(start(data));
  expect(await ask(second.url, 'select count(*)::int from kept')).toEqual([3]);
  expect(inhabitantsOf(join(data, 'postgres'))).toContain(second.pid);
});

test('O7 a first start that is cut anywhere can be started again', async () => {
  const whole = start(dataFolder());
  const begun = performance.now();
  await started(whole);
  const firstStartMs = performance.now() - begun;
  await kill(whole);
  const points = [0.1, 0.3, 0.5, 0.7, 0.9];
  for (const point of points) {
    const data = dataFolder();
    const cut = start(data);
    await new Promise((resolve) => setTimeout(resolve, firstStartMs * point));
    await kill(cut);
    const { url } = await started(start(data));
    expect(await ask(url, 'select 1')).toEqual([1]);
  }
  console.log(`${points.length} first starts cut within ${Math.round(firstStartMs)} ms and started again`);
});

test('O6 a data folder in use is refused in one sentence', async () => {
  const data = dataFolder();
  const first = start(data);
  const { url } = await started(first);
  const second = start(data);
  expect(await second.ended).toBe(1);
  expect(second.output()).toBe(
    `StartError: The data folder ${data} is in use by another server (process ${first.process.pid}).\n`,
  );
  expect(await ask(url, 'select 1')).toEqual([1]);
});

test('O6 a Postgres that somebody else runs on the data folder is refused, and left alone', async () => {
  const data = dataFolder();
  const first = start(data);
  await started(first);
  first.process.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  const cluster = join(data, 'postgres');
  const { postgres: server, environment } = findBinaries(data);
  const stranger = createLauncher(cluster).start(
    server,
    ['-D', cluster, '-p', '1', '-c', 'listen_addresses='],
    {
      stdio: 'ignore',
      environment: { ...environment, PGDATA: cluster },
      atDeath: 'INT',
    },
  );
  undo.push(() => stranger.kill('SIGINT'));
  while (!existsSync(join(cluster, 'postmaster.pid')))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const second = start(data);
  expect(await second.ended).toBe(1);
  expect(second.output()).toMatch(/in use by another server \(Postgres, process \d+\)\.\n$/);
  expect(stranger.exitCode).toBeNull();
}, 60_000);

test('O7 a stale pid file that names a living process does not block a start', async () => {
  const data = dataFolder();
  const first = start(data);
  await started(first);
  first.process.kill('SIGTERM');
  await first.ended;
  // A shell of the same user as the server would be: the number has been given to somebody else.
  const owner = lstatSync(join(data, 'postgres')).uid;
  const other = startChild('setpriv', [...(isRoot ? [`--reuid=${owner}`] : []), 'sleep', '60'], {});
  undo.push(() => other.process.kill('SIGKILL'));
  const pidFile = join(data, 'postgres', 'postmaster.pid');
  writeFileSync(
    pidFile,
    `${other.process.pid}\n${join(data, 'postgres')}\n1\n1\n\n127.0.0.1\n1 1\nready   \n`,
  );
  chownSync(pidFile, owner, owner);
  const { url } = await started(start(data));
  expect(await ask(url, 'select 1')).toEqual([1]);
});

test('O7 a Postgres that is killed alone is started again on the same address', async () => {
  const { url, pid } = await started(start(dataFolder()));
  await ask(url, 'create table kept as select 7 as n');
  process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => ask(url, 'select n from kept').catch(() => 'not yet'), { timeout: 20_000 })
    .toEqual([7]);
});

test.runIf(isRoot)('O7 runs for an ordinary user, also where the packages belong to root', async () => {
  // `daemon`, which every Debian has: initdb wants to know its user's name.
  const user = 1;
  const prefix = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const { url, pid } = await started(start(dataFolder(user), { prefix }));
  expect(await ask(url, 'select 1')).toEqual([1]);
  expect(lstatSync(`/proc/${pid}`).uid).toBe(user);
});

test('O7 the links that the libraries need are made again, beside them or in the data folder', () => {
  const place = temporaryFolder('links');
  undo.push(place.remove);
  const library = join(place.path, 'native', 'lib');
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, 'libx.so.1.2'), 'x');
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }];
  writeFileSync(join(place.path, 'native', 'pg-symlinks.json'), JSON.stringify(links));
  const spare = join(place.path, 'spare');
  expect(linkLibraries(place.path, spare)).toEqual({});
  expect(readFileSync(join(library, 'libx.so.1'), 'utf8')).toBe('x');

  const elsewhere = [{ source: 'native/lib/libx.so.1.2', target: 'native/missing/libx.so.1' }];
  writeFileSync(join(place.path, 'native', 'pg-symlinks.json'), JSON.stringify(elsewhere));
  expect(linkLibraries(place.path, spare)).toEqual({ LD_LIBRARY_PATH: spare });
  expect(readFileSync(join(spare, 'libx.so.1'), 'utf8')).toBe('x');
});
