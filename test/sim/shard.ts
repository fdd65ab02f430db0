/** One simulated shard thread: the real core, publisher and links over simulated ports, and the ways it can fail. */
import type { ConversationMessage } from '#actors/messages.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import type { Actor } from '#src/runtime/actor.js';
import type { LogStore } from '#src/storage/ports.js';
import { createLink, type Link, type LinkPort } from '#src/threads/link.js';
import type { Acks, ConversationRequest, ToFront, ToShard } from '#src/threads/messages.js';
import { createPublisher } from '#src/threads/publisher.js';
import { Stirs } from '#src/threads/stirs.js';
import { SimChanges } from '#test/support/sim-changes.js';
import type { Simulation } from '#test/support/sim-clock.js';
import type { SimDatabase } from '#test/support/sim-database.js';
import type { StoreCounts, StoreFaults } from '#test/support/sim-faults.js';
import type { Draws } from '#test/support/sim-random.js';
import { SimStore } from '#test/support/sim-store.js';
import { SimThread } from '#test/support/sim-thread.js';
import { SimTier, type SimTierStore, type TierFaults } from '#test/support/sim-tier.js';
import { createShardCore, type ShardCore, type ShardCoreOptions } from '#workers/shard-core.js';
import type { Planting } from './plants.js';
import { SimServices } from './services.js';
import type { Totals } from './totals.js';
import type { Witness } from './witness.js';

export interface ShardHost {
  readonly seed: number;
  readonly simulation: Simulation;
  readonly database: SimDatabase;
  readonly witness: Witness;
  readonly counts: StoreCounts;
  readonly planting: Planting;
  readonly totals: Totals;
  readonly isImpatient: boolean;
  /** Fastest first. */
  readonly tiers: readonly SimTierStore[];
  tierFaults(): TierFaults;
  readonly frontCount: number;
  now(): number;
  faults(): StoreFaults;
  /** The thread asked to end, or threw: `bug` when nobody had injected that. */
  onShardEnd(shard: SimShard, reason: string, isBug: boolean): void;
}

type FrontLink = Link<ToFront, ToShard>;

/** Small, so that running out of credits is a part of every run (A9). */
const linkLimits = { creditItemsMax: 256, creditBytesMax: 256 * 1024 };
/** In every other world most people write faster than they may. */
const rates = [
  { standard: { perSecond: 25, burst: 15 }, high: { perSecond: 2000, burst: 1000 } },
  { standard: { perSecond: 200, burst: 100 }, high: { perSecond: 2000, burst: 1000 } },
] as const;

/** An injected crash says so, to be told from a bug. */
class InjectedError extends Error {}

export class SimShard {
  readonly index: number;
  readonly thread: SimThread;
  /** Crashes still to come: of whichever conversation handles a message next, of the writer at its next batch. */
  actorCrashes = 0;
  writerCrash: 'none' | 'before' | 'after' = 'none';
  private readonly host: ShardHost;
  private readonly random: Draws;
  private readonly links = new Map<number, FrontLink>();
  private readonly store: SimStore;
  private readonly publisher;
  private readonly stirs: Stirs;
  private readonly services: SimServices;
  private readonly core: ShardCore;
  /** Requests by front and number, for the witness. */
  private readonly asked = new Map<number, ConversationRequest>();
  private hasInjected = false;

  constructor(host: ShardHost, index: number, random: Draws) {
    this.host = host;
    this.index = index;
    this.random = random;
    const { simulation, database, counts, isImpatient } = host;
    this.thread = new SimThread(simulation, host.now, (error) => this.onThrow(error));
    const faults = () => host.faults();
    this.store = new SimStore({
      ...{ shard: index, database, simulation, random, faults, counts, isImpatient },
      thread: this.thread,
    });
    this.publisher = createPublisher({ posts: (front) => this.postOf(front) });
    this.stirs = new Stirs((front) => this.postOf(front));
    this.core = createShardCore({
      ports: this.thread.ports,
      store: this.crashing(host.planting.store(this.store)),
      publisher: this.publisher,
      stirs: this.stirs,
      rates: rates[host.seed % 2 === 0 ? 0 : 1],
      fronts: () => [...this.links.keys()],
      frontCount: host.frontCount,
      post: (front, message) => void this.postOf(front)?.postOrQueue(message),
      fatal: (reason, message) => this.host.onShardEnd(this, `${reason}: ${message}`, this.isBug(reason)),
      wrapConversation: (actor) => this.crashingActor(actor),
      onBatch: () => this.crashWriter('after'),
      ...this.tiers(),
    });
    this.services = new SimServices({
      ...{ core: this.core, database },
      post: (front, message) => void this.postOf(front)?.postOrQueue(message),
    });
  }

