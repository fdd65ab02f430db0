/**
 * One WebSocket client: connecting → authenticating → live → closing. What it asks is in perform.ts, what it hears
 * comes from Topics; here are its states, its outbox and its end.
 *
 * Frames arrive in onFrame, answers of shards between turns; both gather in the outbox, which leaves as one frame
 * at the end of the turn (W7).
 */
import type { Identity } from '../people/identity.js';
import type { Refusal } from '../threads/messages.js';
import { encodeMessages } from '../wire/codec.js';
import { type CloseName, closeCodes } from '../wire/codes.js';
import type { ServerMessage } from '../wire/events.js';
import { wireLimits } from '../wire/limits.js';
import type { Operation } from '../wire/operations.js';
import type { Codec } from '../wire/prescan.js';
import { fullAllowance, refill } from './allowance.js';
import { authenticate, authenticateAtOnce, renew } from './authentication.js';
import { countOf, type Few, hasItem, itemsOf, withItem, withoutItem } from './few.js';
import type { SessionHost } from './host.js';
import { takeFrame } from './incoming.js';
import { Outbox } from './outbox.js';
import { perform } from './perform.js';
import type { SocketPort } from './ports.js';
import type { SocketStatus } from './presence.js';
import { type Live, liveAs, mayEnter, type SessionState } from './session-state.js';
import type { Backlogged } from './slow.js';
import type { SubscribeRequest } from './socket-requests.js';
import { msOfTick, tickFrom } from './ticks.js';
import { type Topic, topicName, wereGivenFramesSince } from './topic.js';
import { wireErrorOf } from './wire-error.js';

export interface SessionOptions {
  readonly id: string;
  readonly codec: Codec;
}

export class Session {
  readonly codec: Codec;
  readonly socket: SocketPort;
  readonly host: SessionHost;
  private joined: Few<Topic>;
  /** Subscriptions that wait for a shard. */
  subscribing: Few<SubscribeRequest>;
  /** Operations that wait for a shard. */
  requestsOpen = 0;
  backlogged: Backlogged | undefined;
  /** Changed by enter only. */
  state: SessionState;
  /** What this turn has to tell; nothing for a socket that rests. */
  private outbox: Outbox | undefined;
  /** It left its ephemeral topics, since it is behind. */
  private isSparse = false;
  /** How it counts for its user's presence. Changed by count only. */
  status: SocketStatus = 'online';
  /** Ticks. */
  private actedAt: number;
  aliveAt: number;
  private pingedAt: number;
  /** What it may still ask for; see allowance.ts. */
  allowance: number;

  constructor(host: SessionHost, socket: SocketPort, options: SessionOptions) {
    this.host = host;
    this.socket = socket;
    this.codec = options.codec;
    const now = host.clock.now();
    this.aliveAt = tickFrom(now);
    this.pingedAt = this.aliveAt;
    this.actedAt = this.aliveAt;
    this.allowance = fullAllowance(host.limits);
    this.state = { name: 'connecting', id: options.id, deadlineAt: now + wireLimits.authenticateMs };
  }

  /** With the token of the upgrade, if it brought one; before any frame. */
  authenticate(token: string): void {
    authenticateAtOnce(this, token);
  }

  enter(state: SessionState): void {
    const from = this.state.name;
    if (!mayEnter(from, state.name)) throw new Error(`a session cannot go from ${from} to ${state.name}`);
    this.state = state;
  }

  /** Who it is; undefined until it is live. */
  get live(): Live | undefined {
    return this.state.name === 'live' ? this.state : undefined;
  }

  get user(): string | undefined {
    return this.live?.user;
  }

  /** Those it takes part in, as they are now. */
  get topics(): readonly Topic[] {
    return itemsOf(this.joined);
  }

  hasTopic(topic: Topic): boolean {
    return hasItem(this.joined, topic);
  }

  /** It takes part and keeps up, so that it hears what is ephemeral as well. */
  hears(topic: Topic): boolean {
    return !this.isBehind && this.hasTopic(topic);
  }

  /** Those it takes part in, and those it waits for. */
  get topicsAsked(): number {
    return countOf(this.joined) + countOf(this.subscribing);
  }

  get isClosing(): boolean {
    return this.state.name === 'closing';
  }

  /** It does not keep up with what it is sent. */
  get isBehind(): boolean {
    return this.isSparse || this.backlogged !== undefined;
  }

  /** Bytes that wait for this socket, here and below. */
  get waitingBytes(): number {
    return (this.outbox?.bytes ?? 0) + this.socket.bufferedBytes();
  }

  /** One frame of the client. The bytes may be gone when this returns. */
  onFrame(frame: Uint8Array): void {
    if (this.isClosing) return;
    this.heard();
    takeFrame(this, frame);
    this.flush();
  }

  /** The peer lives: a frame, a ping or a pong. */
  heard(): void {
    const tick = tickFrom(this.host.clock.now());
    if (tick > this.aliveAt) refill(this, tick - this.aliveAt, this.host.limits);
    this.aliveAt = tick;
  }

