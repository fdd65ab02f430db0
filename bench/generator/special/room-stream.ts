/**
 * What one listener has of one room, as seqs: live events must come one after another, what a `gap` tells is pulled, and
 * nothing may be missing in silence. Knows no socket.
 */
export type StreamFault = 'duplicate' | 'skipped' | 'gap beyond' | 'page';

export class RoomStream {
  readonly room: number;
  /** Where it began to listen; −1 before. */
  start = -1;
  /** Everything up to here was shown or pulled. */
  has = -1;
  /** The last seq that was shown live, or told by a gap. */
  live = -1;
  /** Pulling goes on until everything up to here is there. */
  pullTo = -1;
  isPulling = false;
  /** It has resumed, and has pulled what it was told to lack. */
  isCaughtUp = false;
  /** Different seqs it had. */
  delivered = 0;
  /** Seqs beyond `has` that are there. */
  private readonly ahead = new Set<number>();
  /** The next seq of the page that is being read. */
  private pageNext = 0;

  constructor(room: number) {
    this.room = room;
  }

  /** A subscription begins: what comes from now on follows `has`. */
  begin(): void {
    this.delivered -= this.ahead.size;
    this.ahead.clear();
    this.live = this.has;
    this.pullTo = this.has;
    this.isPulling = false;
    this.isCaughtUp = false;
  }

  /** The first subscription, without a past: everything up to `head` is no affair of it. */
  beginAt(head: number): void {
    this.start = head;
    this.has = head;
    this.live = head;
    this.pullTo = head;
  }

  onLive(seq: number): StreamFault | undefined {
    if (seq <= this.live) return 'duplicate';
    const isNext = seq === this.live + 1;
    this.live = seq;
    this.add(seq);
    return isNext ? undefined : 'skipped';
  }

  onGap(have: number, head: number): StreamFault | undefined {
    const fault = have > this.live ? 'gap beyond' : undefined;
    this.live = Math.max(this.live, head);
    this.pullTo = Math.max(this.pullTo, head);
    return fault;
  }

  /** @returns after which seq to ask */
  beginPage(): number {
    this.isPulling = true;
    this.pageNext = this.has + 1;
    return this.has;
  }

  onPageEvent(seq: number): StreamFault | undefined {
    const isNext = seq === this.pageNext;
    this.pageNext = seq + 1;
    this.add(seq);
    return isNext ? undefined : 'page';
  }

  get lacksPulling(): boolean {
    return this.has < this.pullTo;
  }

  private add(seq: number): void {
    if (seq <= this.has || this.ahead.has(seq)) return;
    this.delivered += 1;
    if (seq !== this.has + 1) {
      this.ahead.add(seq);
      return;
    }
    this.has = seq;
    while (this.ahead.delete(this.has + 1)) this.has += 1;
  }
}
