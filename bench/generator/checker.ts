/**
 * Holds every answer and every delivery against what was sent, while the load runs. What is as expected takes the short
 * way through `deliver`: the next of the room's order, or a new message at its end. All else goes to `judge`.
 */
import type { Checks, ClientPlan } from '../contract.js';
import { type CheckedRoom, Cursor, lostBy } from './cursor.js';
import { finish, judge } from './judge.js';
import { refOf, senderOf } from './mark.js';
import { keyOf, Order, refOfKey, senderOfKey } from './order.js';
import { acked, refused, SentWindow, shown } from './sent.js';
import type { Texts } from './texts.js';

export interface CheckerOptions {
  readonly clients: readonly Pick<ClientPlan, 'hears' | 'sends'>[];
  readonly rooms: number;
  readonly texts: Texts;
}

const detailsMax = 10;
/** Answer of `follow`: less than any time. */
export const notSimple = -1;

/** Counts of what is wrong. */
export type Fault = 'duplicates' | 'disordered' | 'foreign';

export class Checker {
  sent = 0;
  acked = 0;
  refused = 0;
  delivered = 0;
  gapsTold = 0;
  disconnects = 0;
  readonly faults = { duplicates: 0, disordered: 0, foreign: 0 };
  readonly rooms: readonly CheckedRoom[];
  /** By client; undefined for those who send nothing. */
  readonly windows: readonly (SentWindow | undefined)[];
  private readonly clients: CheckerOptions['clients'];
  private readonly texts: Texts;
  private readonly details: string[] = [];

  constructor({ clients, rooms, texts }: CheckerOptions) {
    this.clients = clients;
    this.texts = texts;
    this.rooms = Array.from({ length: rooms }, (_, index) => ({
      ...{ index, order: new Order(), cursors: [], acked: 0, ackedShown: 0, strays: new Map() },
    }));
    this.windows = clients.map(({ sends }) => (sends.length > 0 ? new SentWindow() : undefined));
  }

  /** One who hears a room; with `isCounted` false one whose deliveries are nobody's. */
  listen(room: number, isCounted = true): Cursor {
    const checked = this.rooms[room];
    if (checked === undefined) throw new Error(`There is no room ${room} in the crowd.`);
    const cursor = new Cursor(checked);
    if (isCounted) checked.cursors.push(cursor);
    return cursor;
  }

  /** The room of a sender's message: by turns. */
  roomOf(sender: number, ref: number): number {
    const { sends } = this.clients[sender] as ClientPlan;
    return (sends.length === 1 ? sends[0] : sends[ref % sends.length]) as number;
  }

  /** @returns the message's ref */
  send(sender: number, due: number): number {
    const window = this.windows[sender] as SentWindow;
    const hasListeners = (this.rooms[this.roomOf(sender, window.next)] as CheckedRoom).cursors.length > 0;
    this.sent++;
    return window.add(due, hasListeners ? 0 : shown);
  }

  /** @returns when it was due; NaN when nothing of that ref waits for an answer */
  ack(sender: number, ref: number): number {
    const window = this.windows[sender];
    if (window === undefined || !this.isOpen(sender, ref)) return Number.NaN;
    const due = window.dueOf(ref);
    const room = this.rooms[this.roomOf(sender, ref)] as CheckedRoom;
    this.acked++;
    room.acked++;
    if ((window.stateOf(ref) & shown) !== 0) room.ackedShown++;
    window.mark(ref, acked);
    return due;
  }

  /** @returns false when nothing of that ref waits for an answer */
  refuse(sender: number, ref: number, why: string): boolean {
    if (!this.isOpen(sender, ref)) return false;
    this.refused++;
    this.note(`client ${sender}, message ${ref} was refused: ${why}`);
    this.windows[sender]?.mark(ref, refused);
    return true;
  }

  private isOpen(sender: number, ref: number): boolean {
    const window = this.windows[sender];
    const isOpen = window?.has(ref) === true && (window.stateOf(ref) & (acked | refused)) === 0;
    if (!isOpen)
      this.fault('foreign', `client ${sender} was given a second answer, or one to nothing: ${ref}`);
    return isOpen;
  }

  /**
   * Somebody was shown the text at `at` of `bytes`. @returns when it was due; NaN when that is not known.
   */
  deliver(cursor: Cursor, bytes: Uint8Array, at: number, seq: number | undefined): number {
    this.delivered++;
    cursor.delivered++;
    const due = this.follow(cursor, bytes, at, seq);
    if (due !== notSimple) return due;
    const sender = senderOf(bytes, at);
    const ref = sender < 0 ? -1 : refOf(bytes, at);
    const text = { isKnown: this.isKnown(cursor, sender, ref), isSame: false };
    text.isSame = text.isKnown && this.texts.isSame(sender, ref, bytes, at);
    return judge(this, cursor, { sender, ref, seq, ...text });
  }

