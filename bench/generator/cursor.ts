/** How far one who hears a room has come in its order, and what was lacking on the way. */
import type { Order } from './order.js';

/** A room as the checker sees it. */
export interface CheckedRoom {
  readonly index: number;
  readonly order: Order;
  readonly cursors: Cursor[];
  acked: number;
  /** Of those, the ones that somebody was shown. */
  ackedShown: number;
  /** Messages that were shown and have no place in the order (see `early`): by key, when they were due. */
  readonly strays: Map<number, number>;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export class Cursor {
  readonly room: CheckedRoom;
  /** The place in the order it expects next. */
  at = 0;
  delivered = 0;
  /** Places it has passed without being shown what is there, with the key (or a hole). */
  readonly missing = new Map<number, number>();
  /**
   * Messages nobody had been shown, which came while others of the order were due: by key, what was due. Either this one
   * was not shown what was due, or those who were have not been shown this message. What follows tells which.
   */
  readonly early = new Map<number, number>();
  /** Numbers of the target that it was told will not come. */
  readonly excused: Range[] = [];
  /** Its connection has ended: from then on nothing is due to it. */
  isGone = false;
  /** Latencies of its deliveries are recorded. */
  isSampled = true;

  constructor(room: CheckedRoom) {
    this.room = room;
  }

  /**
   * It was shown what is at `place`, and between only what came early. @returns how many of these it was shown before
   * something that others were shown before them
   */
  skipTo(place: number): number {
    const inverted = this.passTo(place);
    this.at = place + 1;
    return inverted;
  }

  /** The same, for all of the order that is left: what is not there yet is not missing. */
  finish(): number {
    return this.early.size === 0 ? 0 : this.passTo(this.room.order.end, false);
  }

  private passTo(place: number, isMissing = true): number {
    const { order } = this.room;
    let inverted = 0;
    for (let passed = this.at; passed < place; passed++) {
      const key = order.keyAt(passed);
      const due = this.early.get(key);
      if (due === undefined) {
        if (isMissing) this.missing.set(passed, key);
      } else if (this.hasShown(due, passed)) inverted++;
    }
    if (isMissing)
      for (let passed = this.at; passed < place; passed++) this.early.delete(order.keyAt(passed));
    return inverted;
  }

  /** Any from `from` to before `to`, not counting what came early itself. */
  private hasShown(from: number, to: number): boolean {
    for (let place = from; place < Math.min(to, this.at); place++) if (!this.missing.has(place)) return true;
    return false;
  }

  isExcused(place: number): boolean {
    const { seqBase } = this.room.order;
    if (seqBase === undefined) return false;
    return this.excused.some(({ from, to }) => seqBase + place >= from && seqBase + place <= to);
  }
}

/** Acked messages of the room that this one was not shown, when all is over. */
export function lostBy(cursor: Cursor, isAcked: (key: number) => boolean): number {
  const { room, excused } = cursor;
  const { order, strays } = room;
  let excusedLeft = excused.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  let lost = 0;
  const judge = (place: number, known: number) => {
    const key = known < 0 ? (order.filled.get(place) ?? known) : known;
    // What no one was shown is counted below.
    if (key < 0 || !isAcked(key)) return;
    if (cursor.isExcused(place)) excusedLeft--;
    else lost++;
  };
  for (const [place, key] of cursor.missing) judge(place, key);
  if (cursor.isGone) return lost;
  for (let place = cursor.at; place < order.end; place++) {
    const key = order.keyAt(place);
    if (!cursor.early.has(key)) judge(place, key);
  }
  for (const key of strays.keys()) if (!cursor.early.has(key) && isAcked(key)) lost++;
  const shownToNobody = room.acked - room.ackedShown;
  return lost + Math.max(0, shownToNobody - Math.max(0, excusedLeft));
}
