/**
 * mosquitto with QoS 1 publishers (its PUBACK is sent when the message is in its memory) and QoS 0 listeners, the cheapest
 * way to be shown messages. Tuned as its manual says: TCP_NODELAY, no bound on queues and messages in flight.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Populated, Population, RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import { peerFile, writeConfiguration } from '../configuration.js';
import type { Peer } from '../peer.js';
import { freePort, untilListening } from '../ports.js';
import { findProgram, needProgram, versionOf } from '../programs.js';
import { runningPeer } from '../running.js';

export const mosquitto: Peer = {
  name: 'mosquitto',
  needs: "Debian's package mosquitto",
  label: 'mosquitto, QoS 1 publishers, QoS 0 listeners; acked in memory',
  ack: 'in memory',
  adapter: 'mqtt',
  missing: () =>
    findProgram('mosquitto') === undefined || findProgram('mosquitto_passwd') === undefined
      ? 'mosquitto is not measured: install it by `npm run bench -- peers install` (Debian).'
      : undefined,
  start,
};

async function start(folder: string): Promise<RunningTarget> {
  const program = needProgram('mosquitto');
  const port = await freePort();
  const passwords = join(folder, 'passwords');
  writeFileSync(passwords, '', { mode: 0o600 });
  const values = { port, passwords, user: userInfo().username };
  const template = peerFile('mosquitto', 'mosquitto.conf');
  const file = writeConfiguration(template, join(folder, 'mosquitto.conf'), values);
  const child = startServerChild({ program, args: ['-c', file], environment: {}, folder });
  await untilListening(port, child);
  return runningPeer({
    version: versionOf(program, '-h'),
    address: { host: '127.0.0.1', port },
    child,
    populate: async (population) => populate(population, passwords, child.pid),
  });
}

/** Users by the password file, which is read again at SIGHUP; a topic begins with its first subscriber. */
function populate({ users, rooms }: Population, passwords: string, pid: number): Populated {
  const people = Array.from({ length: users }, (_, index) => ({
    user: `user-${index}`,
    token: randomBytes(12).toString('hex'),
  }));
  writeFileSync(passwords, people.map(({ user, token }) => `${user}:${token}\n`).join(''), { mode: 0o600 });
  const { status, stderr } = spawnSync(needProgram('mosquitto_passwd'), ['-U', passwords], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`mosquitto's passwords were not made: ${stderr}`);
  process.kill(pid, 'SIGHUP');
  return { users: people, rooms: Array.from({ length: rooms }, (_, room) => `room/${room}`) };
}
