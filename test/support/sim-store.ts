/**
 * A LogStore over the simulated database: each call takes its time on the way there, in the server and back, and
 * may fail at each of these places. A thread's death leaves its batch in the server, where it is ended or committed.
 */
import type { Failed, LogStore, WriteOutcome } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Simulation } from './sim-clock.js';
import type { SimDatabase, Transaction } from './sim-database.js';
import { badMarker, type StoreCounts, type StoreFaults } from './sim-faults.js';
import type { Draws } from './sim-random.js';
import type { SimThread } from './sim-thread.js';

export interface SimStoreOptions {
  readonly shard: number;
  readonly database: SimDatabase;
  readonly simulation: Simulation;
  readonly random: Draws;
  /** Read at every call, so that a run can heal. */
  readonly faults: () => StoreFaults;
  readonly counts: StoreCounts;
  readonly thread: SimThread;
  /** A planted fault: a new owner does not wait for the old one's transaction (L2). */
  readonly isImpatient?: boolean;
}

const failed: Failed = { kind: 'failed', message: 'simulated' };

/** How long a new owner waits for the old one's transaction (L2). */
const patienceMs = 1000;

type Batch = Parameters<LogStore['write']>[0];
type Loss = 'none' | 'never' | 'committed' | 'later';

/** One batch on its way through the server. */
interface Write {
  readonly batch: Batch;
  /** As they were sent: what the writer does with its events afterwards is its own business. */
  readonly events: LogEvent[];
  readonly transaction: Transaction;
  readonly loss: Loss;
  readonly done: (outcome: WriteOutcome) => void;
  isAnswered: boolean;
}

export class SimStore implements LogStore {
  private readonly options: SimStoreOptions;
  private current: Write | undefined;
  private hasOwned = false;

  constructor(options: SimStoreOptions) {
    this.options = options;
  }

  own(done: Parameters<LogStore['own']>[0]): void {
    const { database, shard, thread, simulation } = this.options;
    const fails = this.draws('own');
    const take = (): void => {
      // A claim is committed by its own connection: with its thread dead it is rolled back.
      if (!thread.isAlive) return;
      const holder = database.holder(shard);
      if (holder !== undefined && this.options.isImpatient !== true) return this.waitFor(holder, take);
      const before = fails && this.options.random.chance(0.5);
      if (before) return this.answer(() => done(failed));
      const taken = database.raiseEpoch(shard, this, !this.hasOwned);
      this.hasOwned ||= taken !== 'fenced';
      if (taken === 'fenced') return this.answer(() => done(fails ? failed : { kind: 'fenced' }));
      this.answer(() => done(fails ? failed : { kind: 'owned', ...taken }));
    };
    simulation.schedule(this.delay(), take);
  }

  /** Goes on when the transaction has ended, which it does after the patience at the latest. */
  private waitFor(holder: Transaction, then: () => void): void {
    let isOver = false;
    const once = (): void => {
      if (isOver) return;
      isOver = true;
      then();
    };
    holder.waiters.push(once);
    this.options.simulation.schedule(patienceMs, () => {
      if (isOver) return;
      this.options.counts.terminated += 1;
      this.options.database.abort(holder);
      once();
    });
  }

  write(batch: Batch, done: (outcome: WriteOutcome) => void): void {
    const { simulation, random, database, shard } = this.options;
    const events = batch.events.map((event) => ({ ...event }));
    events.sort((one, other) => (one.id < other.id ? -1 : 1));
    const write: Write = {
      ...{ batch, events, done, isAnswered: false },
      transaction: database.begin(shard),
      loss: this.drawLoss(),
    };
    this.current = write;
    // Ended by somebody else: a new owner. The connection goes with its backend.
    write.transaction.waiters.push(() => {
      if (write.transaction.state === 'aborted')
        this.settle(write, { kind: 'unknown', message: 'backend ended' });
    });
    if (write.loss === 'later') {
      this.options.counts.unknowns += 1;
      simulation.schedule(this.delay(), () => this.settle(write, { kind: 'unknown', message: 'simulated' }));
    }
    // The claim of a lost connection's batch may still lie in a buffer when the next owner comes.
    const late = write.loss === 'later' && random.chance(0.5) ? random.next() * 1500 : 0;
    simulation.schedule(this.delay() + late, () => this.claim(write));
  }

