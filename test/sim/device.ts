/**
 * A model client: one device of a user, over as many sockets as it takes. It keeps its refs, its subscriptions and
 * what it has of each conversation; it follows gaps with history and resumes after a reconnect.
 */
import { type Codec, decodeMessages, encodeOperations } from '#src/wire/codec.js';
import type { Ack, LogEvent, ServerMessage, WireError } from '#src/wire/events.js';
import { logEvents } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import type { StreamItem } from '#test/support/checker.js';
import type { Draws } from '#test/support/sim-random.js';
import type { Frame, SimSocket } from '#test/support/sim-socket.js';
import { Subscriptions } from './subscriptions.js';
import type { Totals } from './totals.js';

/** `undefined`: the socket closed before an answer came. */
export type Reply = Ack | WireError | undefined;

/** Without its ref, which the device gives. */
export type Unreferenced<Op> = Op extends unknown ? Omit<Op, 'ref'> : never;

export interface DeviceHost {
  readonly random: Draws;
  readonly totals: Totals;
  now(): number;
  after(ms: number, run: () => void): void;
  /** undefined: nobody listens. */
  connect(device: Device, token: string | undefined): SimSocket | undefined;
  tokenFor(user: string): string;
  /** What every client's screen is made of, for the trace. */
  note(text: string): void;
  blame(rule: string, message: string): void;
  /** A seq of the conversation that was acked to somebody: a page asked from now on must know it (R5). */
  ackedSeq(conv: string): number;
}

interface Waiting {
  readonly operation: Unreferenced<Operation>;
  readonly done: (reply: Reply) => void;
}

export class Device {
  readonly user: string;
  readonly name: string;
  readonly codec: Codec;
  readonly stream: StreamItem[] = [];
  readonly subscriptions: Subscriptions;
  readonly host: DeviceHost;
  state: 'offline' | 'connecting' | 'live' = 'offline';
  socket: SimSocket | undefined;
  private waiting = new Map<number, Waiting>();
  private refs = 0;
  private authRef: number | undefined;

  constructor(host: DeviceHost, user: string, name: string, codec: Codec) {
    this.host = host;
    this.user = user;
    this.name = name;
    this.codec = codec;
    this.subscriptions = new Subscriptions(this);
  }

  get waitingCount(): number {
    return this.waiting.size;
  }

  connect(): void {
    if (this.state !== 'offline') return;
    const { host } = this;
    const token = host.tokenFor(this.user);
    const inHeader = host.random.chance(0.7);
    this.state = 'connecting';
    this.socket = host.connect(this, inHeader ? token : undefined);
    if (this.socket === undefined) {
      this.state = 'offline';
      host.after(100 + host.random.next() * 400, () => this.connect());
      return;
    }
    if (inHeader) return;
    this.authRef = this.write({ op: 'auth', token });
  }

  /** Closes the socket; it comes back by itself. */
  disconnect(): void {
    const { socket } = this;
    socket?.disconnect();
    if (socket !== undefined) this.onClosed(socket);
  }

  /** false: it is not live, and nothing was sent. */
  ask(operation: Unreferenced<Operation>, done: (reply: Reply) => void): boolean {
    if (this.state !== 'live') return false;
    const ref = this.write(operation);
    this.waiting.set(ref, { operation, done });
    return true;
  }

  /** Nobody is told what becomes of it. */
  say(operation: Unreferenced<Operation>): void {
    if (this.state === 'live') this.send(operation as Operation);
  }

  private write(operation: Unreferenced<Operation>): number {
    this.refs += 1;
    this.send({ ...operation, ref: this.refs } as Operation);
    return this.refs;
  }

  private send(operation: Operation): void {
    const frame = encodeOperations(this.codec, [operation]);
    this.host.note(`${this.name} says ${JSON.stringify(operation)}`);
    this.socket?.write(typeof frame === 'string' ? frame : Uint8Array.from(frame));
  }

  onFrame(socket: SimSocket, frame: Frame): void {
    if (socket !== this.socket) return;
    const messages = decodeMessages(this.codec, frame) as ServerMessage[];
    this.host.note(`${this.name} hears ${typeof frame === 'string' ? frame : JSON.stringify(messages)}`);
    for (const message of messages) this.onMessage(message);
  }

  onClosed(socket: SimSocket): void {
    if (socket !== this.socket) return;
    const waiting = this.waiting;
    this.waiting = new Map();
    this.socket = undefined;
    this.state = 'offline';
    this.authRef = undefined;
    this.stream.push({ kind: 'closed' });
    this.subscriptions.onClosed();
    for (const { done } of waiting.values()) done(undefined);
    this.host.after(20 + this.host.random.next() * 500, () => this.connect());
  }

  private onMessage(message: ServerMessage): void {
    if ('ack' in message) return this.onReply(message.ack, message);
    if ('err' in message) {
      if (message.err !== null) this.onReply(message.err, message);
      else if (message.code !== 'unauthorized')
        this.host.blame('W2', `${this.name} was told ${message.code}: ${message.message}`);
      return;
    }
    if (message.ev in logEvents) {
      const event = message as LogEvent;
      this.host.totals.eventsSeen += 1;
      this.stream.push({ kind: 'event', event });
      this.subscriptions.onEvent(event);
      return;
    }
    this.onControl(message as Exclude<ServerMessage, Ack | WireError | LogEvent>);
  }

  private onControl(event: Exclude<ServerMessage, Ack | WireError | LogEvent>): void {
    switch (event.ev) {
      case 'hello':
        this.state = 'live';
        this.subscriptions.onLive();
        return;
      case 'gap':
        this.host.totals.gapsTold += 1;
        this.stream.push({ kind: 'gap', conv: event.conv, have: event.have, head: event.head });
        this.subscriptions.onGap(event);
        return;
      case 'resumed':
        this.host.totals.resumes += 1;
        this.stream.push({ kind: 'resumed', conv: event.conv, upTo: event.upTo });
        return;
      case 'unsubscribed':
        this.stream.push({ kind: 'unsubscribed', conv: event.conv });
        this.subscriptions.forget(event.conv);
        return;
      case 'conversation.update':
        if (this.host.random.chance(0.8)) this.subscriptions.want(event.conv);
        return;
      default:
        return;
    }
  }

  /** Every ref is answered once (W7). */
  private onReply(ref: number, reply: Ack | WireError): void {
    if (ref === this.authRef) {
      this.authRef = undefined;
      return;
    }
    const waiting = this.waiting.get(ref);
    if (waiting === undefined) {
      this.host.blame('W7', `${this.name}: ${JSON.stringify(reply)} answers nothing`);
      return;
    }
    this.waiting.delete(ref);
    waiting.done(reply);
  }
}
