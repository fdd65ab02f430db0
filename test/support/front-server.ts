/** The real server of a front on a free port, with shards that the test plays; clients over real sockets. */
import net from 'node:net';
import WebSocket from 'ws';
import { NuboError } from '#src/errors.js';
import { createFront, type Front } from '#src/front/front.js';
import { Rest } from '#src/front/rest/rest.js';
import { createServer } from '#src/front/server.js';
import type { Identity } from '#src/people/identity.js';
import { Proxies } from '#src/people/proxies.js';
import { createRevocations } from '#src/people/revocations.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { type Codec, decodeMessages, encodeOperations, subprotocols } from '#src/wire/codec.js';
import type { ServerMessage } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import { shardRates } from './shard-rates.js';

export interface TestServer {
  readonly port: number;
  readonly front: Front;
  readonly faults: unknown[];
  /** What the shard does with each message; does nothing by default. */
  onPost: (message: ToShard) => void;
  say(...messages: ToFront[]): void;
  stopListening(): void;
  close(): void;
}

const clock = { now: () => Date.now() };

/** Tokens are the users' ids; `bad…` is refused. At once, as those of a shared secret are. */
function verify(token: string): Identity {
  if (token.startsWith('bad')) throw new NuboError('unauthorized', 'This is not a token.');
  return { user: token, issuedAt: Date.now() - 1000, expiresAt: Date.now() + 3_600_000, rate: 'standard' };
}

export async function startTestServer(
  bufferBytesMax = 256 * 1024,
  trustedProxies: readonly string[] = [],
): Promise<TestServer> {
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const server = createServer({
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: ['https://app.example'],
    bufferBytesMax,
    proxies: new Proxies(trustedProxies),
    onFault,
  });
  const front = createFront({
    number: 0,
    ports: {
      clock,
      random: { next: () => Math.random() },
      timers: {
        after: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      },
      turns: { soon: (run) => setImmediate(run) },
    },
    broadcast: server.broadcast,
    placement: { count: 1, shardOf: () => 0 },
    post: (_shard, message) => {
      result.onPost(structuredClone(message));
      return true;
    },
    verify,
    revocations: createRevocations({ clock }),
    limits: { bufferBytesMax, softBufferBytes: 64 * 1024, answerBytesMax: 128 * 1024 },
    onFault,
  });
  const rest = new Rest({
    front,
    shardRates,
    makeId: () => '018f0000-0000-7000-8000-000000000fff',
    providers: {
      health: async () => ({ status: 'ok' }),
      readiness: async () => ({ ready: true, checks: {} }),
      metrics: async () => ({ contentType: 'text/plain', text: '' }),
    },
    operatorKey: 'key',
    openMetrics: true,
    allowedOrigins: [],
    version: '0.1.0',
    onFault,
  });
  const port = await server.serve(front, rest);
  const result: TestServer = {
    port,
    front,
    faults,
    onPost: () => undefined,
    say: (...messages) => front.onShardMessages(0, messages),
    stopListening: server.stopListening,
    close() {
      front.stop();
      server.close();
    },
  };
  return result;
}

export interface ConnectOptions {
  readonly codec?: Codec;
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

/** A client over `ws`: what it hears waits until it is asked for. */
export class TestClient {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly codec: Codec;
  private readonly messages: ServerMessage[] = [];
  private wake: () => void = () => undefined;

  constructor(port: number, options: ConnectOptions = {}) {
    this.codec = options.codec ?? 'json';
    const protocols = options.protocols ?? [subprotocols[this.codec]];
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? '/ws'}`, protocols, {
      headers: options.headers ?? {},
    });
    this.socket.on('message', (data: Buffer, isBinary) => {
      const frame = isBinary ? data : data.toString();
      this.messages.push(...(decodeMessages(this.codec, frame) as ServerMessage[]));
      this.wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on('error', () => undefined);
  }

  static async live(port: number, user: string, codec: Codec = 'json'): Promise<TestClient> {
    const client = new TestClient(port, { codec, headers: { authorization: `Bearer ${user}` } });
    await client.next();
    return client;
  }

  async opened(): Promise<void> {
    if (this.socket.readyState === WebSocket.OPEN) return;
    await new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  send(...operations: Operation[]): void {
    this.socket.send(encodeOperations(this.codec, operations));
  }

  /** The next message, waiting for it. */
  async next(): Promise<ServerMessage> {
    while (this.messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift() as ServerMessage;
  }
}

/** A client that reads only when it is told to: raw TCP, JSON frames. */
export class SlowClient {
  readonly socket: net.Socket;
  isClosed = false;
  private received = Buffer.alloc(0);
  private readonly heard: ServerMessage[] = [];
  closeCode: number | undefined;
  private wake: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.parse();
      this.wake();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
    socket.on('error', () => undefined);
  }

  static async live(port: number, user: string): Promise<SlowClient> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${user}\r\n\r\n`,
    );
    let head = '';
    while (!head.includes('\r\n\r\n')) {
      const chunk: Buffer = await new Promise((resolve) => socket.once('data', resolve));
      head += chunk.toString('latin1');
    }
    const client = new SlowClient(socket);
    client.received = Buffer.from(head.slice(head.indexOf('\r\n\r\n') + 4), 'latin1');
    client.parse();
    await client.until((message) => 'ev' in message && message.ev === 'hello');
    return client;
  }

  send(...operations: Operation[]): void {
    const payload = Buffer.from(encodeOperations('json', operations) as string);
    const head = Buffer.from(
      payload.length < 126
        ? [0x81, 0x80 | payload.length]
        : [0x81, 0x80 | 126, payload.length >> 8, payload.length & 255],
    );
    // Masked with zeros: the payload as it is.
    this.socket.write(Buffer.concat([head, Buffer.alloc(4), payload]));
  }

  /** Everything heard, once a message fits or the connection is closed. */
  async until(fits: (message: ServerMessage) => boolean): Promise<ServerMessage[]> {
    while (!this.isClosed && !this.heard.some(fits)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.heard;
  }

  async untilClosed(): Promise<void> {
    await this.until(() => false);
  }

  private parse(): void {
    for (;;) {
      const { received } = this;
      if (received.length < 2) return;
      const opcode = (received[0] as number) & 0x0f;
      let length = (received[1] as number) & 0x7f;
      let start = 2;
      if (length === 126) {
        if (received.length < 4) return;
        length = received.readUInt16BE(2);
        start = 4;
      } else if (length === 127) {
        if (received.length < 10) return;
        length = Number(received.readBigUInt64BE(2));
        start = 10;
      }
      if (received.length < start + length) return;
      const payload = received.subarray(start, start + length);
      this.received = received.subarray(start + length);
      if (opcode === 1) this.heard.push(...(decodeMessages('json', payload.toString()) as ServerMessage[]));
      else if (opcode === 8) this.closeCode = payload.readUInt16BE(0);
    }
  }
}
