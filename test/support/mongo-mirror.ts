/** A mirror on a Mongo of the tests' own, through a proxy that can go away. */

import type { Entity } from '#src/entities/entity.js';
import { messages } from '#src/entities/messages.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { pairs, samples } from './mirrors.js';
import type { MongoServer } from './mongo-server.js';
import { TcpProxy } from './tcp-proxy.js';

export const mirroredEntities: readonly Entity[] = [messages, samples, pairs];

export class MongoFixture {
  readonly direct: MongoConnection;
  readonly connection: MongoConnection;
  readonly mirror: MongoMirror;
  readonly moves: string[] = [];
  readonly clock = { ms: 0 };
  private readonly server: MongoServer;
  private proxy: TcpProxy;
  private readonly proxyPort: number;
  private readonly target: { host: string; port: number };

  /** @param server is stopped with the mirror */
  static async open(server: MongoServer): Promise<MongoFixture> {
    const { hostname: host, port } = new URL(server.url);
    return new MongoFixture(server, await TcpProxy.start({ host, port: Number(port || 27_017) }));
  }

  private constructor(server: MongoServer, proxy: TcpProxy) {
    const { hostname: host, port } = new URL(server.url);
    this.server = server;
    this.target = { host, port: Number(port || 27_017) };
    this.proxy = proxy;
    this.proxyPort = proxy.port;
    const now = () => Date.now() + this.clock.ms;
    this.direct = new MongoConnection({ url: this.urlOn(this.target.port) });
    this.connection = new MongoConnection({
      url: this.urlOn(proxy.port),
      onMove: ({ isAway }) => this.moves.push(isAway ? 'away' : 'back'),
    });
    this.mirror = new MongoMirror({ connection: this.connection, entities: mirroredEntities, now });
  }

  /** The server's URL with another port and a database of the test's own; a proxy cannot stand for a whole set. */
  private urlOn(port: number): string {
    const url = new URL(this.server.url);
    url.port = String(port);
    url.pathname = `/${this.server.database}`;
    url.searchParams.set('directConnection', 'true');
    return url.href;
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
    await this.server.stop();
  }
}
