/**
 * nats-server with JetStream on files: as shipped (an ack when the message is in the page cache, fsync every two
 * minutes) and with `sync_interval: always` (an ack when it is on the disk). One stream holds all rooms, a subject each;
 * listeners are on the same subjects by core NATS, which is the fastest way to be shown messages.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Populated, Population, RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import { peerFile, writeConfiguration } from '../configuration.js';
import type { Peer } from '../peer.js';
import { freePort, untilListening } from '../ports.js';
import { findProgram, needProgram, versionOf } from '../programs.js';
import { runningPeer } from '../running.js';
import { natsRequest } from './request.js';

const missing = () =>
  findProgram('nats-server') === undefined
    ? 'JetStream is not measured: install nats-server by `npm run bench -- peers install` (needs Go).'
    : undefined;

const needs = 'nats-server (version 2) on the PATH';

export const jetstream: Peer = {
  name: 'jetstream',
  needs,
  label: 'NATS JetStream on files as shipped; acked in the page cache, fsync every 2 minutes',
  ack: 'committed, fsync later',
  adapter: 'jetstream',
  missing,
  start: (folder) => start(folder, ''),
};

export const jetstreamAlways: Peer = {
  name: 'jetstream-always',
  needs,
  label: 'NATS JetStream on files, sync_interval: always; acked when fsynced',
  ack: 'committed and fsynced',
  adapter: 'jetstream',
  missing,
  start: (folder) => start(folder, 'sync_interval: always'),
};

async function start(folder: string, sync: string): Promise<RunningTarget> {
  const program = needProgram('nats-server');
  const port = await freePort();
  const token = randomBytes(16).toString('hex');
  const values = { port, token, sync, folder: join(folder, 'store') };
  const file = writeConfiguration(peerFile('nats', 'jetstream.conf'), join(folder, 'nats.conf'), values);
  const child = startServerChild({ program, args: ['--config', file], environment: {}, folder });
  await untilListening(port, child);
  const config = { name: 'rooms', subjects: ['room.*'], storage: 'file', retention: 'limits' };
  const answer = await natsRequest({ port, token }, '$JS.API.STREAM.CREATE.rooms', JSON.stringify(config));
  if (answer.includes('"error"')) throw new Error(`JetStream made no stream: ${answer}`);
  return runningPeer({
    version: versionOf(program, '--version'),
    address: { host: '127.0.0.1', port },
    child,
    populate: async (population) => populate(population, token),
  });
}

/** Whoever has the token is let in, and a subject begins with its first message. */
function populate({ users, rooms }: Population, token: string): Populated {
  return {
    users: Array.from({ length: users }, (_, index) => ({ user: `user-${index}`, token })),
    rooms: Array.from({ length: rooms }, (_, room) => `room.${room}`),
  };
}
