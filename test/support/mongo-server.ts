/**
 * A Mongo for whoever needs one, real or standing in. A suite asks `mongoHere()` whether there is one and what it can,
 * and is skipped otherwise; what it claims holds for the server that `name` says.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { MongoClient } from 'mongodb';
import { standInCommand } from '#test/stand-in/build.js';
import { ask } from './broker.js';
import { openGivenMongo } from './given-mongo.js';
import { askFeatures, type MongoFeatures } from './mongo-features.js';
import { findMongoKind, type MongoKind } from './mongo-kinds.js';
import { type ServerControl, ServerProcess } from './server-process.js';
import { serversVariable } from './servers-variable.js';

export interface MongoHere {
  readonly which: MongoKind;
  /** For a report, e.g. `mongod 7.0.14`. */
  readonly name: string;
  /** false: `kill`, `freeze`, `thaw` and `restart` are refused. One that is given goes behind a proxy. */
  readonly canGo: boolean;
  /** false: it is empty after `restart`. */
  readonly survivesRestart: boolean;
  readonly features: MongoFeatures;
}

export interface MongoServer extends ServerControl {
  /** `mongodb://…`, without a database unless the given one has it. */
  readonly url: string;
  /** A name that nobody else uses; dropped by `stop`. */
  readonly database: string;
  /** undefined while it does not run, and for a given one. */
  readonly pid: number | undefined;
  readonly canGo: boolean;
}

const lacking =
  'what needs Mongo is skipped: give a server (4.4 or newer) in NUBO_TEST_MONGO_URL, put mongod on the PATH, install ' +
  'mongodb-memory-server, or install Maven and a JDK of version 17 or newer for the stand-in (Debian: ' +
  'apt-get install maven default-jdk-headless).';

/** What this run starts; undefined: there is none, and one line has said so. */
export function mongoHere(): Promise<MongoHere | undefined> {
  return ask(serversVariable, 'mongo', findMongo);
}

/** Looks for one, builds the stand-in, or says what to do. Asked once a run. */
export async function findMongo(): Promise<MongoHere | undefined> {
  const which = await findMongoKind();
  if (which === undefined) {
    console.error(`nubo: ${lacking}`);
    return undefined;
  }
  const server = await startKind(which);
  const client = clientOf(server.url);
  try {
    const features = await askFeatures(client, server.database);
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return {
      which,
      name: which.kind === 'stand-in' ? 'mongo-java-server (stand-in)' : `Mongo ${version}`,
      canGo: server.canGo,
      survivesRestart: which.kind !== 'stand-in',
      features,
    };
  } finally {
    await client.close();
    await server.stop();
  }
}

/** @throws Error where `mongoHere()` has found none */
export async function startMongo(): Promise<MongoServer> {
  const here = await mongoHere();
  if (here === undefined) throw new Error(lacking);
  return startKind(here.which);
}

async function startKind(which: MongoKind): Promise<MongoServer> {
  const database = `nubo_test_${randomBytes(6).toString('hex')}`;
  if (which.kind === 'given')
    return { ...(await openGivenMongo(which.url, database)), database, pid: undefined };
  const server = await ServerProcess.start({
    name: 'mongo',
    command: ({ folder, port }) =>
      which.kind === 'stand-in'
        ? standInCommand(which.folder, port)
        : [
            ...[which.path, '--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', folder],
            ...['--nounixsocket', '--quiet'],
          ],
    ready: answersPing,
  });
  return Object.assign(server, { url: urlOf(server.port), database, canGo: true });
}

async function answersPing(port: number): Promise<void> {
  // A client that finds nobody waits half a second before it looks again.
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect').finally(() => socket.destroy());
  const client = clientOf(urlOf(port));
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}

const urlOf = (port: number) => `mongodb://127.0.0.1:${port}`;
const clientOf = (url: string) => new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
