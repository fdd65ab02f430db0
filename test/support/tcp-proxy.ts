/** A TCP proxy that breaks connections at the moments that matter, and lets late bytes arrive after all. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the next bytes from the client that contain `marker`. The client's side is always cut. */
export type Cut =
  /** Nothing of them arrives. */
  | 'before data'
  /** Half of them arrive. */
  | 'in data'
  /** All of them arrive; the answer is lost. */
  | 'before answer'
  /** All but the last byte arrive at once, the last one `lateMs` later: the transaction waits, then commits. */
  | 'late end'
  /** All of them arrive, but `lateMs` later. */
  | 'late data';

interface Plan {
  readonly cut: Cut;
  readonly marker: string;
  readonly lateMs: number;
  /** Called when the client's side is cut. */
  readonly onCut: () => void;
}

export class TcpProxy {
  private readonly server: Server;
  private readonly target: { host: string; port: number };
  private readonly sockets = new Set<Socket>();
  private readonly late = new Set<Promise<void>>();
  private plan: Plan | undefined;
  private isHolding = false;

  private constructor(server: Server, target: { host: string; port: number }) {
    this.server = server;
    this.target = target;
    server.on('connection', (client) => this.onConnection(client));
  }

  /** @param port where to listen; 0: anywhere */
  static async start(target: { host: string; port: number }, port = 0): Promise<TcpProxy> {
    const server = createServer({ noDelay: true }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  /** A proxy in front of a database: its URL leads through here. */
  static async inFrontOf(url: string): Promise<{ proxy: TcpProxy; url: string }> {
    const through = new URL(url);
    const proxy = await TcpProxy.start({ host: through.hostname, port: Number(through.port || 5432) });
    through.hostname = '127.0.0.1';
    through.port = String(proxy.port);
    return { proxy, url: through.href };
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Arms one cut; resolves when it has happened. */
  cutNext(cut: Cut, { marker, lateMs = 0 }: { marker: string; lateMs?: number }): Promise<void> {
    return new Promise((resolve) => {
      this.plan = { cut, marker, lateMs, onCut: resolve };
    });
  }

  /** Cuts every connection, both sides. */
  cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Bytes are taken and not passed on, either way, until `release`: a network that went silent. */
  hold(): void {
    this.isHolding = true;
  }

  release(): void {
    this.isHolding = false;
    for (const socket of this.sockets) socket.emit('released');
  }

  /** When everything late has arrived and was answered. */
  async settled(): Promise<void> {
    await Promise.all(this.late);
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private onConnection(client: Socket): void {
    const server = connect({ ...this.target, noDelay: true });
    this.watch(client, server);
    this.watch(server, client);
    client.on('data', (bytes) => this.onClientData(bytes, client, server));
    server.on('data', (bytes) => this.pass(bytes, client));
  }

  private watch(socket: Socket, peer: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      // A server's side that waits for late bytes outlives its client.
      if (!peer.listenerCount('late')) peer.destroy();
    });
  }

  private onClientData(bytes: Buffer, client: Socket, server: Socket): void {
    const { plan } = this;
    if (plan === undefined || !bytes.includes(plan.marker)) return this.pass(bytes, server);
    this.plan = undefined;
    switch (plan.cut) {
      case 'before data':
        return this.cut(plan, client, server);
      case 'in data':
        server.write(bytes.subarray(0, bytes.length >> 1), () => this.cut(plan, client, server));
        return;
      case 'before answer':
        server.removeAllListeners('data');
        server.once('data', () => this.cut(plan, client, server));
        server.write(bytes);
        return;
      case 'late end':
        return this.delay(plan, [bytes.subarray(0, -1), bytes.subarray(-1)], client, server);
      case 'late data':
        return this.delay(plan, [Buffer.alloc(0), bytes], client, server);
    }
  }

  private cut(plan: Plan, client: Socket, server: Socket): void {
    server.destroy();
    client.destroy();
    plan.onCut();
  }

  /** The client's side is cut now; the rest arrives later, and the server's answer is waited for, then dropped. */
  private delay(plan: Plan, [now, later]: [Buffer, Buffer], client: Socket, server: Socket): void {
    const arrived = new Promise<void>((resolve) => {
      server.on('late', () => {});
      server.on('close', () => resolve());
      server.removeAllListeners('data');
      server.on('data', (answer) => {
        // ReadyForQuery, alone or at the end: the transaction is over.
        if (answer.includes(Buffer.from([0x5a, 0, 0, 0, 5]))) server.destroy();
      });
      server.write(now, () => {
        client.destroy();
        plan.onCut();
        setTimeout(() => server.write(later), plan.lateMs);
      });
    });
    this.late.add(arrived);
    void arrived.finally(() => this.late.delete(arrived));
  }

  private pass(bytes: Buffer, to: Socket): void {
    if (this.isHolding) to.once('released', () => to.write(bytes));
    else if (to.writable) to.write(bytes);
  }
}
