/**
 * One conversation that is listened to: whatever arrives, twice, too early or by way of history, goes on once and
 * in order (P6). Pure: it says what may be delivered and what is missing; subscriptions.ts does the rest.
 */
import type { UnknownEvent } from '#src/wire/codec.js';
import type { LogEvent } from '#src/wire/events.js';

/** Events kept that came before their turn. What does not fit is pulled again later. */
const earlyMax = 1000;

export class Subscription {
  readonly conv: string;
  /** The last seq that was delivered; undefined until the server has said where it begins. */
  have: number | undefined;
  private readonly early = new Map<number, LogEvent | UnknownEvent>();
  /** The highest seq that is known to exist. */
  private head = 0;

  constructor(conv: string, have: number | undefined) {
    this.conv = conv;
    this.have = have;
  }

  /** The server's answer: without a place of its own it begins behind the head (W10). */
  began(head: number): void {
    this.have ??= head;
  }

  /** Everything up to `head` exists, so it is missing unless it comes. */
  learn(head: number): void {
    this.head = Math.max(this.head, head);
  }

  /** The seqs after `have` up to here are missing; undefined when nothing is known to be. */
  get missingUpTo(): number | undefined {
    return this.have !== undefined && this.have < this.head ? this.head : undefined;
  }

  /** What lies before is not wanted any more: it goes on after `head`. */
  jump(head: number): void {
    this.have = head;
    for (const seq of this.early.keys()) if (seq <= head) this.early.delete(seq);
  }

  /** Takes an event and returns those whose turn it is now, in order. Those of unknown kinds only take up their place. */
  take(event: LogEvent | UnknownEvent): Array<LogEvent | UnknownEvent> {
    this.have ??= event.seq - 1;
    if (event.seq <= this.have) return [];
    if (event.seq > this.have + 1) {
      this.learn(event.seq);
      if (this.early.size < earlyMax) this.early.set(event.seq, event);
      return [];
    }
    const due: Array<LogEvent | UnknownEvent> = [];
    for (let next: LogEvent | UnknownEvent | undefined = event; next !== undefined; ) {
      this.have = next.seq;
      due.push(next);
      next = this.early.get(this.have + 1);
      this.early.delete(this.have + 1);
    }
    // What came early and then by history as well.
    for (const seq of this.early.keys()) if (seq <= this.have) this.early.delete(seq);
    return due;
  }
}
