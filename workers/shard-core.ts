/**
 * The inside of a shard thread: its actors, wired to ports. No thread, no driver: the same assembly runs under the
 * simulator. `shard.ts` gives it real ones.
 */
import { Answered } from '#actors/conversation/answered.js';
import { Conversation } from '#actors/conversation/conversation.js';
import type { ConversationPorts } from '#actors/conversation/ports.js';
import type { ConversationMessage, WriterMessage } from '#actors/messages.js';
import type { WriterPorts } from '#actors/postgres-writer/ports.js';
import { PostgresWriter } from '#actors/postgres-writer/postgres-writer.js';
import type { PresenceMessage } from '#actors/presence/ports.js';
import { Rates } from '#src/rates.js';
import type { Actor, ActorKind, ActorStats, ActorSystem } from '#src/runtime/actor.js';
import type { RuntimePorts } from '#src/runtime/ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import type { LogStore } from '#src/storage/ports.js';
import type { Tier } from '#src/storage/tiers/ports.js';
import { SnapshotLoads, type SnapshotLoadsOptions } from '#src/storage/tiers/snapshot-loads.js';
import { TieredLog, type TieredLogOptions } from '#src/storage/tiers/tiered-log.js';
import {
  type ConversationRequest,
  frontOf,
  type RateClass,
  type Recollection,
  type Refusal,
  type ToFront,
} from '#src/threads/messages.js';
import type { PresenceNotice, PresenceStore } from '#src/threads/presence.js';
import type { createPublisher } from '#src/threads/publisher.js';
import type { Stirs } from '#src/threads/stirs.js';
import { bytesToShard } from '#src/threads/weights.js';
import type { BucketLimits } from '#src/token-bucket.js';
import { type MirrorOptions, startMirrors } from './mirrors.js';
import { presenceKind } from './presence-kind.js';
import { Recall } from './recall.js';

export interface ShardCoreOptions {
  readonly ports: RuntimePorts;
  readonly store: LogStore;
  readonly publisher: ReturnType<typeof createPublisher>;
  /** Hears of each batch, before conversations do. */
  readonly stirs?: Stirs;
  readonly rates: Readonly<Record<RateClass, BucketLimits>>;
  /** Of what all together say in one conversation; no limit when absent (L17). */
  readonly conversationRate?: BucketLimits | undefined;
  /** Numbers of the fronts there are; they may be started again under the same number. */
  readonly fronts: () => readonly number[];
  /** How many fronts there are when all live: each must have told what it remembers before operations are taken. */
  readonly frontCount: number;
  post(front: number, message: ToFront): void;
  /** As `post`, and false when the front's link has no room. Absent: it always has. */
  offer?(front: number, message: ToFront): boolean;
  /** What is kept of presence; nothing when absent. */
  readonly presenceStore?: PresenceStore;
  /** The shard must end: `fenced` ends the process, `broken` and `crashed` the thread. */
  fatal(reason: 'fenced' | 'broken' | 'crashed', message: string): void;
  /** For tests that plant faults: another actor around each conversation. */
  wrapConversation?(actor: Actor<ConversationMessage>): Actor<ConversationMessage>;
  onCrash?(address: string, error: unknown): void;
  /** Members beyond which nobody is told how far others have read; 100 by default. */
  readonly receiptsMembersMax?: number;
  readonly receiptMarksMax?: number;
  /** Where all that is committed is written to as well. */
  readonly mirrors?: MirrorOptions;
  /** Where pages are looked for before the store is asked, fastest first. */
  readonly tiers?: readonly Tier[];
  onTierRead?: TieredLogOptions['onRead'];
  /** With tiers: see TieredLogOptions. */
  readonly horizon?: TieredLogOptions['horizon'];
  onSnapshotLoad?: SnapshotLoadsOptions['onLoad'];
  onBatch?: WriterPorts['onBatch'];
  onMove?: WriterPorts['onMove'];
}

export interface ShardCore {
  /** Takes in what a front posted for conversations, and before that what it knows to be refused. */
  onRequest(message: ConversationRequest | Recollection | PresenceNotice): void;
  /** To the actor that knows who is there. */
  tellPresence(message: PresenceMessage): void;
  /** Resolves once it is kept, or could not be, when everybody who is here was last seen. */
  endPresence(): Promise<void>;
  /** True once heads and marks are in Postgres. */
  flush(): Promise<boolean>;
  /** The number of an empty batch, committed now; undefined: this shard cannot commit. */
  probe(): Promise<number | undefined>;
  /** Resolves once nothing is owed. New operations are refused from now on. */
  drain(): Promise<void>;
  stats(): ActorStats;
  /** How often the rate of a user was looked at. */
  ratesEvaluated(): number;
  stop(): void;
}

const writerAddress = 'postgres-writer/0';
/** Idle conversations leave memory after this, at the earliest: see `mayPassivate` of the conversation. */
const conversationIdleMs = 2_000;

