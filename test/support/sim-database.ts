/**
 * A Postgres of one process for simulations: the log, the rows of `writers` and members, with transactions that
 * hold locks. Only committed state can be read. What it keeps: an id once, a (conversation, seq) once, batches only
 * from the owner of the epoch, one after the other.
 */

import {
  applyToFacts,
  type Facts,
  factsOf,
  nothing,
  standingOf,
  withoutContents,
} from '#src/storage/facts.js';
import { BlockTable } from '#src/storage/memory/block-table.js';

import { MessageChanges } from '#src/storage/memory/message-changes.js';
import type { ConversationSnapshot, Ownership, Progress, StoredOperation } from '#src/storage/ports.js';
import type { LogEvent, Role } from '#src/wire/events.js';

/** Few, so that much of what people read is in no window. */
const recentEvents = 24;

/** What a batch is while it is open: it holds its writer's row and the ids it has inserted. */
export interface Transaction {
  readonly shard: number;
  state: 'open' | 'committed' | 'aborted';
  /** Called when it has ended. */
  readonly waiters: Array<() => void>;
  readonly ids: string[];
}

interface ConversationRows {
  readonly facts: Facts;
  /** By seq − 1; a hole is a seq that was skipped. */
  readonly events: LogEvent[];
  number: number;
  /** Of everybody who ever was a member. */
  readonly marks: Map<string, number>;
  head: { seq: number; number: number } | undefined;
}

interface WriterRow {
  epoch: number;
  batch: number;
  holder: Transaction | undefined;
}

export class SimDatabase {
  /** Which store took each shard last. */
  private readonly owners = new Map<number, object>();
  readonly users = new Set<string>();
  readonly blocks = new BlockTable(this.users);
  readonly byId = new Map<string, LogEvent>();
  /** Virtual time of each operation's commit. */
  readonly committedAt = new Map<string, number>();
  readonly messages = new MessageChanges((id) => this.byId.get(id));
  private readonly conversations = new Map<string, ConversationRows>();
  private readonly writers = new Map<number, WriterRow>();
  /** Of each shard: what batch n + 1 brought. */
  private readonly batches = new Map<number, LogEvent[][]>();
  /** Open transactions by the ids they have inserted. */
  private readonly inserters = new Map<string, Transaction>();
  private readonly now: () => number;
  /** A planted fault: no unique (conversation, seq). Both rows are there, the newer one hides the older. */
  private readonly isLax: boolean;
  private readonly hidden: LogEvent[] = [];

  constructor(options: { now: () => number; isLax?: boolean }) {
    this.now = options.now;
    this.isLax = options.isLax ?? false;
  }

  begin(shard: number): Transaction {
    return { shard, state: 'open', waiters: [], ids: [] };
  }

  /** Takes the writer's row (L1). A transaction: wait until it has ended and try again. */
  claim(
    transaction: Transaction,
    epoch: number,
    batch: number,
  ): 'claimed' | 'fenced' | 'miscounted' | Transaction {
    const row = this.writer(transaction.shard);
    if (row.holder !== undefined && row.holder !== transaction) return row.holder;
    if (row.epoch !== epoch) return 'fenced';
    if (row.batch !== batch - 1) return 'miscounted';
    row.holder = transaction;
    return 'claimed';
  }

  /** Inserts one id. A transaction: it has the id too; wait until it has ended and try again. */
  insert(transaction: Transaction, id: string): 'inserted' | 'duplicate' | Transaction {
    if (this.byId.has(id)) return 'duplicate';
    const other = this.inserters.get(id);
    if (other !== undefined && other !== transaction) return other;
    if (other === undefined) {
      this.inserters.set(id, transaction);
      transaction.ids.push(id);
    }
    return 'inserted';
  }

  /** The first seq among the events that exists already; undefined: none does. */
  takenSeq(events: readonly LogEvent[]): LogEvent | undefined {
    if (this.isLax) return undefined;
    return events.find((event) => this.conversations.get(event.conv)?.events[event.seq - 1] !== undefined);
  }

  commit(transaction: Transaction, events: readonly LogEvent[]): void {
    if (transaction.state !== 'open') throw new Error(`commit of a transaction that is ${transaction.state}`);
    this.writer(transaction.shard).batch += 1;
    this.batchesOf(transaction.shard).push([...events]);
    for (const event of events) {
      const row = Object.freeze({ ...event });
      const rows = this.rows(event.conv);
      const other = rows.events[event.seq - 1];
      if (other !== undefined) this.hidden.push(other);
      rows.events[event.seq - 1] = row;
      rows.number = Math.max(rows.number, event.number);
      this.byId.set(event.id, row);
      this.committedAt.set(event.id, this.now());
    }
    for (const event of [...events].sort((one, other) => one.seq - other.seq)) this.apply(event);
    this.end(transaction, 'committed');
  }

