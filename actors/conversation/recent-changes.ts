/**
 * Which messages were changed last, so that an answer of the store about one of them can be told from one that is too
 * old. It knows what it does not know: at or below `floor`, a change may have been forgotten.
 */
import type { MessageChange } from '#src/wire/events.js';

const itemsMax = 1024;

export class RecentChanges {
  /** The seq of the last change by message, the oldest first. */
  private readonly seqs = new Map<string, number>();
  private floor: number;
  private readonly deleted = new Set<string>();

  /** @param head the seq up to which the store was read: what is asked from now on knows all of that */
  constructor(head: number) {
    this.floor = head;
  }

  add({ ev, message, seq }: MessageChange): void {
    this.seqs.delete(message);
    this.seqs.set(message, seq);
    if (ev === 'message.delete') this.deleted.add(message);
    if (this.seqs.size <= itemsMax) return;
    for (const [oldest, at] of this.seqs) {
      this.seqs.delete(oldest);
      this.deleted.delete(oldest);
      this.floor = at;
      return;
    }
  }

  /** Was it deleted lately? What a read that is under way says of it is too old then. */
  isDeleted(message: string): boolean {
    return this.deleted.has(message);
  }

  /** May the message have been changed since the store was asked, at head `askedAt`, and said `version`? */
  isOutdated(message: string, { askedAt, version }: { askedAt: number; version: number }): boolean {
    const seq = this.seqs.get(message);
    return seq === undefined ? askedAt < this.floor : seq > version;
  }
}