  /** Redis and Mongo, as this thread reaches them. */
  private tiers(): Pick<ShardCoreOptions, 'tiers' | 'mirrors' | 'onTierRead' | 'horizon' | 'onSnapshotLoad'> {
    const { host, random, thread } = this;
    const { simulation, database, totals } = host;
    const tiers = host.tiers.map((store) =>
      host.planting.mirror(
        new SimTier({ ...{ store, simulation, random, thread }, faults: () => host.tierFaults() }),
      ),
    );
    const log = new SimChanges({
      ...{ shard: this.index, database, simulation, random, thread },
      failures: () => host.tierFaults().before,
    });
    return {
      tiers,
      horizon: () => 0,
      onTierRead: (_tier, result) => {
        if (result === 'hit') totals.tierHits += 1;
        else if (result === 'miss') totals.tierMisses += 1;
        else totals.tierFailures += 1;
      },
      onSnapshotLoad: (result) => {
        if (result === 'hit') totals.snapshotsUsed += 1;
        else if (result === 'unusable') totals.snapshotsUnusable += 1;
      },
      mirrors: {
        ...{ mirrors: tiers, log: host.planting.changes(log), others: [] },
        changesOf: changesOfEvents,
        onReport: (_tier, _source, report) => {
          if (report.kind === 'lost') totals.mirrorsLost += 1;
          if (report.kind !== 'applied') return;
          totals.mirrorSteps += 1;
          if (report.way === 'repair') totals.mirrorRepairs += 1;
          if (report.way === 'refill') totals.mirrorRefills += 1;
        },
      },
    };
  }

  link(front: number, port: LinkPort): void {
    this.unlink(front);
    const link = createLink<ToFront, ToShard>({ port, turns: this.thread.ports.turns, limits: linkLimits });
    this.links.set(front, link);
    link.onMessages((messages) => {
      for (const message of messages) this.onMessage(front, message);
    });
  }

  unlink(front: number): void {
    this.links.get(front)?.close();
    this.links.delete(front);
    this.publisher.frontGone(front);
    this.stirs.unfollow(front);
  }

  kill(): void {
    this.thread.kill();
    this.store.abandon();
  }

  get conversationCount(): number {
    return this.core.stats().actorsByKind.conversation ?? 0;
  }

  private onMessage(front: number, message: ToShard): void {
    switch (message.kind) {
      case 'unregister':
        return this.publisher.unregister(message.front, message.conv);
      case 'call':
        return this.services.take(message);
      case 'follow':
        return this.stirs.follow(message.front);
      case 'unfollow':
        return this.stirs.unfollow(message.front);
      case 'present':
      case 'watch':
      case 'unwatch':
        return this.core.onRequest(message);
      default:
        break;
    }
    if ('request' in message) this.asked.set(message.request, message);
    const planted = message.kind === 'recollection' ? undefined : this.host.planting.answer(message);
    if (planted !== undefined) this.postOf(front)?.postOrQueue(planted);
    else this.core.onRequest(message);
  }

  /** The link to a front, with the witness at its door. */
  private postOf(front: number): Pick<FrontLink, 'post' | 'postOrQueue' | 'onCredit'> | undefined {
    const link = this.links.get(front);
    if (link === undefined) return undefined;
    const passes = (message: ToFront): boolean => {
      if (message.kind === 'acks') this.witnessAcks(message);
      const asked = 'request' in message ? this.asked.get(message.request) : undefined;
      this.host.witness.hear(message, asked);
      return this.host.planting.toFront(message) !== undefined;
    };
    return {
      post: (message, bytes) => !passes(message) || link.post(message, bytes),
      postOrQueue: (message, bytes) => !passes(message) || link.postOrQueue(message, bytes),
      onCredit: (run) => link.onCredit(run),
    };
  }

  private witnessAcks({ requests, seqs, at }: Acks): void {
    requests.forEach((request, place) => {
      const asked = this.asked.get(request);
      const { id, conv } = asked !== undefined && 'id' in asked ? asked : { id: '', conv: '' };
      this.host.witness.hear({ kind: 'ack', request, id, seq: seqs[place] ?? 0, at, conv }, asked);
    });
  }

  private crashing(store: LogStore): LogStore {
    const write: LogStore['write'] = (batch, done) => {
      store.write(batch, done);
      this.crashWriter('before');
    };
    return new Proxy(store, { get: (target, name) => (name === 'write' ? write : bound(target, name)) });
  }

  private crashWriter(when: 'before' | 'after'): void {
    if (this.writerCrash !== when) return;
    this.writerCrash = 'none';
    this.host.totals.writerCrashes += 1;
    this.inject();
  }

  private crashingActor(actor: Actor<ConversationMessage>): Actor<ConversationMessage> {
    return {
      receive: (message) => {
        const isBefore = this.random.chance(0.5);
        if (this.actorCrashes > 0 && isBefore) this.crashActor();
        actor.receive(message);
        if (this.actorCrashes > 0) this.crashActor();
      },
      endTurn: () => actor.endTurn?.(),
      mayPassivate: () => actor.mayPassivate?.() ?? false,
      dropped: (reason) => actor.dropped?.(reason),
    };
  }

  private crashActor(): void {
    this.actorCrashes -= 1;
    this.host.totals.actorCrashes += 1;
    throw new InjectedError('injected');
  }

  private inject(): never {
    this.hasInjected = true;
    throw new InjectedError('injected');
  }

  private onThrow(error: unknown): void {
    this.host.onShardEnd(this, String(error), !(error instanceof InjectedError));
  }

  /** The writer dies with its thread when a crash was injected into it; it has no other reason to. */
  private isBug(reason: 'fenced' | 'broken' | 'crashed'): boolean {
    return reason === 'broken' || (reason === 'crashed' && !this.hasInjected);
  }
}

function bound(target: LogStore, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}
