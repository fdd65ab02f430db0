/**
 * The client of nubo, for browsers and Node. It keeps one connection, sends what is durable until the server has
 * answered, and gives each event of a subscribed conversation to the application once and in order, whatever
 * happens to the connection.
 *
 * Here is nothing of Node; `client/node.ts` brings the WebSocket that Node 20 lacks.
 */
import type { RuntimePorts } from '#src/runtime/ports.js';
import { type Codec, encodeOperations } from '#src/wire/codec.js';
import type { Ack, ControlEvent, LogEvent } from '#src/wire/events.js';
import { Conversation, type OpenOptions } from './conversation.js';
import { deferred } from './deferred.js';
import { ClientError } from './errors.js';
import { type FollowOptions, FollowWish } from './following.js';
import { Heartbeat } from './heartbeat.js';
import { type Hello, Link, type LinkStatus, type Message, type TokenSource } from './link.js';
import { Operations } from './operations.js';
import { type Answers, type Asked, Outbox } from './outbox.js';
import { platformPorts } from './ports.js';
import { type OwnStatus, PresenceWishes } from './presence.js';
import { ServerClock } from './server-clock.js';
import type { ClientSocketClass } from './socket.js';
import { type Gap, Subscriptions } from './subscriptions.js';

export interface ConnectOptions {
  /** `ws://host:port/ws` */
  readonly url: string;
  /** An access token, or a function that gets one: asked before each connection. */
  readonly token: TokenSource;
  /** `msgpack` when absent. */
  readonly codec?: Codec;
  /** The class of the platform when absent. */
  readonly WebSocket?: ClientSocketClass;
  /** Failed attempts in a row after which the client ends; without it, it tries for ever. */
  readonly attemptsMax?: number;
  /** Events of subscribed conversations in order, typing, and what concerns the user. */
  readonly onEvent?: (event: ClientEvent) => void;
  /** A hole was found and is being filled; events go on when it is. */
  readonly onGap?: (gap: Gap) => void;
  readonly onStatus?: (status: LinkStatus) => void;
  readonly ports?: RuntimePorts;
}

export type ClientEvent = LogEvent | Exclude<ControlEvent, { ev: 'hello' | 'gap' | 'resumed' | 'resync' }>;

