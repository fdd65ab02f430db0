/** The log of one shard in memory: for simulations and tests of what stands on a log. */
import type { Turns } from '../../runtime/ports.js';
import type { LogStore } from '../ports.js';
import type { MemoryDatabase } from './database.js';

/** Answers each call in a later turn, from the state at the time of the call. Several may share one database. */
export class MemoryLogStore implements LogStore {
  private readonly database: MemoryDatabase;
  private readonly shard: number;
  private readonly turns: Turns;
  private hasOwned = false;

  constructor({ database, shard, turns }: { database: MemoryDatabase; shard: number; turns: Turns }) {
    this.database = database;
    this.shard = shard;
    this.turns = turns;
  }

  own(done: Parameters<LogStore['own']>[0]): void {
    const owned = this.database.own(this.shard, this, !this.hasOwned);
    this.hasOwned ||= owned !== 'fenced';
    this.turns.soon(() => done(owned === 'fenced' ? { kind: 'fenced' } : { kind: 'owned', ...owned }));
  }

  write(batch: Parameters<LogStore['write']>[0], done: Parameters<LogStore['write']>[1]): void {
    const outcome = this.database.write(this.shard, batch);
    this.turns.soon(() => done(outcome));
  }

  lookup(ids: readonly string[], done: Parameters<LogStore['lookup']>[1]): void {
    const operations = this.database.lookup(ids);
    this.turns.soon(() => done({ kind: 'found', operations }));
  }

  load(conv: string, done: Parameters<LogStore['load']>[1]): void {
    const snapshot = this.database.load(conv);
    this.turns.soon(() => done({ kind: 'loaded', snapshot }));
  }

  loadTail(conv: string, done: Parameters<LogStore['loadTail']>[1]): void {
    const { head, recent, blockers } = this.database.load(conv);
    const tail = { head, recent, ...(blockers === undefined ? {} : { blockers }) };
    this.turns.soon(() => done({ kind: 'tail', tail }));
  }

  read(range: Parameters<LogStore['read']>[0], done: Parameters<LogStore['read']>[1]): void {
    const events = this.database.read(range);
    this.turns.soon(() => done({ kind: 'events', events }));
  }

  targets(questions: Parameters<LogStore['targets']>[0], done: Parameters<LogStore['targets']>[1]): void {
    const targets = this.database.targets(questions);
    this.turns.soon(() => done({ kind: 'targets', targets }));
  }

  changed(range: Parameters<LogStore['changed']>[0], done: Parameters<LogStore['changed']>[1]): void {
    const messages = this.database.changed(range);
    this.turns.soon(() => done({ kind: 'changed', messages }));
  }

  parents(
    { conv, messages }: Parameters<LogStore['parents']>[0],
    done: Parameters<LogStore['parents']>[1],
  ): void {
    const parents = this.database.parents(conv, messages);
    this.turns.soon(() => done({ kind: 'parents', parents }));
  }

  /** There are no uploads in memory. */
  attachments(_asked: Parameters<LogStore['attachments']>[0], done: Parameters<LogStore['attachments']>[1]) {
    this.turns.soon(() => done({ kind: 'attachments', attachments: undefined }));
  }

  flush(progress: Parameters<LogStore['flush']>[0], done: Parameters<LogStore['flush']>[1]): void {
    this.database.flush(this.shard, progress);
    this.turns.soon(() => done({ kind: 'flushed' }));
  }

  /** Nobody has settings in memory. */
  withoutReceipts(_users: readonly string[], done: Parameters<LogStore['withoutReceipts']>[1]): void {
    this.turns.soon(() => done({ kind: 'asked', users: [] }));
  }

  unknownUsers(
    users: readonly string[],
    asker: string | undefined,
    done: Parameters<LogStore['unknownUsers']>[2],
  ): void {
    const unknown = this.database.unknownUsers(users);
    const blocked = this.database.blocks.among(users, asker);
    this.turns.soon(() => done({ kind: 'checked', unknown, blocked }));
  }

  setBlock(change: Parameters<LogStore['setBlock']>[0], done: Parameters<LogStore['setBlock']>[1]): void {
    const kind = this.database.blocks.set(change);
    this.turns.soon(() => done({ kind }));
  }
}