  /**
   * The short way. @returns when it was due (NaN when that is not known); `notSimple`, and has changed nothing, when it
   * is neither the next of the order nor a new one at its end
   */
  follow(cursor: Cursor, bytes: Uint8Array, at: number, seq: number | undefined): number {
    const sender = senderOf(bytes, at);
    if (sender < 0) return notSimple;
    const ref = refOf(bytes, at);
    const { room } = cursor;
    const { order } = room;
    const key = keyOf(sender, ref);
    if (cursor.at < order.end) {
      if (order.keyAt(cursor.at) !== key) return notSimple;
      if (seq !== undefined && seq !== (order.seqBase as number) + cursor.at) return notSimple;
      if (!this.texts.isSame(sender, ref, bytes, at)) return notSimple;
      return order.dueAt(cursor.at++);
    }
    if (!this.isKnown(cursor, sender, ref)) return notSimple;
    const window = this.windows[sender] as SentWindow;
    if ((window.stateOf(ref) & shown) !== 0) return notSimple;
    if (seq !== undefined && order.seqBase !== undefined && seq !== order.seqBase + order.end)
      return notSimple;
    if (!this.texts.isSame(sender, ref, bytes, at)) return notSimple;
    if (seq !== undefined && order.seqBase === undefined) order.seqBase = seq - order.end;
    const due = window.dueOf(ref);
    order.push(key, due);
    this.show(room, sender, ref);
    cursor.at++;
    return due;
  }

  /** Was it sent, and to this room? */
  private isKnown(cursor: Cursor, sender: number, ref: number): boolean {
    const window = this.windows[sender];
    return window?.has(ref) === true && this.roomOf(sender, ref) === cursor.room.index;
  }

  /** For the first time, to anybody. */
  show(room: CheckedRoom, sender: number, ref: number): void {
    const window = this.windows[sender] as SentWindow;
    if ((window.stateOf(ref) & acked) !== 0) room.ackedShown++;
    window.mark(ref, shown);
  }

  isShown(sender: number, ref: number): boolean {
    return ((this.windows[sender]?.stateOf(ref) ?? 0) & shown) !== 0;
  }

  gap(cursor: Cursor, from: number, to: number): void {
    this.gapsTold++;
    cursor.excused.push({ from, to });
  }

  disconnect(sender: number, cursors: readonly Cursor[], why: string): void {
    this.disconnects++;
    this.note(`client ${sender} lost its connection: ${why}`);
    for (const cursor of cursors) cursor.isGone = true;
  }

  fault(kind: Fault, what: string): void {
    this.faults[kind]++;
    this.note(`${kind}: ${what}`);
  }

  private note(what: string): void {
    if (this.details.length < detailsMax) this.details.push(what);
  }

  /** Drops what everybody has passed. Called now and then, so that memory follows the slowest and not the whole run. */
  sweep(): void {
    for (const { order, cursors } of this.rooms) {
      let least = order.end;
      for (const cursor of cursors) if (!cursor.isGone && cursor.at < least) least = cursor.at;
      order.drop(least);
    }
  }

  /** Everything sent is answered, and everything acked was shown to all. */
  isSettled(): boolean {
    return this.acked + this.refused === this.sent && this.lost() === 0;
  }

  private lost(isTold = false): number {
    const isAcked = (key: number) =>
      ((this.windows[senderOfKey(key)]?.stateOf(refOfKey(key)) ?? 0) & acked) !== 0;
    let lost = 0;
    for (const { index, cursors } of this.rooms) {
      for (const cursor of cursors) {
        const count = lostBy(cursor, isAcked);
        if (count > 0 && isTold) this.note(`lost: ${count} of room ${index}`);
        lost += count;
      }
    }
    return lost;
  }

  /** When the drain is over. */
  checks(): Checks {
    for (const { cursors } of this.rooms) for (const cursor of cursors) finish(this, cursor);
    const { sent, acked: answered, refused: turnedDown, delivered, gapsTold, disconnects, faults } = this;
    const lost = this.lost(true);
    let due = 0;
    for (const room of this.rooms) {
      for (const { isGone, delivered: had } of room.cursors) due += isGone ? had : room.acked;
    }
    return {
      ...{ sent, acked: answered, refused: turnedDown, unanswered: sent - answered - turnedDown },
      ...{ delivered, due, lost, ...faults, gapsTold, disconnects, details: this.details },
    };
  }
}