  /** Somebody is there: who was only idle is back (E2). */
  private acted(): void {
    this.actedAt = this.aliveAt;
    if (this.status === 'idle') this.count('online');
  }

  count(status: SocketStatus): void {
    const { user } = this;
    if (status === this.status || user === undefined) return;
    this.status = status;
    this.host.presence.changed(user);
  }

  take(operation: Operation): void {
    const { state } = this;
    switch (state.name) {
      case 'connecting':
        if (operation.op === 'auth') authenticate(this, operation);
        else this.refuse(operation.ref, { code: 'unauthorized', message: 'Send auth first.' });
        return;
      case 'authenticating':
        if (state.waiting.length < this.host.limits.waitingOperationsMax) state.waiting.push(operation);
        else this.refuse(operation.ref, this.overloaded('Too many operations before authentication.'));
        return;
      case 'live':
        this.host.counters.operations[operation.op] += 1;
        if (operation.op !== 'ping' && operation.op !== 'auth') this.acted();
        if (operation.op === 'auth') renew(this, operation);
        else if (this.mayAsk(state, operation)) perform(this, state, operation);
        return;
      case 'closing':
        return;
    }
  }

  /** Asking for anything costs a token of the guard, so that no user can keep a shard from the others (L5). */
  private mayAsk({ user, rate }: Live, operation: Operation): boolean {
    if (operation.op === 'ping' || operation.op === 'unsubscribe') return true;
    this.host.counters.ratesEvaluated += 1;
    const retryMs = this.host.rates?.take(user, rate) ?? 0;
    if (retryMs === 0) return true;
    this.refuse(operation.ref, { code: 'rate_limited', message: 'You ask for too much at once.', retryMs });
    return false;
  }

  /** The one place where it comes to life; authentication.ts decides. */
  enterLive(
    identity: Identity,
    { id, waiting = [] }: { readonly id: string; readonly waiting?: readonly Operation[] },
    ref: number | undefined,
  ): void {
    this.enter(liveAs(identity));
    this.host.entered(this, identity.user);
    this.tell({
      ev: 'hello',
      session: identity.session ?? id,
      user: identity.user,
      at: this.host.clock.now(),
      heartbeatMs: wireLimits.heartbeatMs,
      limits: wireLimits,
    });
    if (ref !== undefined) this.tell({ ack: ref });
    for (const operation of waiting) this.take(operation);
    this.flush();
  }

  /** Puts a message into the outbox. `bytes`: about what it weighs, when it carries events. */
  tell(message: ServerMessage, bytes?: number): void {
    if (this.isClosing) return;
    if (this.outbox === undefined) {
      this.outbox = new Outbox(this.host.limits.directFrameBytes);
      this.host.markDirty(this);
    }
    this.outbox.push(message, bytes);
  }

  /** What a query found; it weighs about what it has as JSON. */
  tellResult(ref: number, result: object): void {
    this.tell({ ack: ref, result: result as Record<string, unknown> }, JSON.stringify(result).length);
  }

  /** `ref` null: about a frame or a token; undefined: an operation that wants no answer. */
  refuse(ref: number | null | undefined, refusal: Refusal): void {
    this.host.counters.countRefused(refusal.code);
    if (ref !== undefined) this.tell(wireErrorOf(ref, refusal));
  }

  overloaded(message: string): Refusal {
    return { code: 'overloaded', message, retryMs: this.host.limits.overloadedRetryMs };
  }

  /** Sends what is in the outbox, or keeps it a while for one who is behind. Lost, it would be silence: it ends the socket (W15). */
  flush(): void {
    const { outbox } = this;
    if (outbox === undefined || this.isClosing || this.host.slow.mustWait(this, outbox.bytes)) return;
    this.outbox = undefined;
    outbox.drain(this);
  }

  /** false: no more can be sent. */
  sendFrame(messages: readonly ServerMessage[]): boolean {
    const frame = encodeMessages(this.codec, messages);
    this.host.counters.framesOut += 1;
    this.host.counters.bytesOut += frame.length;
    const result = this.socket.send(frame);
    if (result === 'sent') return true;
    if (result === 'dropped') {
      this.close('slow');
      return false;
    }
    this.checkBuffer();
    return true;
  }

  /** Takes part in the topic: from now on its events arrive, or what is missing is told. */
  attach(topic: Topic): void {
    if (this.hasTopic(topic)) return;
    this.joined = withItem(this.joined, topic);
    this.host.topics.join(this, topic);
    if (this.backlogged === undefined) this.hear(topic);
  }

  /** false: it did not take part. */
  leave(topic: Topic): boolean {
    if (!this.hasTopic(topic)) return false;
    this.joined = withoutItem(this.joined, topic);
    this.backlogged?.haves?.delete(topic);
    this.stopHearing(topic);
    this.host.topics.leave(this, topic);
    return true;
  }

