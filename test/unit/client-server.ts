/**
 * A server for tests of the client: real sockets, a log in memory with dedupe by id, and faults on demand. It
 * follows SPEC.md as far as a client can see; every answer can be taken over by `intercept`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Codec, decodeOperations, encodeMessages } from '#src/wire/codec.js';
import { type CloseName, closeCodes } from '#src/wire/codes.js';
import type { LogEvent, ServerMessage } from '#src/wire/events.js';
import type { DurableOperation, Operation } from '#src/wire/operations.js';

export const user = '3f2504e0-4f89-81d3-9a0c-0305e82c3301';

export interface Peer {
  readonly socket: WebSocket;
  readonly codec: Codec;
  readonly subscribed: Set<string>;
  tell(...messages: ServerMessage[]): void;
  close(name: CloseName, reason?: string): void;
}

type Intercept = (operation: Operation, peer: Peer) => boolean;

export class FakeServer {
  /** Durable events by conversation. */
  readonly logs = new Map<string, LogEvent[]>();
  readonly peers = new Set<Peer>();
  /** Everything that arrived: one list a frame. */
  readonly frames: Operation[][] = [];
  connections = 0;
  heartbeatMs = 30_000;
  /** Added to the server's time. */
  aheadMs = 0;
  /** Events a `subscribe` is answered with at most. */
  backlogMax = 500;
  /** Returns true when it has dealt with the operation itself. */
  intercept: Intercept = () => false;
  /** Answers REST: a JSON value, or a problem as `{status, code, detail}`. */
  onRest: (method: string, path: string, body: Record<string, unknown>) => object = () => ({
    status: 404,
    code: 'not_found',
    detail: 'no',
  });
  private readonly http = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const answer = this.onRest(
        request.method ?? '',
        request.url ?? '',
        text === '' ? {} : JSON.parse(text),
      );
      response.statusCode = 'status' in answer ? Number(answer.status) : 200;
      response.end(JSON.stringify(answer));
    });
  });
  private readonly sockets = new WebSocketServer({ server: this.http });
  private readonly stored = new Map<string, LogEvent>();

  static async start(): Promise<FakeServer> {
    const server = new FakeServer();
    server.sockets.on('connection', (socket) => server.accept(socket));
    await new Promise<void>((resolve) => server.http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}/ws`;
  }

  get restUrl(): string {
    return this.url.replace('ws:', 'http:').replace('/ws', '');
  }

  get operations(): Operation[] {
    return this.frames.flat();
  }

  log(conv: string): LogEvent[] {
    let log = this.logs.get(conv);
    if (log === undefined) {
      log = [];
      this.logs.set(conv, log);
    }
    return log;
  }

  private accept(socket: WebSocket): void {
    this.connections += 1;
    const codec: Codec = socket.protocol === 'nubo.v1.json' ? 'json' : 'msgpack';
    const peer: Peer = {
      socket,
      codec,
      subscribed: new Set(),
      tell: (...messages) => socket.send(encodeMessages(codec, messages)),
      close: (name, reason = '') => socket.close(closeCodes[name].code, reason),
    };
    this.peers.add(peer);
    socket.on('close', () => this.peers.delete(peer));
    socket.on('message', (data) => this.onFrame(peer, data as Buffer));
  }

  private onFrame(peer: Peer, frame: Buffer): void {
    const decoded = decodeOperations(peer.codec, frame);
    if (decoded.kind === 'bad') throw new Error(decoded.message);
    const operations = decoded.items.map((item) => {
      if (item.kind === 'invalid') throw new Error(item.message);
      return item.operation;
    });
    this.frames.push(operations);
    for (const operation of operations) {
      if (!this.intercept(operation, peer)) this.perform(operation, peer);
    }
  }

  perform(operation: Operation, peer: Peer): void {
    switch (operation.op) {
      case 'auth': {
        const at = Date.now() + this.aheadMs;
        return peer.tell(
          { ev: 'hello', session: 's', user, at, heartbeatMs: this.heartbeatMs, limits: {} },
          { ack: operation.ref },
        );
      }
      case 'ping':
        return peer.tell({ ack: operation.ref, at: Date.now() + this.aheadMs });
      case 'subscribe':
        return this.subscribe(operation, peer);
      case 'unsubscribe':
        peer.subscribed.delete(operation.conv);
        return peer.tell({ ack: operation.ref });
      case 'history': {
        const { before, limit = 100 } = operation;
        const log = this.log(operation.conv);
        const after = operation.after ?? (before ?? log.length + 1) - 1 - limit;
        return peer.tell({
          ack: operation.ref,
          events: this.log(operation.conv)
            .filter(({ seq }) => seq > after)
            .slice(0, limit),
        });
      }
      case 'send':
      case 'join':
      case 'leave':
        return this.store(operation, peer);
      default:
        if (operation.ref !== undefined) peer.tell({ ack: operation.ref });
    }
  }

  private subscribe({ ref, conv, have }: Operation<'subscribe'>, peer: Peer): void {
    const log = this.log(conv);
    const head = log.length;
    peer.subscribed.add(conv);
    peer.tell({ ack: ref, conv, head });
    if (have !== undefined && head - have > this.backlogMax) peer.tell({ ev: 'gap', conv, have, head });
    else peer.tell(...log.slice(have ?? head), { ev: 'resumed', conv, upTo: head });
  }

  private store(operation: Extract<DurableOperation, { conv: string }>, peer: Peer): void {
    const { ref, id, conv } = operation;
    let event = this.stored.get(id);
    if (event === undefined) {
      event =
        operation.op === 'send' ? this.append(conv, operation.text, id) : this.append(conv, operation.op, id);
      this.publish([event]);
    }
    peer.tell({ ack: ref, id, seq: event.seq, at: event.at });
  }

  /** Commits an event without telling anybody. */
  append(conv: string, text: string, id: string = crypto.randomUUID()): LogEvent {
    const log = this.log(conv);
    const seq = log.length + 1;
    const event: LogEvent = {
      ev: 'message.new',
      conv,
      seq,
      number: seq,
      id,
      from: user,
      at: 1000 + seq,
      text,
    };
    log.push(event);
    this.stored.set(id, event);
    return event;
  }

  publish(events: LogEvent[]): void {
    for (const peer of this.peers) {
      const heard = events.filter(({ conv }) => peer.subscribed.has(conv));
      if (heard.length > 0) peer.tell(...heard);
    }
  }

  /** Closes every connection the hard way, as a lost network would. */
  cut(): void {
    for (const peer of this.peers) peer.socket.terminate();
  }

  async stop(): Promise<void> {
    this.cut();
    this.sockets.close();
    await new Promise((resolve) => this.http.close(resolve));
  }
}
