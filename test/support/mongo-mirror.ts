/** A mirror on a Mongo of the tests' own, through a proxy that can go away. */

import type { Entity } from '#src/entities/entity.js';
import { messages } from '#src/entities/messages.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { pairs, samples } from './mirrors.js';
import { TcpProxy } from './tcp-proxy.js';

export const mirroredEntities: readonly Entity[] = [messages, samples, pairs];

export class MongoFixture {
  readonly direct: MongoConnection;
  readonly connection: MongoConnection;
  readonly mirror: MongoMirror;
  readonly moves: string[] = [];
  readonly clock = { ms: 0 };
  private proxy: TcpProxy;
  private readonly proxyPort: number;
  private readonly target: { host: string; port: number };

  /** @param url of the server itself @param name of a database that is nobody's */
  static async open(url: string, name = 'nubo_recent'): Promise<MongoFixture> {
    const { hostname: host, port } = new URL(url);
    const target = { host, port: Number(port || 27_017) };
    return new MongoFixture(target, await TcpProxy.start(target), name);
  }

  private constructor(target: { host: string; port: number }, proxy: TcpProxy, name: string) {
    this.target = target;
    this.proxy = proxy;
    this.proxyPort = proxy.port;
    const now = () => Date.now() + this.clock.ms;
    this.direct = new MongoConnection({ url: `mongodb://${target.host}:${target.port}/${name}` });
    this.connection = new MongoConnection({
      url: `mongodb://127.0.0.1:${proxy.port}/${name}?directConnection=true`,
      onMove: ({ isAway }) => this.moves.push(isAway ? 'away' : 'back'),
    });
    this.mirror = new MongoMirror({ connection: this.connection, entities: mirroredEntities, now });
  }

  /** Everything in it, but its indexes. */
  async wipe(): Promise<void> {
    const names = ['mirrors', ...mirroredEntities.map((entity) => entity.collection)];
    for (const name of names) await this.direct.database.collection(name).deleteMany({});
  }

  readonly outage = {
    begin: () => this.proxy.close(),
    end: async () => {
      this.proxy = await TcpProxy.start(this.target, this.proxyPort);
    },
  };

  /** The network goes silent; nothing is closed. */
  freeze(): void {
    this.proxy.hold();
  }

  thaw(): void {
    this.proxy.release();
  }

  async close(): Promise<void> {
    this.mirror.close();
    await this.connection.close();
    await this.direct.close();
    await this.proxy.close();
  }
}
