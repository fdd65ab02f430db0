/** Small Node servers of our own, as people write them: `ws` with INSERTs, socket.io with and without. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import type { AckMeaning, Populated, Population, RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import type { Peer } from '../peer.js';
import { type PeerPostgres, startPeerPostgres } from '../postgres.js';
import { runningPeer, withDatabase } from '../running.js';
import { tokenOf } from './tokens.js';

interface NodePeer {
  readonly name: string;
  readonly label: string;
  readonly ack: AckMeaning;
  readonly adapter: string;
  /** The library it is built on, for the version. */
  readonly library: string;
  /** Its program, in this folder. */
  readonly server: string;
  readonly hasDatabase: boolean;
}

export const wsInsert = nodePeer({
  ...{ name: 'ws-insert', library: 'ws', server: 'ws-server', adapter: 'plain-ws' },
  label: '`ws`, one INSERT per message on 20 connections; acked when committed and fsynced',
  ...{ ack: 'committed and fsynced', hasDatabase: true },
});

export const socketIo = nodePeer({
  ...{ name: 'socket-io', library: 'socket.io', server: 'socket-io-server', adapter: 'socket-io' },
  label: 'socket.io, nothing stored, WebSocket only; acked in memory',
  ...{ ack: 'in memory', hasDatabase: false },
});

export const socketIoInsert = nodePeer({
  ...{ name: 'socket-io-insert', library: 'socket.io', server: 'socket-io-server', adapter: 'socket-io' },
  label: 'socket.io, one INSERT per message on 20 connections; acked when committed and fsynced',
  ...{ ack: 'committed and fsynced', hasDatabase: true },
});

function nodePeer(peer: NodePeer): Peer {
  const { name, label, ack, adapter } = peer;
  return {
    ...{ name, needs: 'nothing more: it came with npm', label, ack, adapter, missing: () => undefined },
    async start(folder) {
      if (!peer.hasDatabase) return startServer(peer, folder, undefined);
      const database = await startPeerPostgres(folder);
      return withDatabase(database, () => startServer(peer, folder, database));
    },
  };
}

async function startServer(
  { server, library }: NodePeer,
  folder: string,
  database: PeerPostgres | undefined,
): Promise<RunningTarget> {
  const secret = randomBytes(32).toString('hex');
  const child = startServerChild({
    program: process.execPath,
    args: [join(projectRoot, 'build', 'bench', 'peers', 'node', `${server}.js`)],
    environment: {
      ...{ NODE_ENV: 'production', SECRET: secret },
      ...(database === undefined ? {} : { DATABASE_URL: database.url }),
    },
    folder,
  });
  const [, port] = await child.line(/listening on (\d+)/);
  return runningPeer({
    version: versionOfLibrary(library),
    address: { host: '127.0.0.1', port: Number(port) },
    child,
    ...(database === undefined ? {} : { database }),
    populate: async (population) => populate(population, secret),
  });
}

/** Whoever has a token is let in, and a room begins with its first member. */
function populate({ users, rooms }: Population, secret: string): Populated {
  return {
    users: Array.from({ length: users }, (_, index) => {
      const user = `user-${index}`;
      return { user, token: tokenOf(user, secret) };
    }),
    rooms: Array.from({ length: rooms }, (_, room) => `room-${room}`),
  };
}

function versionOfLibrary(name: string): string {
  const require = createRequire(import.meta.url);
  let folder = dirname(require.resolve(name));
  for (;;) {
    try {
      const file = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (file.name === name && file.version !== undefined) return file.version;
    } catch {
      // Not the folder of a package.
    }
    if (folder === dirname(folder)) return 'unknown';
    folder = dirname(folder);
  }
}
