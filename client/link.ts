/**
 * One WebSocket after the other: opening → live → waiting → opening …, until ended. Opening includes the log-in; a
 * close code says whether there is a next one (W9). Between two attempts it waits 0.5 to 20 s at random, so that
 * clients of a restarted server do not come back as a herd.
 */
import type { RuntimePorts } from '#src/runtime/ports.js';
import { type Codec, decodeMessages, encodeOperations, subprotocols } from '#src/wire/codec.js';
import { closeCodes } from '#src/wire/codes.js';
import type { ControlEvent } from '#src/wire/events.js';
import { ClientError } from './errors.js';
import { type ClientSocket, type ClientSocketClass, frameOf } from './socket.js';

const backoffMinMs = 500;
const backoffMaxMs = 20_000;
/** From the first byte to `hello`; the server cuts after 10 s itself. */
const openMs = 15_000;
/** `auth` has a ref of its own: an outbox never uses it. */
export const authRef = 0;

export type Hello = ControlEvent<'hello'>;
export type Message = ReturnType<typeof decodeMessages>[number];
/** A token, or where to get one: asked before each connection. */
export type TokenSource = string | (() => string | Promise<string>);

export type LinkStatus =
  | { readonly name: 'opening' }
  | { readonly name: 'live' }
  /** The connection was lost, or could not be made; the next attempt follows in `retryMs`. */
  | { readonly name: 'waiting'; readonly retryMs: number; readonly reason: string }
  /** `error` absent: the application closed it. */
  | { readonly name: 'ended'; readonly error: ClientError | undefined };

export interface LinkOptions {
  /** `ws://host:port/ws` */
  readonly url: string;
  readonly token: TokenSource;
  readonly codec: Codec;
  readonly WebSocket: ClientSocketClass;
  /** Give up after so many failed attempts in a row. */
  readonly attemptsMax: number;
  readonly ports: RuntimePorts;
}

export interface LinkListener {
  onHello(hello: Hello): void;
  onMessage(message: Message): void;
  onStatus(status: LinkStatus): void;
}

export class Link {
  private readonly options: LinkOptions;
  private readonly listener: LinkListener;
  private status: LinkStatus['name'] = 'waiting';
  private socket: ClientSocket | undefined;
  private cancelTimer: () => void = () => {};
  private failures = 0;
  /** What the server or the platform said before the connection closed. */
  private complaint: string | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.options = options;
    this.listener = listener;
  }

  get isLive(): boolean {
    return this.status === 'live';
  }

  /** Makes a connection. Called once; from then on the link does it by itself. */
  open(): void {
    this.complaint = undefined;
    this.enter({ name: 'opening' });
    const token = this.options.token;
    if (typeof token === 'string') return this.connect(token);
    Promise.resolve()
      .then(token)
      .then(
        (fresh) => this.connect(fresh),
        (error: unknown) => this.end(asClientError(error)),
      );
  }

  private connect(token: string): void {
    if (this.status !== 'opening') return;
    const { url, codec, WebSocket, ports } = this.options;
    let socket: ClientSocket;
    try {
      socket = new WebSocket(url, [subprotocols[codec]]);
    } catch (error) {
      // Only an address that is none gets here: trying again would not help.
      this.end(new ClientError('invalid', `${url} is not a WebSocket address: ${String(error)}`));
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(encodeOperations(codec, [{ op: 'auth', ref: authRef, token }]));
    socket.onmessage = ({ data }) => this.onFrame(data);
    socket.onerror = ({ message }) => {
      this.complaint ??= message;
    };
    socket.onclose = ({ code, reason }) => this.onClose(code, reason);
    this.cancelTimer = ports.timers.after(openMs, () => this.drop('the server did not answer'));
  }

  private onFrame(data: unknown): void {
    let messages: Message[];
    try {
      const frame = frameOf(data);
      if (frame === undefined) throw new Error('it is of an unknown kind');
      messages = decodeMessages(this.options.codec, frame);
    } catch (error) {
      return this.drop(`a frame of the server could not be read: ${String(error)}`);
    }
    for (const message of messages) {
      if (this.socket === undefined) return;
      this.take(message);
    }
  }

  private take(message: Message): void {
    if ('err' in message && (message.err === authRef || message.err === null))
      this.complaint = message.message;
    if (!('ev' in message) || message.ev !== 'hello') return this.listener.onMessage(message);
    this.cancelTimer();
    this.failures = 0;
    this.enter({ name: 'live' });
    this.listener.onHello(message);
  }

  /** Sends a frame; false, and nothing sent, when there is no connection. */
  send(frame: string | Uint8Array): boolean {
    if (!this.isLive || this.socket === undefined) return false;
    this.socket.send(frame);
    return true;
  }

  /** The connection is of no use any more: the next one. */
  drop(reason: string): void {
    this.complaint = reason;
    this.release()?.close();
    this.retry(0);
  }

  /** Lets go of the socket: what it says afterwards concerns nobody. */
  private release(): ClientSocket | undefined {
    const { socket } = this;
    this.socket = undefined;
    this.cancelTimer();
    if (socket === undefined) return undefined;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    // Not null: a socket that is closed before it opened reports an error, and nobody listening is fatal with ws.
    socket.onerror = () => {};
    return socket;
  }

  private onClose(code: number, reason: string): void {
    this.release();
    if (code >= 4500 && code <= 4999) return this.end(terminalError(code, this.complaint));
    this.complaint ??= reason === '' ? `the connection was closed (${code})` : `${reason} (${code})`;
    // A server that drains says over how long its clients should spread.
    const window = code === closeCodes.draining.code ? Number(/windowMs=(\d+)/.exec(reason)?.[1] ?? 0) : 0;
    this.retry(window);
  }

  /** Waits and connects again. */
  private retry(windowMs: number): void {
    this.failures += 1;
    const reason = this.complaint ?? 'the connection was lost';
    if (this.failures >= this.options.attemptsMax) {
      return this.end(new ClientError('unavailable', `No connection to ${this.options.url}: ${reason}.`));
    }
    const { random, timers } = this.options.ports;
    const ceiling = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.failures, 10));
    const spread = Math.max(windowMs, ceiling - backoffMinMs);
    const retryMs = Math.round(backoffMinMs + random.next() * spread);
    this.enter({ name: 'waiting', retryMs, reason });
    if (this.status === 'waiting') this.cancelTimer = timers.after(retryMs, () => this.open());
  }

  /** Ends for good; by the application when without an error. */
  end(error?: ClientError): void {
    if (this.status === 'ended') return;
    this.release()?.close(1000);
    this.enter({ name: 'ended', error });
  }

  private enter(status: LinkStatus): void {
    this.status = status.name;
    this.listener.onStatus(status);
  }
}

function terminalError(code: number, complaint: string | undefined): ClientError {
  const entry = Object.entries(closeCodes).find(([, known]) => known.code === code);
  const name = entry?.[0] ?? 'closed for good';
  const advice = entry?.[1].todo ?? 'Do not connect again.';
  const said = complaint === undefined ? '' : ` ${complaint}`;
  return new ClientError('closed', `The server ended the connection (${code}, ${name}).${said} ${advice}`, {
    closeCode: code,
  });
}

function asClientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  return new ClientError(
    'unauthorized',
    `No token: ${error instanceof Error ? error.message : String(error)}`,
  );
}
