/**
 * A real Redis for whoever needs one: of this machine, or installed by the run where root may (Debian). A suite asks
 * `redisHere()` whether there is one, and is skipped otherwise.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { findProgram, versionOf } from '#bench/peers/programs.js';
import { ask } from './broker.js';
import { installFromDebian } from './debian-package.js';
import { type ServerControl, ServerProcess } from './server-process.js';
import { serversVariable } from './servers-variable.js';

export interface RedisProgram {
  readonly path: string;
  /** For example `7.0.15`. */
  readonly version: string;
}

export interface RedisServer extends ServerControl {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** undefined while it does not run. */
  readonly pid: number | undefined;
}

/** Sharded pub/sub came with it. */
const versionMin = 7;
const lacking =
  'what needs Redis is skipped: put a redis-server of version 7 or newer on the PATH (Debian: ' +
  'apt-get install redis-server) or its path into NUBO_TEST_REDIS_SERVER.';

/** The program that this run starts; undefined: there is none, and one line has said so. */
export function redisHere(): Promise<RedisProgram | undefined> {
  return ask(serversVariable, 'redis', findRedis);
}

/** Looks for it, installs it, or says what to do. Asked once a run. */
export async function findRedis(): Promise<RedisProgram | undefined> {
  const given = process.env.NUBO_TEST_REDIS_SERVER;
  if (given !== undefined && given !== '') return { path: given, version: versionOf(given, '--version') };
  let path = findProgram('redis-server');
  if (path === undefined && (await installFromDebian('redis-server', 'redis-server')))
    path = findProgram('redis-server');
  const version = path === undefined ? '' : versionOf(path, '--version');
  if (path !== undefined && Number.parseInt(version, 10) >= versionMin) return { path, version };
  console.error(`nubo: ${version === '' ? '' : `redis-server ${version} is too old; `}${lacking}`);
  return undefined;
}

/**
 * Starts one on a free port, without persistence: it is empty again after `restart`.
 *
 * @param options.maxMemoryBytes it refuses writes beyond it (`noeviction`); undefined: no limit
 * @throws Error where `redisHere()` has found none
 */
export async function startRedis({ maxMemoryBytes = 0 } = {}): Promise<RedisServer> {
  const program = await redisHere();
  if (program === undefined) throw new Error(lacking);
  const server = await ServerProcess.start({
    name: 'redis',
    command: ({ folder, port }) => [
      ...[program.path, '--bind', '127.0.0.1', '--port', String(port), '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'warning'],
      ...['--maxmemory', String(maxMemoryBytes), '--maxmemory-policy', 'noeviction'],
    ],
    ready: answersPing,
  });
  return Object.assign(server, { url: `redis://127.0.0.1:${server.port}` });
}

async function answersPing(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').setTimeout(1_000, () => socket.destroy(new Error('no answer')));
  try {
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data');
    if (!String(answer).startsWith('+PONG')) throw new Error(String(answer));
  } finally {
    socket.destroy();
  }
}
