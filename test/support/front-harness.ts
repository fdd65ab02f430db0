/** A front without network and threads: sockets are lists, shards are lists, time and turns are moved by the test. */
import { NuboError } from '#src/errors.js';
import { createFront, type Front, type FrontDependencies } from '#src/front/front.js';
import type { BroadcastPort, SocketPort } from '#src/front/ports.js';
import type { Session } from '#src/front/session.js';
import type { Identity } from '#src/people/identity.js';
import { createRevocations } from '#src/people/revocations.js';
import type { Rates } from '#src/rates.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { type Codec, decodeMessages, encodeOperations } from '#src/wire/codec.js';
import type { Ack, LogEvent, ServerMessage, WireError } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';

export const startAt = 1_763_700_000_000;

/** `018f0000-0000-7000-8000-00000000000n`: ids that read well in failures. */
export function testId(n: number): string {
  return `018f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** A socket that behaves as one of uWebSockets.js: what does not fit is dropped, and of a batch only the first told. */
export class FakeSocket implements SocketPort {
  readonly frames: Array<string | Uint8Array> = [];
  readonly topics = new Set<string>();
  readonly codec: Codec;
  session: Session | undefined;
  closed: { code: number; reason: string } | undefined;
  isCut = false;
  pings = 0;
  /** false: what is sent stays in the buffer. */
  isReading = true;
  buffered = 0;
  bytesMax = 1024 * 1024;
  isInsideDropped = false;
  private pending: Array<string | Uint8Array> = [];

  constructor(codec: Codec) {
    this.codec = codec;
  }

  send(frame: string | Uint8Array): 'sent' | 'buffered' | 'dropped' {
    if (this.closed !== undefined) return 'sent';
    if (this.buffered > this.bytesMax) {
      this.tellDropped(frame);
      return 'dropped';
    }
    this.drainPending();
    return this.accept(frame);
  }

  /** Published to it in this turn. */
  publish(frame: string | Uint8Array): void {
    this.pending.push(frame);
    if (this.pending.length >= 32) this.drainPending();
  }

  drainPending(): void {
    const pending = this.pending;
    this.pending = [];
    for (const frame of pending) {
      if (this.closed !== undefined) return;
      if (this.buffered > this.bytesMax) return this.tellDropped(frame);
      this.accept(frame);
    }
  }

  private accept(frame: string | Uint8Array): 'sent' | 'buffered' {
    this.frames.push(frame);
    if (this.isReading) return 'sent';
    this.buffered += frame.length;
    return 'buffered';
  }

  private tellDropped(frame: string | Uint8Array): void {
    this.isInsideDropped = true;
    this.session?.onDropped(typeof frame === 'string' ? Buffer.from(frame) : frame);
    this.isInsideDropped = false;
  }

  /** The peer reads all there is. */
  read(): void {
    this.isReading = true;
    this.buffered = 0;
    this.session?.onDrain();
  }

  subscribe(topic: string): void {
    this.mustBeOutside();
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.mustBeOutside();
    this.topics.delete(topic);
  }

  private mustBeOutside(): void {
    if (this.isInsideDropped)
      throw new Error('topics changed inside the dropped handler: this ends the process');
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  ping(): void {
    this.pings += 1;
  }

  close(code: number, reason: string): void {
    this.mustBeOutside();
    if (this.closed !== undefined) return;
    this.closed = { code, reason };
    this.session?.onClose();
  }

  cut(): void {
    this.isCut = true;
    this.close(1006, '');
  }

  /** What the client has read since the last call. */
  take(): ServerMessage[] {
    return this.takeFrames().flat();
  }

  takeFrames(): ServerMessage[][] {
    return this.frames.splice(0).map((frame) => decodeMessages(this.codec, frame) as ServerMessage[]);
  }
}

class FakeHub implements BroadcastPort {
  readonly sockets = new Set<FakeSocket>();
  /** Every publish, in order. */
  readonly published: Array<{ topic: string; frame: string | Uint8Array }> = [];

  publish(topic: string, frame: string | Uint8Array): void {
    this.published.push({ topic, frame });
    for (const socket of this.sockets) if (socket.topics.has(topic)) socket.publish(frame);
  }

  /** The end of an iteration of the event loop. */
  drain(): void {
    for (const socket of this.sockets) socket.drainPending();
  }
}

export class FrontHarness {
  now = startAt;
  readonly front: Front;
  readonly hub = new FakeHub();
  /** What shards were posted, in order. */
  readonly posted: Array<{ shard: number; message: ToShard }> = [];
  /** Shards without credits. */
  readonly full = new Set<number>();
  readonly faults: unknown[] = [];
  /** Token → what verify says. */
  readonly tokens = new Map<string, Identity | Error>();
  /** It says so at once, as of a shared secret, and not later, as of a public key. */
  isVerifiedAtOnce = false;
  private timers: Array<{ at: number; run: () => void }> = [];
  private turns: Array<() => void> = [];

  constructor(
    options: Partial<Pick<FrontDependencies, 'limits' | 'placement'>> & {
      rates?: (clock: { now(): number }) => Rates;
    } = {},
  ) {
    const clock = { now: () => this.now };
    this.front = createFront({
      number: 3,
      ports: {
        clock,
        random: { next: () => 0.5 },
        timers: { after: (ms, run) => this.after(ms, run) },
        turns: { soon: (run) => this.turns.push(run) },
      },
      broadcast: this.hub,
      placement: options.placement ?? { count: 1, shardOf: () => 0 },
      post: (shard, message) => {
        if (this.full.has(shard)) return false;
        this.posted.push({ shard, message: structuredClone(message) });
        return true;
      },
      verify: (token) =>
        this.isVerifiedAtOnce
          ? this.verify(token)
          : new Promise((resolve) => {
              resolve(this.verify(token));
            }),
      revocations: createRevocations({ clock }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.rates === undefined ? {} : { rates: options.rates(clock) }),
      onFault: (error) => this.faults.push(error),
    });
  }

  private verify(token: string): Identity {
    const result = this.tokens.get(token);
    if (result === undefined) throw new NuboError('unauthorized', 'This is not a token.');
    if (result instanceof Error) throw result;
    return result;
  }

  /** Calls `run` when the clock has moved so far. */
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  /** Runs what the turn left to its end, and what uWebSockets.js does after it. */
  endTurn(): void {
    for (const run of this.turns.splice(0)) run();
    this.hub.drain();
  }

  /** Lets promises settle, and the turns they ask for. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      this.endTurn();
    }
  }

  /** Moves the clock, running the timers on the way at their time. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
      this.endTurn();
    }
    this.now = until;
  }

  /** A token for the user; its name is the token. */
  token(user: string, more: Partial<Identity> = {}): string {
    const token = `token-${this.tokens.size + 1}`;
    this.tokens.set(token, {
      user,
      session: `session-of-${user}`,
      issuedAt: startAt - 1000,
      expiresAt: startAt + 3_600_000,
      rate: 'standard',
      ...more,
    });
    return token;
  }

  /** A socket; with a token it authenticates by header. */
  connect(options: { codec?: Codec; token?: string } = {}): FakeClient {
    const socket = new FakeSocket(options.codec ?? 'msgpack');
    this.hub.sockets.add(socket);
    socket.session = this.front.openSession(socket, socket.codec);
    if (options.token !== undefined) socket.session.authenticate(options.token);
    return new FakeClient(socket, socket.session);
  }

  /** A live socket of the user, its hello already read. */
  async live(user: string, options: { codec?: Codec } = {}): Promise<FakeClient> {
    const client = this.connect({ ...options, token: this.token(user) });
    await this.settle();
    client.socket.frames.length = 0;
    return client;
  }

  /** What was posted since the last call, but for what every front says of who is there. */
  takePosted(): ToShard[] {
    return this.takeAllPosted().filter(({ kind }) => kind !== 'present');
  }

  takeAllPosted(): ToShard[] {
    return this.posted.splice(0).map(({ message }) => message);
  }

  /** The last request of this kind, with its number. */
  request<Kind extends ToShard['kind']>(kind: Kind): Extract<ToShard, { kind: Kind; request: number }> {
    const found = this.posted.findLast(({ message }) => message.kind === kind)?.message;
    if (found === undefined) throw new Error(`no ${kind} was posted`);
    return found as Extract<ToShard, { kind: Kind; request: number }>;
  }

  answer(...messages: ToFront[]): void {
    this.front.onShardMessages(0, structuredClone(messages));
  }

  /** Subscribes the client and answers with head and backlog; what it was told is read. */
  subscribe(client: FakeClient, conv: string, head: number): void {
    client.send({ op: 'subscribe', ref: 9_000, conv });
    const { request } = this.request('subscribe');
    this.answer({ kind: 'subscribed', request, conv, head, backlog: { kind: 'none' } });
    this.endTurn();
    client.socket.frames.length = 0;
  }
}

export class FakeClient {
  readonly socket: FakeSocket;
  readonly session: Session;

  constructor(socket: FakeSocket, session: Session) {
    this.socket = socket;
    this.session = session;
  }

  send(...operations: Operation[]): void {
    this.raw(encodeOperations(this.socket.codec, operations));
  }

  raw(frame: string | Uint8Array): void {
    this.session.onFrame(typeof frame === 'string' ? Buffer.from(frame) : frame);
  }

  /** What it was told since the last call. */
  heard(): ServerMessage[] {
    return this.socket.take();
  }

  seqs(): number[] {
    return this.heard().flatMap((message) =>
      'seq' in message && 'ev' in message ? [message.seq as number] : [],
    );
  }
}

export function isAck(message: ServerMessage): message is Ack {
  return 'ack' in message;
}

export function isError(message: ServerMessage): message is WireError {
  return 'err' in message;
}

export function messageEvent(conv: string, seq: number, text = `text ${seq}`): LogEvent {
  return {
    ev: 'message.new',
    conv,
    seq,
    number: seq,
    id: testId(seq),
    from: testId(0xaa),
    at: startAt,
    text,
  };
}
