/** What is recent, whole: Mongo as a mirror of Postgres. */
import type { Change, Entity } from '../../entities/entity.js';
import { users } from '../../entities/users.js';
import type { Failed } from '../ports.js';
import type { Mirror, MirrorStep, Poisoned } from '../tiers/ports.js';
import type { MongoConnection } from './connection.js';
import { sentenceOf } from './failures.js';
import { Fills } from './fills.js';
import { prepareIndexes } from './indexes.js';
import { movePosition, readPosition } from './positions.js';
import { findElements, findEvents } from './reads.js';
import { type SenderPorts, Senders } from './senders.js';
import { Touches } from './touches.js';
import { dropAll } from './upkeep.js';
import { writeChanges } from './writes.js';

export interface MongoMirrorOptions {
  /** One per thread; whoever made it closes it. */
  readonly connection: MongoConnection;
  readonly entities: readonly Entity[];
  /** Of the text indexes that are made after a wipe; without one, there are none. */
  readonly language?: string;
  /** Who stands beside messages; absent: nobody. */
  readonly senders?: SenderPorts;
  /** Unix ms. */
  readonly now?: () => number;
}

export class MongoMirror implements Mirror {
  readonly name = 'mongo';
  readonly isWhole = true;
  private readonly options: MongoMirrorOptions;
  private readonly connection: MongoConnection;
  private readonly now: () => number;
  private readonly touches: Touches;
  private readonly fills: Fills;
  private readonly senders: Senders | undefined;

  constructor(options: MongoMirrorOptions) {
    const { connection, senders, now = Date.now } = options;
    this.options = options;
    this.connection = connection;
    this.now = now;
    this.touches = new Touches(connection, now);
    this.senders = senders && new Senders(senders);
    this.fills = new Fills(connection, now, this.senders);
  }

  /** Changes given to `fill` that were not kept. */
  get droppedFills(): number {
    return this.fills.dropped;
  }

  events(range: Parameters<Mirror['events']>[0], done: Parameters<Mirror['events']>[1]): void {
    const found = this.connection.run('read', (database) => findEvents(database, range, this.onRead));
    answer(found, done, (events) => (events === undefined ? { kind: 'absent' } : { kind: 'events', events }));
  }

  get(entity: Entity, ids: readonly string[], done: Parameters<Mirror['get']>[2]): void {
    const found = this.connection.run('read', (database) =>
      findElements(database, { entity, ids }, this.onRead),
    );
    answer(found, done, (elements) => ({ kind: 'elements', elements }));
  }

  fill(changes: readonly Change[]): void {
    // A user's own document says that their messages were followed up to it: only a step may write it.
    this.fills.add(this.senders === undefined ? changes : changes.filter(isNoUser));
  }

  position(source: string, done: Parameters<Mirror['position']>[1]): void {
    const read = this.connection.run('position', (database) => readPosition(database, source));
    answer(read, done, (position) => ({ kind: 'position', position }));
  }

  apply(step: MirrorStep, done: Parameters<Mirror['apply']>[1]): void {
    answer(this.take(step), done, (poisoned) =>
      poisoned === 'lost' ? { kind: 'lost' } : { kind: 'applied', poisoned },
    );
  }

  put(changes: readonly Change[], done: Parameters<Mirror['put']>[1]): void {
    const { senders } = this;
    const written = writeChanges(this.connection, { changes, now: this.now(), senders });
    answer(written, done, (poisoned) => ({ kind: 'applied', poisoned }));
  }

  clear(done: Parameters<Mirror['clear']>[0]): void {
    const { entities, language } = this.options;
    const cleared = dropAll(this.connection, entities).then(() =>
      prepareIndexes(this.connection, { entities, ...(language === undefined ? {} : { language }) }),
    );
    answer(cleared, done, () => ({ kind: 'cleared' }));
  }

  /** Writes down what was read and not yet touched; for an orderly end, and for tests. */
  flush(): Promise<void> {
    return this.touches.flush();
  }

  close(): void {
    this.touches.close();
  }

  /**
   * What is written into a Mongo that was wiped does no harm, since it is as it should be; that the position cannot be
   * moved says that the rest is missing. One that stands at the end of the step has applied it before, and its answer
   * was lost.
   */
  private async take({ source, from, to, changes }: MirrorStep): Promise<Poisoned[] | 'lost'> {
    const { senders } = this;
    const now = this.now();
    await senders?.follow(this.connection, changes, { now, isRefill: to < 0 });
    const poisoned = await writeChanges(this.connection, { changes, now, senders });
    const isMoved = await this.connection.run('position', async (database) => {
      if (await movePosition(database, { source, from, to })) return true;
      return (await readPosition(database, source)) === to;
    });
    return isMoved ? poisoned : 'lost';
  }

  private readonly onRead: Parameters<typeof findElements>[2] = (collection, document) =>
    this.touches.add(collection, document);
}

function isNoUser({ entity }: Change): boolean {
  return entity.name !== users.name;
}

/** Outside the promise, in a later turn: what `done` throws is no rejection. */
function answer<Value, const Result>(
  promise: Promise<Value>,
  done: (result: Result | Failed) => void,
  resultOf: (value: Value) => NoInfer<Result>,
): void {
  promise.then(
    (value) => setImmediate(() => done(resultOf(value))),
    (error: unknown) => setImmediate(() => done({ kind: 'failed', message: sentenceOf(error) })),
  );
}
