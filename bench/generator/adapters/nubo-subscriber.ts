/** Subscribes to a client's rooms, so many at a time, and knows when it hears them all. Both codecs use it. */
import type { Sink } from '../adapter.js';

/** Refs of subscriptions begin here: those of messages never get so far. */
const firstRef = 0xf000_0000;
export const subscriptionsAtOnce = 128;

export class Subscriber {
  private readonly hears: readonly number[];
  private readonly sink: Sink;
  private asked = 0;
  private heard = 0;

  constructor(hears: readonly number[], sink: Sink) {
    this.hears = hears;
    this.sink = sink;
  }

  /** The rooms to subscribe to now; none when enough are under way, or all. */
  next(): readonly number[] {
    const rooms = this.hears.slice(this.asked, this.heard + subscriptionsAtOnce);
    this.asked += rooms.length;
    return rooms;
  }

  refOf(room: number): number {
    return firstRef + room;
  }

  /** Is it the ref of a subscription? */
  isOurs(ref: number): boolean {
    return ref >= firstRef;
  }

  /** Authenticated: ready, when there is nothing to hear. */
  greeted(): void {
    if (this.hears.length === 0) this.sink.ready();
  }

  /** One more room is heard. */
  resumed(): void {
    this.heard++;
    if (this.heard === this.hears.length) this.sink.ready();
  }
}
