/**
 * ejabberd with a message archive (`mod_mam`) in Postgres; rooms are multi-user chats. A room's message is archived by an
 * INSERT of its own before it is shown to anybody, so a sender's ack is its own message coming back, with its archive id.
 * Tuned as its documentation says: no shapers, no presence in rooms, 20 connections to Postgres, kernel polling.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Populated, Population, RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import { peerFile, writeConfiguration } from '../configuration.js';
import type { Peer } from '../peer.js';
import { freePort, untilListening } from '../ports.js';
import { type PeerPostgres, runStatements, startPeerPostgres } from '../postgres.js';
import { findProgram, needProgram } from '../programs.js';
import { runningPeer, withDatabase } from '../running.js';

/** Debian's tables for Postgres. */
const tables = '/usr/share/ejabberd/sql/pg.sql';

/**
 * Entering a new room takes a connection to Postgres while it holds another: when as many enter as the pool has
 * connections, all of them wait for a minute.
 */
const connectAtOnce = 10;

export const ejabberd: Peer = {
  name: 'ejabberd',
  needs: "Debian's packages ejabberd and erlang-p1-pgsql",
  label: 'ejabberd, rooms archived in Postgres; acked when committed and fsynced',
  ack: 'committed and fsynced',
  adapter: 'xmpp',
  connectAtOnce,
  missing: () =>
    findProgram('erl') === undefined || findLibrary() === undefined || !existsSync(tables)
      ? 'ejabberd is not measured: install it by `npm run bench -- peers install` (Debian).'
      : undefined,
  async start(folder) {
    const database = await startPeerPostgres(folder);
    return withDatabase(database, () => start(folder, database));
  },
};

interface Library {
  /** Where Erlang looks for all of it. */
  readonly folder: string;
  readonly version: string;
}

/** Debian puts it below the folder of the machine's architecture. */
function findLibrary(): Library | undefined {
  const below = '/usr/lib';
  for (const name of existsSync(below) ? readdirSync(below) : []) {
    if (!name.includes('-linux-')) continue;
    const folder = join(below, name);
    const own = readdirSync(folder).find((entry) => existsSync(join(folder, entry, 'ebin', 'ejabberd.app')));
    const version = /-(\d[\d.]*)/.exec(own ?? '')?.[1];
    if (version !== undefined) return { folder, version };
  }
  return undefined;
}

async function start(folder: string, database: PeerPostgres): Promise<RunningTarget> {
  const library = findLibrary();
  if (library === undefined) throw new Error('ejabberd is not installed.');
  await runStatements(database.url, [readFileSync(tables, 'utf8')]);
  const port = await freePort();
  const file = writeConfiguration(peerFile('ejabberd', 'ejabberd.yml'), join(folder, 'ejabberd.yml'), {
    port,
    databaseHost: database.host,
    databasePort: database.port,
    databaseUser: database.user,
    databasePassword: database.password,
  });
  const mnesia = join(folder, 'mnesia');
  mkdirSync(mnesia);
  // Without a node's name there is no daemon that would be left behind.
  const child = startServerChild({
    program: needProgram('erl'),
    args: ['+K', 'true', '+P', '250000', '-noinput', '-mnesia', 'dir', `"${mnesia}"`, '-s', 'ejabberd'],
    environment: {
      ...{ HOME: folder, ERL_LIBS: library.folder, ERL_CRASH_DUMP: join(folder, 'crash.dump') },
      ...{ EJABBERD_CONFIG_PATH: file, EJABBERD_LOG_PATH: join(folder, 'ejabberd.log') },
    },
    folder,
  });
  await untilListening(port, child);
  return runningPeer({
    version: library.version,
    address: { host: '127.0.0.1', port, options: { domain: 'localhost' } },
    ...{ child, database },
    populate: (population) => populate(population, database),
  });
}

const usersAtOnce = 1000;

/** Accounts are rows; a room begins with the first who enters it. */
async function populate({ users, rooms }: Population, database: PeerPostgres): Promise<Populated> {
  const people = Array.from({ length: users }, (_, index) => ({
    user: `user-${index}`,
    token: randomBytes(12).toString('hex'),
  }));
  for (let from = 0; from < users; from += usersAtOnce) {
    const rows = people.slice(from, from + usersAtOnce).map(({ user, token }) => `('${user}', '${token}')`);
    await runStatements(database.url, [`insert into users (username, password) values ${rows.join(', ')}`]);
  }
  const names = Array.from({ length: rooms }, (_, room) => `room-${room}@conference.localhost`);
  return { users: people, rooms: names };
}