/** Starts to connect and returns at once; `ready` tells when it is there. */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export class Client extends Operations {
  private readonly first = deferred<Hello>();
  private readonly last = deferred<ClientError | undefined>();
  /** The first `hello`; rejects with a ClientError when the client ends before. */
  readonly ready: Promise<Hello> = this.first.promise;
  /** When the client has ended: the ClientError, or undefined when the application closed it. */
  readonly ended: Promise<ClientError | undefined> = this.last.promise;
  private readonly options: ConnectOptions;
  private readonly codec: Codec;
  private readonly clock: ServerClock;
  private readonly link: Link;
  private readonly outbox: Outbox;
  private readonly subscriptions: Subscriptions;
  private readonly heartbeat: Heartbeat;
  private readonly wishes: PresenceWishes;
  private readonly following: FollowWish;
  private hello: Hello | undefined;

  constructor(options: ConnectOptions) {
    super();
    this.options = options;
    this.codec = options.codec ?? 'msgpack';
    const ports = options.ports ?? platformPorts;
    const { codec, clock } = { codec: this.codec, clock: new ServerClock(ports.clock) };
    this.clock = clock;
    this.link = new Link(
      {
        url: options.url,
        token: options.token,
        codec,
        WebSocket: options.WebSocket ?? platformWebSocket(),
        attemptsMax: options.attemptsMax ?? Number.POSITIVE_INFINITY,
        ports,
      },
      {
        onHello: (hello) => this.onHello(hello),
        onMessage: (message) => this.onMessage(message),
        onStatus: (status) => this.onStatus(status),
      },
    );
    this.outbox = new Outbox({ codec, ports, clock, link: this.link });
    this.wishes = new PresenceWishes(this.outbox);
    this.heartbeat = new Heartbeat(this.outbox, ports.timers, {
      onTime: (at) => clock.correct(at),
      onSilence: () => this.link.drop('the server has fallen silent'),
    });
    this.subscriptions = new Subscriptions(this.outbox, ports, {
      onEvent: (event) => this.tell(event),
      onGap: (gap) => guard(() => options.onGap?.(gap)),
    });
    this.following = new FollowWish(this.outbox, {
      onChanged: (conversation) => {
        this.subscriptions.onChanged(conversation);
        this.tell({ ev: 'conversation.update', ...conversation });
      },
      onAll: (convs) => this.subscriptions.onAll(convs),
    });
    this.link.open();
  }

  /** Who the token speaks for; undefined before `ready`. */
  get user(): string | undefined {
    return this.hello?.user;
  }

  /** The server's time in Unix ms, as far as it is known. */
  now(): number {
    return this.clock.now();
  }

  /**
   * Listens to a conversation: from the event after `have`, or from now on. Resolves with the head at that moment;
   * the events go to `onEvent`, also after any number of reconnects, until `unsubscribe` or `unsubscribed`.
   */
  subscribe(conv: string, { have }: { have?: number } = {}): Promise<{ head: number }> {
    return new Promise((resolve, reject) => {
      this.subscriptions.add(conv, have, {
        acked: ({ head }) => resolve({ head: head ?? 0 }),
        failed: reject,
      });
    });
  }

  /**
   * Opens a conversation: the last page of it, kept up to date until it is closed.
   * @throws ClientError `not_found` when the user may not read it, `conflict` when it is open already
   */
  async open(conv: string, options: OpenOptions = {}): Promise<Conversation> {
    const { user } = await this.ready;
    const conversation = new Conversation(conv, {
      ...{ user, options },
      soon: (run) => (this.options.ports ?? platformPorts).turns.soon(() => guard(run)),
      history: (asked) => this.request({ op: 'history', conv, ...asked }),
      unsubscribe: () => this.unsubscribe(conv),
    });
    await new Promise((acked, failed) => {
      this.subscriptions.add(conv, undefined, { acked, failed }, conversation);
    });
    try {
      await conversation.ready;
    } catch (error) {
      conversation.close();
      throw error;
    }
    return conversation;
  }

  unsubscribe(conv: string): void {
    this.subscriptions.remove(conv);
    this.outbox.ask({ op: 'unsubscribe', conv }, nobody, { survives: false });
  }

  /**
   * Follows all conversations of the user, as they come and go. Resolves when everything that has changed since the
   * cursor was told by `conversation.update`; from then on the events of each go to `onEvent`, once and in order, also
   * after reconnects. When very many were missed (500) of one that is not open, `onGap` tells with `isSkipped` that they
   * are left out.
   * @throws ClientError `invalid` for a cursor that is none
   */
  async follow(options: FollowOptions = {}): Promise<void> {
    this.subscriptions.follow(options.quiet !== true);
    await new Promise((acked, failed) => this.following.start(options, { acked, failed }));
  }

  /** Conversations that were subscribed to or are open stay so. */
  async unfollow(): Promise<void> {
    this.following.stop();
    this.subscriptions.follow(false);
    await this.request({ op: 'unsubscribe.all' });
  }

  /** Everything up to here was told to who follows: for `follow` the next time. */
  get cursor(): string | undefined {
    return this.following.cursor;
  }

  /** The last seq that `onEvent` was given of a subscribed conversation. */
  have(conv: string): number | undefined {
    return this.subscriptions.have(conv);
  }

  /** Tells the others that the user types or has stopped; lost without a word when there is no connection (P8). */
  typing(conv: string, active: boolean): void {
    this.link.send(encodeOperations(this.codec, [{ op: active ? 'typing.start' : 'typing.stop', conv }]));
  }

  /** How this connection counts for the user's presence, from now on and after each reconnect (E1). */
  setPresence(status: OwnStatus): Promise<void> {
    return this.wishes.set(status);
  }

  /** From now on `presence.update` tells how these users are, first as they are now; also after a reconnect (E3). */
  watch(users: readonly string[]): Promise<void> {
    return this.wishes.watch(users);
  }

  /** Without users: nobody any more. */
  unwatch(users?: readonly string[]): Promise<void> {
    return this.wishes.unwatch(users);
  }

  /** A new token for the live connection, so that it does not close at `exp` (W5). */
  async authenticate(token: string): Promise<void> {
    await this.request({ op: 'auth', token }, { survives: false });
  }

  /** Ends the client. What is under way rejects with `closed`; whether it was stored is unknown. */
  close(): void {
    this.link.end();
  }

  protected request(asked: Asked, options?: { survives: boolean }): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.outbox.ask(asked, { acked: resolve, failed: reject }, options);
    });
  }

  private onHello(hello: Hello): void {
    this.hello = hello;
    this.clock.correct(hello.at);
    this.wishes.onLive();
    this.subscriptions.onLive();
    this.following.onLive();
    this.outbox.onLive();
    this.heartbeat.start(hello.heartbeatMs);
    this.first.resolve(hello);
  }

  private onMessage(message: Message): void {
    if ('ack' in message) return this.outbox.onAck(message);
    if ('err' in message) return this.outbox.onError(message);
    switch (message.ev) {
      case 'hello':
        return;
      case 'gap':
        return this.subscriptions.onGap(message);
      case 'resumed':
        return this.subscriptions.onResumed(message);
      case 'unsubscribed':
        return this.subscriptions.onUnsubscribed(message);
      case 'conversation.update':
        this.subscriptions.onChanged(message);
        return this.tell(message);
      case 'resync':
        return this.following.onResync();
      case 'typing.start':
      case 'typing.stop':
      case 'read.update':
      case 'presence.update':
      case 'block.update':
      case 'quiet.update':
        return this.tell(message);
      default:
        return this.subscriptions.onLogEvent(message);
    }
  }

  private onStatus(status: LinkStatus): void {
    if (status.name === 'waiting' || status.name === 'ended') this.heartbeat.stop();
    if (status.name === 'waiting') this.outbox.onLost();
    if (status.name === 'ended') this.onEnded(status.error);
    guard(() => this.options.onStatus?.(status));
  }

  private onEnded(error: ClientError | undefined): void {
    const reason = error ?? new ClientError('closed', 'The client was closed.');
    this.subscriptions.end(reason);
    this.following.end(reason);
    this.outbox.end(reason);
    this.first.reject(reason);
    this.last.resolve(error);
  }

  private tell(event: ClientEvent): void {
    guard(() => this.options.onEvent?.(event));
  }
}

const nobody: Answers = { acked: () => {}, failed: () => {} };

/** What an application throws is its own: it reaches the platform, and the rest of the frame is still handled. */
function guard(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function platformWebSocket(): ClientSocketClass {
  const { WebSocket } = globalThis as { WebSocket?: ClientSocketClass };
  if (WebSocket === undefined) {
    throw new TypeError('This platform has no WebSocket: connect with client/node.js, or give one.');
  }
  return WebSocket;
}