  private claim(write: Write): void {
    const { database } = this.options;
    const { transaction, batch } = write;
    if (transaction.state !== 'open') return;
    const claimed = database.claim(transaction, batch.epoch, batch.batch);
    if (typeof claimed === 'object') {
      claimed.waiters.push(() => this.claim(write));
    } else if (claimed === 'claimed') {
      this.insert(write, 0);
    } else {
      if (!write.isAnswered && this.options.thread.isAlive) {
        this.options.counts[claimed === 'fenced' ? 'fenced' : 'broken'] += 1;
      }
      this.fail(
        write,
        claimed === 'fenced' ? { kind: 'fenced' } : { kind: 'broken', message: 'batch miscounted' },
      );
    }
  }

  private insert(write: Write, from: number): void {
    const { database, counts } = this.options;
    const { transaction, events } = write;
    for (let index = from; index < events.length; index += 1) {
      if (transaction.state !== 'open') return;
      const event = events[index] as LogEvent;
      if (event.ev === 'message.new' && event.text.includes(badMarker)) {
        counts.bad += 1;
        return this.fail(write, { kind: 'bad', message: 'simulated' });
      }
      const inserted = database.insert(transaction, event.id);
      if (inserted === 'duplicate') {
        counts.duplicates += 1;
        return this.fail(write, { kind: 'duplicate' });
      }
      if (typeof inserted === 'object') {
        counts.blocked += 1;
        inserted.waiters.push(() => this.insert(write, index));
        return;
      }
    }
    this.finish(write);
  }

  /** All rows are in: the commit comes, or something else does. */
  private finish(write: Write): void {
    const { simulation, random, counts } = this.options;
    const linger = write.loss === 'later' && random.chance(0.7) ? random.next() * 2500 : this.delay();
    const isLost = write.loss === 'never';
    const isRetried = write.loss === 'none' && this.draws('retry');
    simulation.schedule(linger, () => {
      if (write.transaction.state !== 'open') return;
      if (isLost) {
        counts.unknowns += 1;
        this.fail(write, { kind: 'unknown', message: 'simulated' });
      } else if (isRetried) {
        counts.retries += 1;
        this.fail(write, { kind: 'retry', message: 'simulated' });
      } else this.commit(write);
    });
  }

  private commit(write: Write): void {
    const { database, counts, thread } = this.options;
    const taken = database.takenSeq(write.events);
    if (taken !== undefined) {
      counts.broken += 1;
      return this.fail(write, {
        kind: 'broken',
        message: `seq ${taken.seq} of ${taken.conv} was written twice`,
      });
    }
    database.commit(write.transaction, write.events);
    counts.batches += 1;
    counts.rows += write.events.length;
    if (write.isAnswered || !thread.isAlive) counts.lateCommits += 1;
    if (write.loss === 'committed') {
      counts.unknowns += 1;
      this.settle(write, { kind: 'unknown', message: 'simulated' });
    } else this.settle(write, { kind: 'committed' });
  }

  private fail(write: Write, outcome: WriteOutcome): void {
    this.settle(write, outcome);
    this.options.database.abort(write.transaction);
  }

  /** The answer travels back, once; what happens after a reported loss stays between the server and itself. */
  private settle(write: Write, outcome: WriteOutcome): void {
    if (write.isAnswered) return;
    write.isAnswered = true;
    if (this.current === write) this.current = undefined;
    this.answer(() => write.done(outcome));
  }

  /** The thread is dead, its connections are cut: what it had sent is committed or not, soon or later. */
  abandon(): void {
    const { database, simulation, random } = this.options;
    const write = this.current;
    this.current = undefined;
    if (write === undefined || random.chance(0.5)) return;
    simulation.schedule(random.next() * 5, () => database.abort(write.transaction));
  }

  lookup(ids: readonly string[], done: Parameters<LogStore['lookup']>[1]): void {
    const asked = [...ids];
    this.query('lookup', done, () => ({
      kind: 'found' as const,
      operations: this.options.database.lookup(asked),
    }));
  }

