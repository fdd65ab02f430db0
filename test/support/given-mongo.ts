/**
 * A Mongo that somebody gave, as if it were the tests' own: it is reached through a proxy, which goes silent or away in
 * its stead. What is in it stays meanwhile.
 */
import { MongoClient } from 'mongodb';
import type { ServerControl } from './server-process.js';
import { TcpProxy } from './tcp-proxy.js';

export interface GivenMongo extends ServerControl {
  /** Leads through the proxy, where there is one. */
  readonly url: string;
  /** There is a proxy: it can go away, for whoever comes by the URL. */
  readonly canGo: boolean;
}

/** One host, and nothing that a proxy could not stand for. */
const plainUrl = /^mongodb:\/\/([^@/?]+@)?([^:/?,@[\]]+)(?::(\d+))?\/?$/;

/** @param database is dropped by `stop` */
export async function openGivenMongo(url: string, database: string): Promise<GivenMongo> {
  const asked = async <Answer>(ask: (client: MongoClient) => Promise<Answer>): Promise<Answer> => {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
    return ask(client).finally(() => void client.close());
  };
  const drop = async () => {
    await asked((client) => client.db(database).dropDatabase());
  };
  const [, login = '', host, port = '27017'] = plainUrl.exec(url) ?? [];
  // Whoever asks a member of a set is told where the others are, and goes there.
  const { setName } = await asked((client) => client.db('admin').command({ hello: 1 }));
  if (host === undefined || setName !== undefined) return { url, canGo: false, ...refusals, stop: drop };
  const target = { host, port: Number(port) };
  let proxy = await TcpProxy.start(target);
  const place = proxy.port;
  let isUp = true;
  const kill = async () => {
    if (isUp) await proxy.close();
    isUp = false;
  };
  return {
    ...{ url: `mongodb://${login}127.0.0.1:${place}`, canGo: true, kill },
    freeze: () => proxy.hold(),
    thaw: () => proxy.release(),
    async restart() {
      await kill();
      proxy = await TcpProxy.start(target, place);
      isUp = true;
    },
    async stop() {
      await kill();
      await drop();
    },
  };
}

const refuse = (): never => {
  throw new Error('The server of NUBO_TEST_MONGO_URL cannot go away: skip this where canGo is false.');
};
const refusals = { freeze: refuse, thaw: refuse, kill: async () => refuse(), restart: async () => refuse() };
