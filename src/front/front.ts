/**
 * The front: sockets and HTTP in, requests to shards out; no business rules. This is the core without
 * uWebSockets.js, threads and timers of its own: the shell around it is server.ts, and a simulation runs it as it is.
 *
 * Work gathers during a turn and is done at its end: slow sockets leave or return, events are published, outboxes
 * are sent. Events go before outboxes, so that a socket that gets both gets them in one packet.
 */
import { NuboError, refusalOf } from '../errors.js';
import type { Identity } from '../people/identity.js';
import { revokes } from '../people/revocations.js';
import type { Rates } from '../rates.js';
import type { AckResult, Refusal, Revocation, ToFront } from '../threads/messages.js';
import type { ServiceName, Services } from '../threads/services.js';
import type { Codec } from '../wire/prescan.js';
import { Calls, type Question, RefusedError } from './calls.js';
import type { Front, FrontDependencies, FrontStats } from './contract.js';
import { FrontCounters } from './counters.js';
import { drainSessions } from './drain.js';
import { Following } from './following.js';
import { Gate } from './gate.js';
import type { SessionHost } from './host.js';
import { checkedLimits, type FrontLimits, frontLimits } from './limits.js';
import type { SocketPort } from './ports.js';
import { UserPresence } from './presence.js';
import { Rechecks } from './rechecks.js';
import { Refusals } from './refusals.js';
import { Requests } from './requests.js';
import { Session } from './session.js';
import { Sessions } from './sessions.js';
import { Shards } from './shards.js';
import { SlowReaders } from './slow.js';
import { Topics } from './topics.js';
import { Watches } from './watches.js';

export type { Front, FrontDependencies } from './contract.js';

export function createFront(dependencies: FrontDependencies): Front {
  return new FrontCore(dependencies);
}

class FrontCore implements Front, SessionHost {
  readonly counters = new FrontCounters();
  readonly limits: FrontLimits;
  readonly clock;
  readonly shards: Shards;
  readonly requests: Requests;
  readonly topics: Topics;
  readonly slow: SlowReaders;
  readonly number: number;
  readonly presence: UserPresence;
  readonly watches: Watches;
  readonly following: Following;
  readonly rates: Rates | undefined;
  readonly stopwatch: () => number;
  isDraining = false;
  private readonly dependencies: FrontDependencies;
  private readonly gate: Gate;
  private readonly calls: Calls;
  private readonly rechecks: Rechecks;
  private readonly refusals: Refusals;
  private readonly sessions = new Sessions();
  private dirtySessions: Session[] = [];
  private drainedSessions: Session[] = [];
  private isScheduled = false;
  private turns = 0;
  private turnOfSweep = 0;
  private socketCounter = 0;
  private cancelSweep: () => void;

  constructor(dependencies: FrontDependencies) {
    const { number, ports, broadcast, placement, post, verify, revocations } = dependencies;
    this.dependencies = dependencies;
    this.number = number;
    this.rates = dependencies.rates;
    this.limits = checkedLimits({ ...frontLimits, ...dependencies.limits });
    this.clock = ports.clock;
    this.stopwatch = dependencies.stopwatch ?? (() => ports.clock.now() / 1000);
    this.shards = new Shards(placement, post, this.limits);
    this.requests = new Requests(number, this.limits.unavailableRetryMs, ports.random.next());
    this.refusals = new Refusals(number, ports.clock);
    this.calls = new Calls(this.requests, this.shards, ports.timers, this.limits);
    this.topics = new Topics({
      number,
      shards: this.shards,
      broadcast,
      limits: this.limits,
      counters: this.counters,
      clock: ports.clock,
      turn: () => this.turns,
      schedule: () => this.schedule(),
      settleSlow: () => this.slow.settle(),
      sessionsOf: (user) => this.sessions.of(user),
      recheckMembers: (topic) => {
        this.rechecks.add(topic);
        this.rechecks.pump(this.limits.rechecksPerSweep);
      },
      evicted: (topic, user) => this.following.onEvicted(topic, user),
      came: (conv, user, seq) => this.following.onCame(conv, user, seq),
    });
    this.following = new Following(this);
    this.presence = new UserPresence({
      ...{ number, shards: this.shards },
      sessionsOf: (user) => this.sessions.of(user),
      users: () => this.sessions.liveUsers(),
    });
    this.watches = new Watches(this);
    this.slow = new SlowReaders(this.topics, this.counters, () => this.turns);
    this.rechecks = new Rechecks({
      requests: this.requests,
      shards: this.shards,
      topics: this.topics,
      sessions: this.sessions,
    });
    this.gate = new Gate({
      verify,
      isRevoked: (identity) => revocations.isRevoked(identity),
      appear: (identity) => this.appear(identity),
      knownUsersMax: this.limits.knownUsersMax,
    });
    this.cancelSweep = ports.timers.after(this.limits.sweepMs, () => this.sweep());
  }

  get shardCount(): number {
    return this.shards.count;
  }

  shardOf(id: string): number {
    return this.shards.of(id);
  }

  onShardMessages(shard: number, messages: readonly ToFront[]): void {
    for (const message of messages) this.onShardMessage(shard, message);
  }

