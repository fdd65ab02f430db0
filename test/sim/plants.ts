/** Engine faults that a simulation must find. Each wraps a port: the code under test stays as it is. */
import { snapshots } from '#src/entities/snapshots.js';
import type { Head, LogStore } from '#src/storage/ports.js';
import type { ChangeSource, Mirror } from '#src/storage/tiers/ports.js';
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
  'snapshot counts beyond its seq',
  'pages without what was changed',
] as const;

export type Plant = (typeof plants)[number];

/** Found even where Postgres itself would not object: its unique index on the seq is taken away with them. */
export const laxPlants: ReadonlySet<Plant> = new Set([
  'seq reused after a restart',
  'seq from a snapshot',
  'snapshot counts beyond its seq',
]);

/** What a planted fault does to a shard, and to the fronts. */
export interface Planting {
  store(store: LogStore): LogStore;
  changes(source: ChangeSource): ChangeSource;
  mirror(mirror: Mirror): Mirror;
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
  mirror: (mirror) => mirror,
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
    case 'snapshot counts beyond its seq':
      return {
        ...honest,
        mirror: (mirror) => notingSnapshots(mirror, context.snapshots),
        store: (store) => endingWithSnapshots(store, context.snapshots),
      };
    case 'repair passes over what it should read':
      return { ...honest, changes: passOver };
    case 'pages without what was changed':
      return {
        ...honest,
        store: (store) =>
          wrap(store, {
            changed: (range, done) =>
              store.changed(range, (result) =>
                done(result.kind === 'failed' ? result : { kind: 'changed', messages: [] }),
              ),
          }),
      };
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

/** Remembers where the snapshots that it gives out end. */
function notingSnapshots(mirror: Mirror, heads: Map<string, Head>): Mirror {
  const get: Mirror['get'] = (entity, ids, done) =>
    mirror.get(entity, ids, (result) => {
      if (entity.name === snapshots.name && result.kind === 'elements') {
        for (const element of result.elements) {
          const { seq, number } = element?.fields ?? {};
          if (element !== undefined) heads.set(element.id, { seq: Number(seq), number: Number(number) });
        }
      }
      done(result);
    });
  return new Proxy(mirror, {
    get: (target, name) => {
      if (name === 'get') return get;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Where the log goes on after a snapshot is not asked. */
function endingWithSnapshots(store: LogStore, heads: ReadonlyMap<string, Head>): LogStore {
  return wrap(store, {
    loadTail: (conv, done) =>
      store.loadTail(conv, (result) => {
        const head = heads.get(conv);
        if (result.kind === 'failed' || head === undefined) return done(result);
        const recent = result.tail.recent.filter(({ seq }) => seq <= head.seq);
        done({ kind: 'tail', tail: { head, recent } });
      }),
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
    loadTail: (conv, done) => store.loadTail(conv, done),
    read: (range, done) => store.read(range, done),
    flush: (progress, done) => store.flush(progress, done),
    unknownUsers: (users, asker, done) => store.unknownUsers(users, asker, done),
    setBlock: (change, done) => store.setBlock(change, done),
    withoutReceipts: (users, done) => store.withoutReceipts(users, done),
    targets: (questions, done) => store.targets(questions, done),
    changed: (range, done) => store.changed(range, done),
    parents: (asked, done) => store.parents(asked, done),
    attachments: (asked, done) => store.attachments(asked, done),
    ...changed,
  };
}