  private apply(event: LogEvent): void {
    const { facts, marks } = this.rows(event.conv);
    const before = new Set(facts.members.keys());
    applyToFacts(facts, event);
    for (const user of facts.members.keys()) if (!before.has(user)) marks.set(user, event.number);
    if ('message' in event) this.messages.apply(event);
    if (event.ev !== 'message.delete') return;
    for (const row of this.rows(event.conv).events) {
      if (row === undefined) continue;
      if (row.id !== event.message && !(row.ev === 'message.edit' && row.message === event.message)) continue;
      const left = Object.freeze(withoutContents(row));
      this.rows(event.conv).events[row.seq - 1] = left;
      this.byId.set(row.id, left);
    }
  }

  abort(transaction: Transaction): void {
    if (transaction.state === 'open') this.end(transaction, 'aborted');
  }

  batchesOf(shard: number): LogEvent[][] {
    let batches = this.batches.get(shard);
    if (batches === undefined) {
      batches = [];
      this.batches.set(shard, batches);
    }
    return batches;
  }

  /** Who holds the writer's row now. */
  holder(shard: number): Transaction | undefined {
    return this.writer(shard).holder;
  }

  /** The row must be free, or the caller does on purpose what Postgres would not (L2). */
  raiseEpoch(shard: number, owner: object, fromAnybody: boolean): Ownership | 'fenced' {
    const row = this.writer(shard);
    if (!fromAnybody && this.owners.get(shard) !== owner) return 'fenced';
    this.owners.set(shard, owner);
    row.epoch += 1;
    return { epoch: row.epoch, batch: row.batch };
  }

  lookup(ids: readonly string[]): StoredOperation[] {
    const found = ids.map((id) => this.byId.get(id)).filter((event) => event !== undefined);
    return found.map(({ id, conv, from, seq, at }) => ({ id, conv, from, seq, at }));
  }

  load(conv: string): ConversationSnapshot {
    const rows = this.conversations.get(conv);
    const facts = rows?.facts ?? factsOf({ info: undefined, members: [], standing: nothing });
    return {
      ...this.blocks.blockersOf(conv),
      info: facts.info,
      head: { seq: rows?.events.length ?? 0, number: rows?.number ?? 0 },
      members: [...facts.members.values()].map((member) => ({
        ...member,
        mark: rows?.marks.get(member.user) ?? 0,
      })),
      standing: standingOf(facts),
      recent: rows?.events.slice(-recentEvents) ?? [],
    };
  }

  read(range: { conv: string; after: number; before: number; limit: number; last: boolean }): LogEvent[] {
    const events = this.conversations.get(range.conv)?.events ?? [];
    const found = events.slice(range.after, Math.max(range.after, range.before - 1));
    return range.last ? found.slice(-range.limit) : found.slice(0, range.limit);
  }

  flush(progress: Progress): void {
    for (const { conv, seq, number } of progress.heads) {
      const rows = this.rows(conv);
      if (rows.head === undefined || rows.head.seq < seq) rows.head = { seq, number };
    }
    for (const { conv, user, mark, low = Number.POSITIVE_INFINITY } of progress.marks) {
      const known = this.markOf(conv, user);
      if (known !== undefined) this.rows(conv).marks.set(user, Math.max(Math.min(known, low), mark));
    }
  }

  /** The head of a conversation that is committed now: 0 when it does not exist. */
  headOf(conv: string): number {
    return this.conversations.get(conv)?.events.length ?? 0;
  }

  /** undefined: no present member. */
  markOf(conv: string, user: string): number | undefined {
    const rows = this.conversations.get(conv);
    return rows?.facts.members.has(user) === true ? (rows.marks.get(user) ?? 0) : undefined;
  }

  roleOf(conv: string, user: string): Role | undefined {
    return this.conversations.get(conv)?.facts.members.get(user)?.role;
  }

  /** Those of which the user is a member. */
  conversationsOf(user: string): string[] {
    return [...this.conversations.keys()].filter((conv) => this.isMember(conv, user));
  }

  isMember(conv: string, user: string): boolean {
    return this.conversations.get(conv)?.facts.members.has(user) === true;
  }

  /** Every row, conversation by conversation. */
  allEvents(): LogEvent[] {
    const rows = [...this.conversations.values()];
    return [...rows.flatMap(({ events }) => events.filter((event) => event !== undefined)), ...this.hidden];
  }

  private end(transaction: Transaction, state: 'committed' | 'aborted'): void {
    transaction.state = state;
    for (const id of transaction.ids) this.inserters.delete(id);
    const row = this.writer(transaction.shard);
    if (row.holder === transaction) row.holder = undefined;
    for (const waiter of transaction.waiters.splice(0)) waiter();
  }

  private writer(shard: number): WriterRow {
    let row = this.writers.get(shard);
    if (row === undefined) {
      row = { epoch: 0, batch: 0, holder: undefined };
      this.writers.set(shard, row);
    }
    return row;
  }

  private rows(conv: string): ConversationRows {
    let rows = this.conversations.get(conv);
    if (rows === undefined) {
      const facts = factsOf({ info: undefined, members: [], standing: nothing });
      rows = { facts, events: [], number: 0, marks: new Map(), head: undefined };
      this.conversations.set(conv, rows);
    }
    return rows;
  }
}
