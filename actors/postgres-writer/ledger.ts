/**
 * What the writer owes: every admitted operation that is queued or in flight, by id and by conversation, and the
 * heads of the conversations that are active. It outlives the conversation actors, so nothing they crash with is lost.
 */
import type { Head } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Append } from '../messages.js';

export interface Entry {
  readonly event: LogEvent;
  readonly bytes: number;
  /** Requests that are answered with its result: the first and its retries. */
  readonly requests: number[];
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
  readonly heads = new Map<string, Head>();
  private readonly pending = new Map<string, Entry>();
  private readonly pendingByConversation = new Map<string, number>();
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
    return !this.pendingByConversation.has(conv);
  }

  add(append: Append): void {
    // A copy: a retry that overtook its own commit brings the committed object again, and batches number what they hold.
    const entry: Entry = { event: { ...append.event }, bytes: append.bytes, requests: [append.request] };
    this.pending.set(append.event.id, entry);
    const { conv } = append.event;
    this.pendingByConversation.set(conv, (this.pendingByConversation.get(conv) ?? 0) + 1);
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
  settle(entry: Entry): boolean {
    const { id, conv } = entry.event;
    this.pending.delete(id);
    const left = (this.pendingByConversation.get(conv) ?? 1) - 1;
    if (left > 0) {
      this.pendingByConversation.set(conv, left);
      return false;
    }
    this.pendingByConversation.delete(conv);
    return true;
  }
}