  private onShardMessage(shard: number, message: ToFront): void {
    switch (message.kind) {
      case 'ack':
      case 'err':
      case 'answer':
      case 'subscribed':
        return this.requests.settle(message);
      case 'acks':
        return this.requests.settleAll(message);
      case 'publish':
        return this.topics.publish(message.conv, message.events);
      case 'missed':
        return this.topics.onMissed(message);
      case 'ephemeral':
        return this.topics.ephemeral(message.conv, message.event, message.at, message.to);
      case 'notify':
        for (const session of this.sessions.of(message.user)) session.tell(message.event);
        return;
      case 'stirred':
        return this.following.onStirred(message);
      case 'unsure':
        return this.following.onUnsure();
      case 'presences':
        return this.watches.onPresences(message.presences);
      case 'presence lost':
        return this.tellPresence(shard);
      case 'hidden':
        return this.watches.hide(message.user, this.sessions.of(message.from));
      case 'revoked':
        return this.onRevoked(message.revocation);
      case 'refused':
        return this.refusals.remember(shard, message.refused);
    }
  }

  /** Live sockets end at once; those that authenticate now are looked at again when they are done (H5). */
  private onRevoked(revocation: Revocation): void {
    this.dependencies.revocations.apply(revocation);
    const { subject, value } = revocation;
    for (const session of subject === 'user' ? this.sessions.of(value) : this.sessions.all()) {
      if (session.live !== undefined && revokes(revocation, session.live)) session.close('session_ended');
    }
  }

  shardGone(shard: number): void {
    this.shards.left(shard);
    this.requests.shardGone(shard);
    this.topics.shardGone(shard);
    this.following.shardGone(shard);
  }

  shardBack(shard: number): void {
    this.shards.back(shard);
    // Before any operation: the shard takes none until it knows what was refused (P7).
    for (const message of this.refusals.recollections(shard)) this.shards.post(shard, message);
    this.topics.shardBack(shard);
    this.following.shardBack(shard);
    this.tellPresence(shard);
  }

  /** The shard knows nothing of who is here, and of whom they watch (E5). */
  private tellPresence(shard: number): void {
    this.presence.tellAll(shard);
    this.watches.tellAll(shard);
  }

  openSession(socket: SocketPort, codec: Codec): Session {
    this.socketCounter += 1;
    this.counters.connectionsOpened += 1;
    const id = `${this.dependencies.number}-${this.socketCounter}`;
    const session = new Session(this, socket, { id, codec });
    this.sessions.add(session);
    return session;
  }

  authenticate(token: string): Identity | Promise<Identity> {
    return this.gate.authenticate(token);
  }

  isRevoked(identity: Identity): boolean {
    return this.dependencies.revocations.isRevoked(identity);
  }

  private async appear(identity: Identity): Promise<void> {
    if (identity.subject === undefined) return;
    await this.calls.call(this.shards.of(identity.user), 'people.appear', identity.subject);
  }

  ask(question: Question): Promise<AckResult> {
    return this.calls.ask(question);
  }

  call<Name extends ServiceName>(
    shard: number,
    service: Name,
    input: Services[Name]['input'],
  ): Promise<Services[Name]['output']> {
    return this.calls.call(shard, service, input);
  }

  refusalOf(error: unknown): Refusal {
    if (error instanceof RefusedError) return error.refusal;
    if (error instanceof NuboError) return refusalOf(error);
    this.dependencies.onFault?.(error);
    return {
      code: 'internal',
      message: 'A bug of the server; the outcome is unknown.',
      retryMs: this.limits.unavailableRetryMs,
    };
  }

  stats(): FrontStats {
    return {
      sessions: this.sessions.size,
      users: this.sessions.users,
      topics: this.topics.size,
      requests: this.requests.size,
    };
  }

  schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.dependencies.ports.turns.soon(this.endTurn);
  }

  markDirty(session: Session): void {
    this.dirtySessions.push(session);
    this.schedule();
  }

  drained(session: Session): void {
    this.drainedSessions.push(session);
    this.schedule();
  }

  private readonly endTurn = (): void => {
    this.isScheduled = false;
    this.slow.settle();
    if (this.drainedSessions.length > 0) {
      const drained = this.drainedSessions;
      this.drainedSessions = [];
      for (const session of drained) session.recover();
    }
    this.topics.endTurn();
    const dirty = this.dirtySessions;
    this.dirtySessions = [];
    for (const session of dirty) session.flush();
    this.slow.settle();
    this.turns += 1;
  };

  private sweep(): void {
    const now = this.clock.now();
    this.sessions.forEach((session) => {
      session.sweep(now, this.turnOfSweep);
    });
    this.rates?.forget(now);
    this.turnOfSweep = this.turns;
    this.topics.sweep();
    this.following.sweep();
    this.presence.sweep();
    this.watches.sweep();
    this.rechecks.pump(this.limits.rechecksPerSweep);
    this.cancelSweep = this.dependencies.ports.timers.after(this.limits.sweepMs, () => this.sweep());
  }

  entered(session: Session, user: string): void {
    this.sessions.entered(session, user);
    this.presence.changed(user);
  }

  left(session: Session, user: string): void {
    this.sessions.left(session, user);
    this.presence.changed(user);
    this.watches.remove(session);
    this.following.remove(session);
  }

  removed(session: Session): void {
    this.sessions.remove(session);
  }

  drain(windowMs: number): Promise<void> {
    this.isDraining = true;
    return drainSessions({ sessions: this.sessions, windowMs, ports: this.dependencies.ports });
  }

  stop(): void {
    this.cancelSweep();
  }
}
