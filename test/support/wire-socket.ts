/** One WebSocket client of the raw protocol: it sends what it is told to and forgives nothing. */
import WebSocket from 'ws';
import {
  type Codec,
  decodeMessages,
  encodeOperations,
  subprotocols,
  type UnknownEvent,
} from '#src/wire/codec.js';
import type { Ack, ControlEvent, ServerMessage, WireError } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';

export type Message = ServerMessage | UnknownEvent;

export interface SocketOptions {
  /** `http://host:port` */
  readonly address: string;
  /** Sent in the `Authorization` header. */
  readonly token?: string;
  readonly codec?: Codec;
  /** `/ws` when absent. */
  readonly path?: string;
}

type Asked = Operation extends infer Op ? (Op extends unknown ? Omit<Op, 'ref'> : never) : never;

export class WireSocket {
  readonly codec: Codec;
  /** Resolved when the connection has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly raw: WebSocket;
  /** Called for every message, in order. */
  onMessage: ((message: Message) => void) | undefined;
  private readonly watchers = new Set<(message: Message) => void>();
  private refs = 0;
  private isClosed = false;

  private constructor({ address, token, codec = 'msgpack', path = '/ws' }: SocketOptions) {
    this.codec = codec;
    this.raw = new WebSocket(`${address.replace('http', 'ws')}${path}`, [subprotocols[codec]], {
      perMessageDeflate: false,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
    this.raw.binaryType = 'nodebuffer';
    this.raw.on('error', () => {});
    this.raw.on('message', (data: Buffer) => this.take(data));
    this.closed = new Promise((resolve) => {
      this.raw.once('close', (code, reason) => {
        this.isClosed = true;
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Connects and waits for `hello`; without a token only for the connection. */
  static async open(options: SocketOptions): Promise<WireSocket> {
    const socket = new WireSocket(options);
    if (options.token !== undefined) {
      await socket.until((message) => ('ev' in message && message.ev === 'hello' ? true : undefined));
      return socket;
    }
    await new Promise<void>((resolve, reject) => {
      socket.raw.once('open', resolve);
      socket.raw.once('error', reject);
    });
    return socket;
  }

  get isOpen(): boolean {
    return this.raw.readyState === WebSocket.OPEN;
  }

  /** One frame of these operations. */
  post(operations: readonly Operation[]): void {
    this.raw.send(encodeOperations(this.codec, operations));
  }

  /** One frame as it is: bytes as a binary frame, a string as a text frame. */
  postFrame(frame: Uint8Array | string): void {
    this.raw.send(frame);
  }

  /** Sends one operation and waits for its answer. */
  async ask(operation: Asked): Promise<Ack | WireError> {
    const ref = this.nextRef();
    const answered = this.answerOf(ref);
    this.post([{ ...operation, ref } as Operation]);
    return answered;
  }

  /** The same, for operations that must succeed. */
  async do(operation: Asked): Promise<Ack> {
    const answer = await this.ask(operation);
    if ('err' in answer) throw new Error(`${operation.op} was refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  nextRef(): number {
    this.refs += 1;
    return this.refs;
  }

  answerOf(ref: number | null): Promise<Ack | WireError> {
    return this.until((message) => {
      if ('ack' in message && message.ack === ref) return message;
      if ('err' in message && message.err === ref) return message;
      return undefined;
    });
  }

  /** The next control event of this name. */
  control<Name extends ControlEvent['ev']>(name: Name): Promise<Extract<ControlEvent, { ev: Name }>> {
    return this.until((message) =>
      'ev' in message && message.ev === name ? (message as Extract<ControlEvent, { ev: Name }>) : undefined,
    );
  }

  /** The first value that `pick` gives for a message from now on. Rejected when the connection ends before. */
  until<Value>(pick: (message: Message) => Value | undefined, ms = 20_000): Promise<Value> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.watchers.delete(watch);
      };
      const watch = (message: Message) => {
        const value = pick(message);
        if (value === undefined) return;
        finish();
        resolve(value);
      };
      const fail = (why: string) => {
        finish();
        reject(new Error(why));
      };
      const timer = setTimeout(() => fail(`nothing of what was waited for came in ${ms} ms`), ms);
      this.watchers.add(watch);
      if (this.isClosed) fail('the connection had ended');
      else void this.closed.then(({ code, reason }) => fail(`the connection ended: ${code} ${reason}`));
    });
  }

  close(): void {
    this.raw.terminate();
  }

  private take(data: Buffer): void {
    // A JSON frame is text, which `ws` hands over as bytes as well.
    for (const message of decodeMessages(this.codec, this.codec === 'json' ? data.toString() : data)) {
      this.onMessage?.(message);
      for (const watcher of [...this.watchers]) watcher(message);
    }
  }
}
