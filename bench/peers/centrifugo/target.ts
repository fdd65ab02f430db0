/**
 * Centrifugo 6 with its memory engine and history. Tuned as its documentation says: clients publish directly, buffers of
 * writes are pooled, the queue of a slow client may be longer, limits on channels are lifted, metrics stay off.
 */
import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Populated, Population, RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import { peerFile } from '../configuration.js';
import type { Peer } from '../peer.js';
import { freePort, untilListening } from '../ports.js';
import { findProgram, needProgram, versionOf } from '../programs.js';
import { runningPeer } from '../running.js';

export const centrifugo: Peer = {
  name: 'centrifugo',
  needs: 'centrifugo (version 6) on the PATH',
  label: 'Centrifugo 6, memory engine with history, protobuf; acked in memory',
  ack: 'in memory',
  adapter: 'centrifugo',
  missing: () =>
    findProgram('centrifugo') === undefined
      ? 'Centrifugo is not measured: put its program `centrifugo` (version 6) on the PATH.'
      : undefined,
  start,
};

async function start(folder: string): Promise<RunningTarget> {
  const program = needProgram('centrifugo');
  const port = await freePort();
  const secret = randomBytes(32).toString('hex');
  const child = startServerChild({
    program,
    args: ['--config', peerFile('centrifugo', 'centrifugo.json')],
    environment: {
      CENTRIFUGO_HTTP_SERVER_ADDRESS: '127.0.0.1',
      CENTRIFUGO_HTTP_SERVER_PORT: String(port),
      CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY: secret,
    },
    folder,
  });
  await untilListening(port, child);
  return runningPeer({
    version: versionOf(program, 'version'),
    address: { host: '127.0.0.1', port },
    child,
    populate: (population) => populate(population, secret),
  });
}

/** Users are whoever has a token, and channels begin with their first subscriber: nothing is to be made. */
async function populate({ users, rooms }: Population, secret: string): Promise<Populated> {
  const key = new TextEncoder().encode(secret);
  const made = Array.from({ length: users }, async (_, index) => {
    const user = `user-${index}`;
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject(user).sign(key);
    return { user, token };
  });
  return {
    users: await Promise.all(made),
    rooms: Array.from({ length: rooms }, (_, room) => `room-${room}`),
  };
}
