/**
 * What waits for one actor: system messages first (A2), then ordinary ones, each in the order they came. A message
 * leaves only when it was handled, so a crash takes nothing with it (A4).
 */
import { Queue } from './queue.js';

export class Mailbox {
  /** Unbounded here: their number is bounded by what they answer. */
  readonly system = new Queue<unknown>();
  readonly ordinary = new Queue<unknown>();

  get size(): number {
    return this.system.size + this.ordinary.size;
  }

  /** false: it does not fit, in items or in bytes (A1). */
  offer(message: unknown, bytes: number, bounds: { itemsMax: number; bytesMax: number }): boolean {
    const { ordinary } = this;
    if (ordinary.size >= bounds.itemsMax || ordinary.bytes + bytes > bounds.bytesMax) return false;
    ordinary.push(message, bytes);
    return true;
  }

  /** The queue whose first message is next; undefined when nothing waits. */
  next(): Queue<unknown> | undefined {
    if (this.system.size > 0) return this.system;
    return this.ordinary.size > 0 ? this.ordinary : undefined;
  }

  clear(): void {
    this.system.clear();
    this.ordinary.clear();
  }
}
