/**
 * What the writer owes: every admitted operation that is queued or in flight, by id and by conversation, and the
 * heads of the conversations that are active. It outlives the conversation actors, so nothing they crash with is lost.
 */
import type { Head } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Append } from '../messages.js';

/** What the writer keeps of a conversation: made by its first load or operation, closed when nobody needs it. */
export interface Account {
  readonly conv: string;
  /** As committed. undefined: not read yet, or forgotten. */
  head: Head | undefined;
  /** Where the numbering of the attempt under way stands. */
  next: { seq: number; number: number };
  /** Operations queued or in flight. */
  owed: number;
  /** Events of a batch that was just committed, until the conversation is told. */
  committed: LogEvent[];
}

export interface Entry {
  readonly event: LogEvent;
  readonly bytes: number;
  /** Requests that are answered with its result: the first and its retries. */
  readonly requests: number[];
  readonly account: Account;
}

export const ledgerLimits = {
  /** About a second of work at full speed; beyond it waiting would only hide the overload. */
  queueItemsMax: 50_000,
  queueBytesMax: 64 * 1024 * 1024,
  /** Rows of one batch. Larger ones gain little and hold their acks back. */
  batchItemsMax: 4_000,
  batchBytesMax: 4 * 1024 * 1024,
} as const;

export class Ledger {
  private readonly accounts = new Map<string, Account>();
  private readonly pending = new Map<string, Entry>();
  private queue: Entry[] = [];
  private taken = 0;
  private queuedBytes = 0;

  /** Entries that wait for a batch. */
  get queued(): number {
    return this.queue.length - this.taken;
  }

  /** Entries queued or in flight. */
  get owed(): number {
    return this.pending.size;
  }

  hasRoom(): boolean {
    return this.queued < ledgerLimits.queueItemsMax && this.queuedBytes < ledgerLimits.queueBytesMax;
  }

  find(id: string): Entry | undefined {
    return this.pending.get(id);
  }

  isFree(conv: string): boolean {
    return (this.accounts.get(conv)?.owed ?? 0) === 0;
  }

  /** The conversation was read: its operations are numbered from here on. */
  begin(conv: string, head: Head): void {
    this.accountOf(conv).head = { ...head };
  }

  /** Nobody needs its head any more. What is still owed of it keeps its account. */
  forget(conv: string): void {
    if (this.isFree(conv)) this.accounts.delete(conv);
  }

  add(append: Append): void {
    // A retry that overtook its own commit brings the committed event again, and batches number what they hold.
    const event = append.event.seq === 0 ? append.event : { ...append.event };
    const account = this.accountOf(event.conv);
    account.owed += 1;
    const entry: Entry = { event, bytes: append.bytes, requests: [append.request], account };
    this.pending.set(event.id, entry);
    this.queue.push(entry);
    this.queuedBytes += append.bytes;
  }

  /** The next batch, in the order of admission. */
  take(): Entry[] {
    const start = this.taken;
    let end = start;
    let bytes = 0;
    while (end < this.queue.length && end - start < ledgerLimits.batchItemsMax) {
      const entry = this.queue[end] as Entry;
      if (end > start && bytes + entry.bytes > ledgerLimits.batchBytesMax) break;
      bytes += entry.bytes;
      end += 1;
    }
    const batch = this.queue.slice(start, end);
    this.queuedBytes -= bytes;
    this.taken = end;
    if (this.taken === this.queue.length) {
      this.queue = [];
      this.taken = 0;
    } else if (this.taken > 8 * ledgerLimits.batchItemsMax) {
      this.queue = this.queue.slice(this.taken);
      this.taken = 0;
    }
    return batch;
  }

  /** The entry has its result. Returns true when nothing else of its conversation is owed. */
  settle({ event, account }: Entry): boolean {
    this.pending.delete(event.id);
    account.owed -= 1;
    return account.owed === 0;
  }

  private accountOf(conv: string): Account {
    let account = this.accounts.get(conv);
    if (account === undefined) {
      account = { conv, head: undefined, next: { seq: 0, number: 0 }, owed: 0, committed: [] };
      this.accounts.set(conv, account);
    }
    return account;
  }
}
