/**
 * One WebSocket of a replay: operations out, their answers in, and events for who wants them. As little as
 * possible hangs on each, since there are as many as people in the transcript.
 */
import { WebSocket } from 'ws';
import { type Codec, decodeMessages, encodeOperations, subprotocols } from '#src/wire/codec.js';
import { closeCodes, type ErrorName } from '#src/wire/codes.js';
import type { Ack, ServerEvent, WireError } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import { ReplayFailure } from './failure.js';

const codec: Codec = 'msgpack';
/** Handshake and authentication together. */
const openMs = 30_000;

/** Operations as they are asked for here: the connection numbers them. */
export type Asked = Operation extends infer Each ? (Each extends unknown ? Omit<Each, 'ref'> : never) : never;
export type HeardEvent = Exclude<ServerEvent, { ev: 'hello' }>;

/** The server's `err`. */
export class RefusedOperation extends Error {
  override readonly name = 'RefusedOperation';
  readonly code: ErrorName;
  readonly retryMs: number | undefined;

  constructor({ code, message, retryMs }: WireError) {
    super(message);
    this.code = code;
    this.retryMs = retryMs;
  }
}

interface Waiting {
  readonly resolve: (ack: Ack) => void;
  readonly reject: (error: Error) => void;
}

export interface ConnectionOptions {
  /** `ws://host:port/ws` */
  readonly url: string;
  readonly token: string;
  /** Whose it is, for messages to people. */
  readonly name: string;
  /** Where it enters itself, so that all can be cut when the replay fails. */
  readonly all: Connection[];
}

export class Connection {
  /** Of a listener. */
  onEvent: ((event: HeardEvent) => void) | undefined;
  /** The connection ended, and nobody here had asked for it. */
  onLost: ((failure: Error) => void) | undefined;
  private readonly socket: WebSocket;
  private readonly name: string;
  private readonly waiting = new Map<number, Waiting>();
  private counter = 0;
  private isClosing = false;
  private lost: Error | undefined;
  private greeted: Waiting | undefined;

  private constructor(options: ConnectionOptions, greeted: Waiting) {
    this.name = options.name;
    this.greeted = greeted;
    this.socket = new WebSocket(options.url, [subprotocols[codec]], {
      perMessageDeflate: false,
      // The codec checks what it reads.
      skipUTF8Validation: true,
      handshakeTimeout: openMs,
      headers: { authorization: `Bearer ${options.token}` },
    });
    this.socket.on('message', (data) => this.onFrame(data as Buffer));
    this.socket.on('error', (error) => this.fail(new ReplayFailure(this.explain(error))));
    this.socket.on('close', (code, reason) => this.onClose(code, reason.toString()));
  }

  /** Resolves when the server has said hello; rejects with a ReplayFailure. */
  static open(options: ConnectionOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection: Connection = new Connection(options, { resolve: () => resolve(connection), reject });
      options.all.push(connection);
    });
  }

  /** Rejects with a RefusedOperation, or a ReplayFailure when the connection is lost before the answer. */
  ask(operation: Asked): Promise<Ack> {
    return new Promise((resolve, reject) => {
      if (this.lost !== undefined) return reject(this.lost);
      const ref = this.counter++;
      this.waiting.set(ref, { resolve, reject });
      this.socket.send(encodeOperations(codec, [{ ...operation, ref } as Operation]));
    });
  }

  /** Resolved when both sides have said goodbye. */
  close(): Promise<void> {
    this.isClosing = true;
    if (this.socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve());
      this.socket.close(1000);
    });
  }

  /** At once, without a word: the replay has failed. */
  cut(): void {
    this.isClosing = true;
    this.socket.terminate();
  }

  private onFrame(frame: Buffer): void {
    try {
      for (const message of decodeMessages(codec, frame)) {
        if ('ack' in message) this.settle(message.ack)?.resolve(message);
        else if ('err' in message) this.onRefused(message);
        else if (message.ev === 'hello') this.onHello();
        else if (message.ev !== 'unknown') this.onEvent?.(message);
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private onHello(): void {
    this.greeted?.resolve({ ack: 0 });
    this.greeted = undefined;
  }

  /** An error without a ref is about the connection: its close says the same. */
  private onRefused(error: WireError): void {
    if (error.err !== null) this.settle(error.err)?.reject(new RefusedOperation(error));
  }

  private settle(ref: number): Waiting | undefined {
    const waiting = this.waiting.get(ref);
    this.waiting.delete(ref);
    return waiting;
  }

  private onClose(code: number, reason: string): void {
    if (this.isClosing) return;
    const known = Object.values(closeCodes).find((close) => close.code === code);
    const why = known === undefined ? reason : `${reason} ${known.todo}`;
    this.fail(new ReplayFailure(`The server closed the connection of ${this.name}: ${code} ${why}`.trim()));
  }

  private fail(failure: Error): void {
    if (this.lost !== undefined || this.isClosing) return;
    this.lost = failure;
    if (this.greeted !== undefined) this.greeted.reject(failure);
    else this.onLost?.(failure);
    this.greeted = undefined;
    for (const { reject } of this.waiting.values()) reject(failure);
    this.waiting.clear();
    this.socket.terminate();
  }

  private explain(error: Error & { code?: string }): string {
    const who = `The connection of ${this.name} failed`;
    switch (error.code) {
      case 'EMFILE':
        return `${who}: this process may not open more files (ulimit -n).`;
      case 'EADDRNOTAVAIL':
        return `${who}: no local port is free; wait a minute for those of the last replay.`;
      default:
        return `${who}: ${error.message || error.code}`;
    }
  }
}
