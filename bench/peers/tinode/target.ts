/**
 * Tinode on Postgres, its adapter as shipped (50 connections). Its ack comes after the message's transaction. Tuned as its
 * configuration allows: no compression, groups of any size, no validation of accounts, no presence in the groups.
 */
import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningTarget } from '../../contract.js';
import { startServerChild } from '../../targets/child.js';
import { peerFile, writeConfiguration } from '../configuration.js';
import type { Peer } from '../peer.js';
import { freePort, untilListening } from '../ports.js';
import { type PeerPostgres, runStatements, startPeerPostgres } from '../postgres.js';
import { findProgram, needProgram } from '../programs.js';
import { runningPeer, withDatabase } from '../running.js';
import { populateTinode } from './populate.js';

const serverNames = ['tinode', 'tinode-server'];
/** As it is shipped. */
const connections = 50;
/** Makes the tables; its releases call it `init-db`, its source `tinode-db`. */
const makerNames = ['tinode-db', 'init-db'];

export const tinode: Peer = {
  name: 'tinode',
  needs: 'tinode and tinode-db (built for Postgres) on the PATH',
  label: 'Tinode on Postgres, as shipped, presence off; acked when committed and fsynced',
  ack: 'committed and fsynced',
  adapter: 'tinode',
  missing: () =>
    findProgram(...serverNames) === undefined || findProgram(...makerNames) === undefined
      ? 'Tinode is not measured: put its programs `tinode` and `tinode-db` (built for Postgres) on the PATH.'
      : undefined,
  async start(folder) {
    const database = await startPeerPostgres(folder);
    return withDatabase(database, () => startTinode(folder, database));
  },
};

async function startTinode(folder: string, database: PeerPostgres): Promise<RunningTarget> {
  const program = needProgram(...serverNames);
  const port = await freePort();
  const salt = randomBytes(32);
  const { user, password, host, port: databasePort } = database;
  const values = {
    port,
    salt: salt.toString('base64'),
    tokenKey: randomBytes(32).toString('base64'),
    userKey: randomBytes(16).toString('base64'),
    database: `postgresql://${user}:${password}@${host}:${databasePort}`,
  };
  const template = peerFile('tinode', 'tinode.conf');
  const write = (name: string, connections: number) =>
    writeConfiguration(template, join(folder, name), { ...values, connections });
  // Before its own database is made, it enters the one that is called like the user.
  await runStatements(database.url, [`create database ${user}`]);
  // The maker opens its pool twice over.
  makeTables(write('make.conf', 5), folder);
  // Without a folder for its web pages it does not start.
  mkdirSync(join(folder, 'static'));
  const child = startServerChild({
    ...{ program, args: ['--config', write('tinode.conf', connections)], environment: {}, folder },
  });
  await untilListening(port, child);
  const path = `/v0/channels?apikey=${encodeURIComponent(apiKey(salt))}`;
  return runningPeer({
    version: /Server v([\d.]+)/.exec(child.output())?.[1] ?? 'unknown',
    address: { host: '127.0.0.1', port, options: { path } },
    ...{ child, database },
    populate: (population) => populateTinode(`ws://127.0.0.1:${port}${path}`, population),
  });
}

function makeTables(file: string, folder: string): void {
  const { status, stdout, stderr } = spawnSync(needProgram(...makerNames), ['--config', file, '--data='], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Tinode's tables were not made:\n${stdout}${stderr}`);
}

/** What names an application to Tinode: a version, an id, a sequence and rights, signed with the server's salt. */
function apiKey(salt: Buffer): string {
  const plain = Buffer.from([1, 0, 0, 0, 0, 1, 0, 0]);
  const signature = createHmac('md5', salt).update(plain).digest();
  return Buffer.concat([plain, signature]).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