const poisonous: Refusal = { code: 'internal', message: 'The server failed on this operation.' };
const resting: Refusal = { code: 'unavailable', message: 'This conversation is resting.', retryMs: 1000 };
const starting: Refusal = {
  code: 'overloaded',
  message: 'This part of the server is starting.',
  retryMs: 250,
};
const mailboxFull: Refusal = {
  code: 'overloaded',
  message: 'This conversation has too much to do.',
  retryMs: 250,
};

/** Builds the actors of one shard; the writer claims its epoch at once. */
export function createShardCore(options: ShardCoreOptions): ShardCore {
  const { ports, post } = options;
  const system = createActorSystem({
    ports,
    options: { onCrash: (crash) => options.onCrash?.(crash.address, crash.error) },
  });
  const tellWriter = (message: WriterMessage): void => {
    system.tell(writerAddress, message, { system: true });
  };
  const refuse = (request: number, refusal: Refusal): void =>
    post(frontOf(request), { kind: 'err', request, ...refusal });
  const snapshots = snapshotsOf(options);
  const committed: Committed = {};
  system.register('postgres-writer', writerKind(options, { system, snapshots, committed }));
  const answered = new Answered(ports.clock, (refused) => {
    for (const front of options.fronts()) post(front, { kind: 'refused', refused });
  });
  const rates = new Rates(options.rates, ports.clock);
  system.register(
    'conversation',
    conversationKind(options, { tellWriter, refuse, answered, rates, snapshots, committed }),
  );

  system.register('presence', presenceKind(options));
  const tellPresence = (message: PresenceMessage): void => {
    system.tell('presence/0', message, { system: true });
  };

  // Made now, so that the epoch is claimed before the first operation comes.
  tellWriter({ kind: 'flush', done: () => {} });

  const tellConversation = (message: ConversationRequest): void => {
    const bytes = bytesToShard(message);
    // A registration is never refused: subscribers hear nothing until it is answered (P6).
    const isSystem = message.kind === 'register';
    if (system.tell(`conversation/${message.conv}`, message, { bytes, system: isSystem })) return;
    if ('request' in message) refuse(message.request, mailboxFull);
  };
  const recall = new Recall({
    frontCount: options.frontCount,
    timers: ports.timers,
    remember: (refused) => answered.recall(refused),
    known: () => answered.refused().length,
    remind: (front) => {
      for (const refused of answered.refused()) post(front, { kind: 'refused', refused });
    },
    release: tellConversation,
  });

  return {
    onRequest(message) {
      if (message.kind === 'recollection') return recall.take(message);
      if (message.kind === 'present' || message.kind === 'watch' || message.kind === 'unwatch')
        return tellPresence(message);
      if (recall.isDone || message.kind === 'register') return tellConversation(message);
      if (!recall.hold(message) && 'request' in message) refuse(message.request, starting);
    },
    tellPresence,
    endPresence: () => new Promise((resolve) => tellPresence({ kind: 'end', done: resolve })),
    flush: () => new Promise((resolve) => tellWriter({ kind: 'flush', done: resolve })),
    probe: () => new Promise((resolve) => tellWriter({ kind: 'probe', done: resolve })),
    drain: () => new Promise((resolve) => tellWriter({ kind: 'drain', done: resolve })),
    stats: () => system.stats(),
    ratesEvaluated: () => rates.evaluated,
    stop: () => system.stop(),
  };
}

/** Those of conversations that left memory are in the tier that is in front of all; Mongo holds no such thing. */
function snapshotsOf(options: ShardCoreOptions): SnapshotLoads | undefined {
  const { store, ports, onSnapshotLoad } = options;
  const tier = options.tiers?.find(({ name }) => name !== 'mongo');
  if (tier === undefined) return undefined;
  const { clock, timers } = ports;
  return new SnapshotLoads({
    store,
    tier,
    clock,
    timers,
    ...(onSnapshotLoad ? { onLoad: onSnapshotLoad } : {}),
  });
}

/** The last batch of this shard that is known to be committed. */
interface Committed {
  batch?: number;
}

function writerStoreOf(
  store: LogStore,
  snapshots: SnapshotLoads | undefined,
  committed: Committed,
): WriterPorts['store'] {
  return {
    own: (done) =>
      store.own((owned) => {
        if (owned.kind === 'owned') committed.batch = owned.batch;
        done(owned);
      }),
    write: (batch, done) => store.write(batch, done),
    lookup: (ids, done) => store.lookup(ids, done),
    load: (conv, done) => (snapshots ?? store).load(conv, done),
    flush: (progress, done) => store.flush(progress, done),
  };
}

