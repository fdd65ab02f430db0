/**
 * Changes of messages that are not here. A page that was read before such a change may arrive after it: the change is
 * made up for then. Bounded: beyond the bound the oldest are forgotten, and a page that may lack them is of no use.
 */
import { withoutContents } from '#src/storage/facts.js';
import type { MessageChange } from '#src/wire/events.js';

export const lateChangesMax = 4096;

export class LateChanges {
  /** The seq of the last change that was forgotten. */
  floor = 0;
  private readonly bySeq = new Map<number, MessageChange>();
  private readonly byMessage = new Map<string, MessageChange[]>();

  add(change: MessageChange): void {
    if (change.ev === 'message.delete') this.forgetContents(change.message);
    this.bySeq.set(change.seq, change);
    const others = this.byMessage.get(change.message);
    if (others === undefined) this.byMessage.set(change.message, [change]);
    else others.push(change);
    if (this.bySeq.size <= lateChangesMax) return;
    for (const oldest of this.bySeq.values()) return this.forget(oldest);
  }

  /** Those of a message, in order. */
  of(message: string): readonly MessageChange[] {
    return this.byMessage.get(message) ?? [];
  }

  clear(): void {
    this.bySeq.clear();
    this.byMessage.clear();
    this.floor = 0;
  }

  private forget(change: MessageChange): void {
    this.floor = change.seq;
    this.bySeq.delete(change.seq);
    const left = this.of(change.message).filter(({ seq }) => seq !== change.seq);
    if (left.length === 0) this.byMessage.delete(change.message);
    else this.byMessage.set(change.message, left);
  }

  /** What a deleted message said is not kept here either. */
  forgetContents(message: string): void {
    const left = this.of(message).map((change) => withoutContents(change) as MessageChange);
    if (left.length === 0) return;
    this.byMessage.set(message, left);
    for (const change of left) this.bySeq.set(change.seq, change);
  }
}