  hear(topic: Topic): void {
    if (this.isSparse) topic.sparse = withItem(topic.sparse, this);
    this.socket.subscribe(topicName(this.codec, topic.conv, this.isSparse ? 'sparse' : 'whole'));
  }

  stopHearing(topic: Topic): void {
    const kind = hasItem(topic.sparse, this) ? 'sparse' : 'whole';
    topic.sparse = withoutItem(topic.sparse, this);
    this.socket.unsubscribe(topicName(this.codec, topic.conv, kind));
  }

  /** Of the `dropped` handler: only takes note. */
  onDropped(frame: Uint8Array): void {
    if (this.isClosing) return;
    this.host.slow.note(this, frame, this.host.clock.now());
    this.host.schedule();
  }

  /** Of the `drain` handler. */
  onDrain(): void {
    if (this.state.name === 'closing') this.sayFarewell();
    else if (this.backlogged !== undefined || this.isSparse) this.host.drained(this);
  }

  /** The socket may have room again: it hears everything, or stays as it is. */
  recover(): void {
    this.flush();
    if (this.isClosing || this.socket.bufferedBytes() > this.host.limits.softBufferBytes / 2) return;
    if (this.backlogged === undefined) return this.hearAs('whole');
    this.isSparse = false;
    this.host.slow.rejoin(this);
  }

  /** First rung of the ladder: what is behind loses typing before it loses messages (P8, W15). */
  private checkBuffer(): void {
    if (this.isSparse || this.socket.bufferedBytes() <= this.host.limits.softBufferBytes) return;
    if (this.backlogged === undefined) this.hearAs('sparse');
    else this.isSparse = true;
  }

  private hearAs(kind: 'whole' | 'sparse'): void {
    for (const topic of this.topics) this.stopHearing(topic);
    this.isSparse = kind === 'sparse';
    for (const topic of this.topics) this.hear(topic);
  }

  /** Looks at everything that has a time; called for every session, twice a second. `lastTurn`: of the last sweep. */
  sweep(now: number, lastTurn: number): void {
    const { state } = this;
    switch (state.name) {
      case 'connecting':
      case 'authenticating':
        if (now >= state.deadlineAt) this.close('not_authenticated');
        return;
      case 'live':
        if (now >= msOfTick(state.expiresAt)) this.close('token_expired');
        else if (now - msOfTick(this.aliveAt) >= 2 * wireLimits.heartbeatMs) this.close('idle');
        else this.sweepLive(now, lastTurn);
        return;
      case 'closing':
        if (state.farewell === undefined) return;
        if (now >= state.cutAt) this.socket.cut();
        else this.sayFarewell();
        return;
    }
  }

  private sweepLive(now: number, lastTurn: number): void {
    if (this.status === 'online' && now - msOfTick(this.actedAt) >= this.host.limits.awayMs)
      this.count('idle');
    if (now - msOfTick(Math.max(this.aliveAt, this.pingedAt)) >= wireLimits.heartbeatMs) {
      this.pingedAt = tickFrom(now);
      this.socket.ping();
    }
    if (this.host.slow.isGivenUp(this, now)) this.close('slow');
    else if (this.backlogged !== undefined || this.isSparse) this.recover();
    // Asking a socket for its buffer costs a microsecond: not for thousands that rest.
    else if (wereGivenFramesSince(this.topics, lastTurn)) this.checkBuffer();
  }

  /** Tells what is in the outbox, then says goodbye. `reason` is sent; by default the code's name. */
  close(name: CloseName, reason: string = name): void {
    if (this.isClosing) return;
    if (name !== 'slow') this.flush();
    if (this.isClosing) return;
    this.host.counters.connectionsClosed[name] += 1;
    const hasRoom = this.socket.bufferedBytes() <= this.host.limits.bufferBytesMax;
    this.end(hasRoom ? undefined : name);
    if (hasRoom) this.socket.close(closeCodes[name].code, reason);
  }

  /** The connection is gone, whoever ended it. */
  onClose(): void {
    if (!this.isClosing) {
      this.host.counters.connectionsClosed.gone += 1;
      this.end(undefined);
    }
    this.host.removed(this);
  }

  private end(farewell: CloseName | undefined): void {
    const { user } = this;
    this.enter({ name: 'closing', farewell, cutAt: this.host.clock.now() + this.host.limits.closeMs });
    this.outbox = undefined;
    for (const topic of this.topics) this.leave(topic);
    if (user !== undefined) this.host.left(this, user);
  }

  /** A close frame counts as any other: over the limit it would be dropped, and the client would not know why. */
  private sayFarewell(): void {
    if (this.state.name !== 'closing' || this.state.farewell === undefined) return;
    if (this.socket.bufferedBytes() > this.host.limits.bufferBytesMax) return;
    const name = this.state.farewell;
    this.enter({ ...this.state, farewell: undefined });
    this.socket.close(closeCodes[name].code, name);
  }
}