function writerKind(
  options: ShardCoreOptions,
  parts: {
    readonly system: ActorSystem;
    readonly snapshots: SnapshotLoads | undefined;
    readonly committed: Committed;
  },
): ActorKind<WriterMessage> {
  const { system, snapshots, committed } = parts;
  const { ports, store, post, fatal, mirrors, stirs } = options;
  const feed = mirrors === undefined ? undefined : startMirrors(system, ports, mirrors);
  const onCommitted: WriterPorts['onCommitted'] = (batch, events) => {
    committed.batch = batch;
    stirs?.committed(events);
    feed?.(batch, events);
  };
  const writerPorts: WriterPorts = {
    clock: ports.clock,
    timers: ports.timers,
    store: writerStoreOf(store, snapshots, committed),
    answer: (message) => post(frontOf(message.request), message),
    acknowledge: post,
    tellConversation: (conv, message) => {
      system.tell(`conversation/${conv}`, message, { system: true });
    },
    fatal,
    ...(feed || stirs ? { onCommitted } : {}),
    ...(options.onBatch ? { onBatch: options.onBatch } : {}),
    ...(options.onMove ? { onMove: options.onMove } : {}),
  };
  return {
    // What the writer owes is in its ledger: without it the shard cannot go on, so its crash is the thread's.
    create: (context) => {
      if (context.crashes > 0) fatal('crashed', 'the writer of this shard crashed');
      return new PostgresWriter(context, writerPorts);
    },
    mailboxItemsMax: 1,
    mailboxBytesMax: 1,
    // It only gathers: the more it takes in before the end of its turn, the larger the batch.
    turnItemsMax: 8192,
    onUndelivered: () => fatal('crashed', 'the writer of this shard crashed'),
  };
}

function readsOf(
  { store, tiers = [], mirrors, ports, onTierRead, horizon }: ShardCoreOptions,
  committed: Committed,
): ConversationPorts['store'] {
  if (tiers.length === 0 || horizon === undefined) return store;
  const log = new TieredLog({
    ...{ store, tiers, clock: ports.clock, timers: ports.timers, horizon },
    asOf: () =>
      mirrors && committed.batch !== undefined
        ? { source: mirrors.log.name, batch: committed.batch }
        : undefined,
    ...(onTierRead ? { onRead: onTierRead } : {}),
  });
  return {
    read: (range, done) => log.read(range, done),
    unknownUsers: (users, asker, done) => store.unknownUsers(users, asker, done),
    setBlock: (change, done) => store.setBlock(change, done),
    withoutReceipts: (users, done) => store.withoutReceipts(users, done),
    targets: (questions, done) => store.targets(questions, done),
    changed: (range, done) => store.changed(range, done),
    parents: (asked, done) => store.parents(asked, done),
    attachments: (asked, done) => store.attachments(asked, done),
  };
}

function conversationKind(
  options: ShardCoreOptions,
  parts: {
    readonly answered: Answered;
    readonly rates: Rates;
    readonly snapshots: SnapshotLoads | undefined;
    readonly committed: Committed;
    tellWriter(message: WriterMessage): void;
    refuse(request: number, refusal: Refusal): void;
  },
): ActorKind<ConversationMessage> {
  const { ports, publisher, post } = options;
  const { answered, tellWriter, refuse, rates, snapshots, committed } = parts;
  const conversationPorts: ConversationPorts = {
    clock: ports.clock,
    timers: ports.timers,
    store: readsOf(options, committed),
    publisher,
    answered,
    rates,
    conversationRate: options.conversationRate,
    post,
    tellWriter,
    receiptsMembersMax: options.receiptsMembersMax ?? 100,
    receiptMarksMax: options.receiptMarksMax ?? 100,
    ...(snapshots ? { handOver: (moment) => snapshots.keep(moment) } : {}),
    notify: (user, event) => {
      for (const front of options.fronts()) post(front, { kind: 'notify', user, event });
    },
    hide: (one, other) => {
      for (const front of options.fronts()) {
        post(front, { kind: 'hidden', user: one, from: other });
        post(front, { kind: 'hidden', user: other, from: one });
      }
    },
  };
  return {
    create: (context) => {
      const actor = new Conversation(context, conversationPorts);
      return options.wrapConversation?.(actor) ?? actor;
    },
    mailboxItemsMax: 10_000,
    mailboxBytesMax: 16 * 1024 * 1024,
    idleMs: conversationIdleMs,
    onUndelivered: (message, reason, conv) => {
      if ('request' in message) {
        refuse(message.request, reason === 'poison' ? poisonous : resting);
      } else if (message.kind === 'committed') {
        const head = message.events.at(-1)?.seq;
        if (head !== undefined) publisher.missed(conv, head);
      } else if (message.kind === 'register') {
        // The next instance finds the front as interested and tells it what it lacks (P6).
        const { front, have } = message;
        const told = publisher.lastSeq(conv);
        if (told !== undefined && told > have) post(front, { kind: 'missed', conv, head: told });
        publisher.subscribe(front, conv, told ?? have);
      }
    },
  };
}