  load(conv: string, done: Parameters<LogStore['load']>[1]): void {
    this.query('load', done, () => ({ kind: 'loaded' as const, snapshot: this.options.database.load(conv) }));
  }

  loadTail(conv: string, done: Parameters<LogStore['loadTail']>[1]): void {
    this.query('load', done, () => {
      const { head, recent } = this.options.database.load(conv);
      return { kind: 'tail' as const, tail: { head, recent } };
    });
  }

  read(range: Parameters<LogStore['read']>[0], done: Parameters<LogStore['read']>[1]): void {
    this.query('read', done, () => ({ kind: 'events' as const, events: this.options.database.read(range) }));
  }

  targets(questions: Parameters<LogStore['targets']>[0], done: Parameters<LogStore['targets']>[1]): void {
    const { messages } = this.options.database;
    this.query('read', done, () => ({
      kind: 'targets' as const,
      targets: questions.map((question) => messages.target(question)),
    }));
  }

  changed(range: Parameters<LogStore['changed']>[0], done: Parameters<LogStore['changed']>[1]): void {
    const { messages } = this.options.database;
    this.query('read', done, () => ({ kind: 'changed' as const, messages: messages.changed(range) }));
  }

  parents(asked: Parameters<LogStore['parents']>[0], done: Parameters<LogStore['parents']>[1]): void {
    const { messages } = this.options.database;
    this.query('read', done, () => ({
      kind: 'parents' as const,
      parents: messages.parents(asked.conv, asked.messages),
    }));
  }

  attachments(_asked: Parameters<LogStore['attachments']>[0], done: Parameters<LogStore['attachments']>[1]) {
    this.query('read', done, () => ({ kind: 'attachments' as const, attachments: undefined }));
  }

  flush(progress: Parameters<LogStore['flush']>[0], done: Parameters<LogStore['flush']>[1]): void {
    const { heads, marks, batch } = structuredClone(progress);
    this.query('flush', done, () => {
      this.options.database.flush({ heads, marks, batch });
      return { kind: 'flushed' as const };
    });
  }

  /** Nobody has settings here. */
  withoutReceipts(_users: readonly string[], done: Parameters<LogStore['withoutReceipts']>[1]): void {
    this.query('unknownUsers', done, () => ({ kind: 'asked' as const, users: [] }));
  }

  unknownUsers(
    users: readonly string[],
    asker: string | undefined,
    done: Parameters<LogStore['unknownUsers']>[2],
  ): void {
    const { database } = this.options;
    this.query('unknownUsers', done, () => ({
      kind: 'checked' as const,
      unknown: users.filter((user) => !database.users.has(user)),
      blocked: database.blocks.among(users, asker),
    }));
  }

  setBlock(change: Parameters<LogStore['setBlock']>[0], done: Parameters<LogStore['setBlock']>[1]): void {
    this.query('unknownUsers', done, () => ({ kind: this.options.database.blocks.set(change) }));
  }

  /** One statement: it happens at one moment between the call and the answer, or fails before or after it. */
  private query<Result>(
    name: 'lookup' | 'load' | 'read' | 'flush' | 'unknownUsers',
    done: (result: Result | Failed) => void,
    ask: () => Exclude<Result, Failed>,
  ): void {
    const fails = this.draws(name);
    const isBefore = fails && this.options.random.chance(0.5);
    this.options.simulation.schedule(this.delay(), () => {
      const result = isBefore ? undefined : ask();
      if (fails) this.options.counts.failedReads += 1;
      const answer = fails || result === undefined ? failed : result;
      this.answer(() => done(answer));
    });
  }

  private answer(run: () => void): void {
    const { simulation, thread } = this.options;
    simulation.schedule(this.delay(), () => thread.run(run));
  }

  private drawLoss(): Loss {
    if (this.draws('unknownNever')) return 'never';
    if (this.draws('unknownCommitted')) return 'committed';
    return this.draws('unknownLater') ? 'later' : 'none';
  }

  private draws(name: keyof StoreFaults): boolean {
    return this.options.random.chance(this.options.faults()[name]);
  }

  private delay(): number {
    const { random } = this.options;
    return random.next() * 1.5 * (this.draws('slow') ? 100 : 1);
  }
}
