/** Engine faults that a simulation must find. Each wraps a port: the code under test stays as it is. */
import type { Head, LogStore } from '#src/storage/ports.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import type { ConversationRequest, ToFront, ToShard } from '#src/threads/messages.js';
import type { SimDatabase } from '#test/support/sim-database.js';
import type { Draws } from '#test/support/sim-random.js';

export const plants = [
  'ack before commit',
  'seq reused after a restart',
  'seq from a snapshot',
  'refusal before the duplicate check',
  'publish lost after commit',
  'new owner does not wait',
  'refusal forgotten with its shard',
  'repair passes over what it should read',
] as const;

export type Plant = (typeof plants)[number];

/** Found even where Postgres itself would not object: its unique index on the seq is taken away with them. */
export const laxPlants: ReadonlySet<Plant> = new Set(['seq reused after a restart', 'seq from a snapshot']);

/** What a planted fault does to a shard, and to the fronts. */
export interface Planting {
  store(store: LogStore): LogStore;
  changes(source: ChangeSource): ChangeSource;
  /** undefined: the message is lost. */
  toFront(message: ToFront): ToFront | undefined;
  toShard(message: ToShard): ToShard;
  /** What the shard answers without asking its actors; undefined: it asks them. */
  answer(message: ConversationRequest): ToFront | undefined;
}

export interface PlantContext {
  readonly database: SimDatabase;
  readonly random: Draws;
  /** Heads as they were once: of the whole run, like a cache outside the threads. */
  readonly snapshots: Map<string, Head>;
}

const honest: Planting = {
  store: (store) => store,
  changes: (source) => source,
  toFront: (message) => message,
  toShard: (message) => message,
  answer: () => undefined,
};

export function plantingOf(plant: Plant | undefined, context: PlantContext): Planting {
  switch (plant) {
    case undefined:
    // The store does this one by itself.
    case 'new owner does not wait':
      return honest;
    case 'ack before commit':
      return { ...honest, store: ackEarly };
    case 'seq reused after a restart':
      return {
        ...honest,
        store: (store) =>
          withHead(store, (head) => ({ seq: Math.max(0, head.seq - 1), number: head.number })),
      };
    case 'seq from a snapshot':
      return { ...honest, store: (store) => staleHeads(store, context.snapshots) };
    case 'refusal before the duplicate check':
      return { ...honest, answer: (message) => refuseStrangers(message, context) };
    case 'publish lost after commit':
      return {
        ...honest,
        toFront: (message) =>
          message.kind === 'publish' && context.random.chance(0.01) ? undefined : message,
      };
    case 'repair passes over what it should read':
      return { ...honest, changes: passOver };
    case 'refusal forgotten with its shard':
      return {
        ...honest,
        toShard: (message) => (message.kind === 'recollection' ? { ...message, refused: [] } : message),
      };
  }
}

/** Says that there was nothing up to the head. */
function passOver(source: ChangeSource): ChangeSource {
  return {
    name: source.name,
    head: (done) => source.head(done),
    walk: (page, done) => source.walk(page, done),
    read: ({ after }, done) =>
      source.head((result) => {
        if (result.kind === 'failed') return done(result);
        done({ kind: 'changes', changes: [], to: Math.max(after, result.head), isAll: true });
      }),
  };
}

/** Says `committed` as soon as the batch is on its way. */
function ackEarly(store: LogStore): LogStore {
  return wrap(store, {
    write: (batch, done) => {
      store.write(batch, () => {});
      store.lookup([], () => done({ kind: 'committed' }));
    },
  });
}

function withHead(store: LogStore, change: (head: Head, conv: string) => Head): LogStore {
  return wrap(store, {
    load: (conv, done) =>
      store.load(conv, (result) => {
        if (result.kind === 'failed') return done(result);
        const { snapshot } = result;
        const head = change(snapshot.head, conv);
        done({
          kind: 'loaded',
          snapshot: { ...snapshot, head, recent: snapshot.recent.filter(({ seq }) => seq <= head.seq) },
        });
      }),
  });
}

/** The first head that was ever read of a conversation, as from a cache on which nobody replays the log. */
function staleHeads(store: LogStore, snapshots: Map<string, Head>): LogStore {
  return withHead(store, (head, conv) => {
    const stale = snapshots.get(conv) ?? head;
    if (stale.seq > 0) snapshots.set(conv, stale);
    return stale;
  });
}

/** Looks at permissions first, as if the log did not know the id. */
function refuseStrangers(message: ConversationRequest, { database }: PlantContext): ToFront | undefined {
  if (message.kind !== 'send' || database.isMember(message.conv, message.user)) return undefined;
  return { kind: 'err', request: message.request, code: 'not_found', message: 'planted', stored: false };
}

function wrap(store: LogStore, changed: Partial<LogStore>): LogStore {
  return {
    own: (done) => store.own(done),
    write: (batch, done) => store.write(batch, done),
    lookup: (ids, done) => store.lookup(ids, done),
    load: (conv, done) => store.load(conv, done),
    read: (range, done) => store.read(range, done),
    flush: (progress, done) => store.flush(progress, done),
    unknownUsers: (users, done) => store.unknownUsers(users, done),
    ...changed,
  };
}
