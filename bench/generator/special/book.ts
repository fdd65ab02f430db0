/**
 * What was written into the rooms and what was shown of it: every listener's events are held against it. All clients of a
 * task live in one process, so a message has one due time for all.
 */
import type { Checks } from '../../contract.js';
import { Latencies } from '../latencies.js';
import { refOfKey, senderOfKey } from '../order.js';

/** Of each room, so many of its youngest seqs are known by their marks. */
const marksKept = 1024;
/** Of each writer, so many of its youngest messages are known: when they were due, and what became of them. */
const messagesKept = 4096;
const detailsMax = 12;

class RoomPage {
  /** The highest seq that was acked, told or shown. */
  head = 0;
  readonly marks = new Float64Array(marksKept).fill(-1);
  readonly seqs = new Float64Array(marksKept);
}

class WriterPage {
  sent = 0;
  readonly due = new Float64Array(messagesKept);
  readonly rooms = new Int32Array(messagesKept);
  /** 0 until an ack or a listener tells. */
  readonly seqs = new Float64Array(messagesKept);

  knows(number: number): boolean {
    return number < this.sent && this.sent - number <= messagesKept;
  }
}

export class Book {
  readonly conversations: readonly string[];
  /** From conversation to its room. */
  readonly roomOf: ReadonlyMap<string, number>;
  private readonly rooms: readonly RoomPage[];
  private readonly writers: readonly WriterPage[];
  /** Of now; whoever begins a phase puts others in their place. */
  ack = new Latencies();
  delivery = new Latencies();
  sent = 0;
  acked = 0;
  refused = 0;
  delivered = 0;
  lost = 0;
  duplicates = 0;
  disordered = 0;
  foreign = 0;
  gapsTold = 0;
  disconnects = 0;
  private readonly details: string[] = [];

  constructor(conversations: readonly string[], writers: number) {
    this.conversations = conversations;
    this.roomOf = new Map(conversations.map((conversation, room) => [conversation, room]));
    this.rooms = conversations.map(() => new RoomPage());
    this.writers = Array.from({ length: writers }, () => new WriterPage());
  }

  /** A writer's next message, to this room, is due now, or was. @returns its number */
  next(writer: number, room: number, due: number): number {
    const page = this.writerAt(writer);
    const number = page.sent;
    page.sent += 1;
    this.sent += 1;
    const place = number % messagesKept;
    page.due[place] = due;
    page.rooms[place] = room;
    page.seqs[place] = 0;
    return number;
  }

  /** The message of this mark was acked as this seq of its room. */
  onAck(room: number, seq: number | undefined, { mark, due }: { mark: number; due: number }): void {
    this.acked += 1;
    this.ack.record(performance.now() - due);
    if (seq === undefined) {
      this.disordered += 1;
      this.note(`room ${room}: an ack named no seq`);
      return;
    }
    this.reached(room, seq);
    this.placed(room, seq, mark);
  }

  /** Something else than a message was acked as this seq of its room. */
  onChanged(room: number, seq: number | undefined): void {
    this.acked += 1;
    if (seq !== undefined) return this.reached(room, seq);
    this.disordered += 1;
    this.note(`room ${room}: an ack named no seq`);
  }

  /** The room is known to stand at least there. */
  reached(room: number, seq: number): void {
    const page = this.roomAt(room);
    if (seq > page.head) page.head = seq;
  }

  headOf(room: number): number {
    return this.roomAt(room).head;
  }

  /**
   * A message was shown. `isLive`: as it happened, to somebody whose latency counts. Whether it is that listener's turn is
   * the listener's to know; here is looked at whether it is the one that others saw there, and one that was sent.
   */
  shown(room: number, seq: number, mark: number, isLive: boolean): void {
    this.placed(room, seq, mark);
    if (!isLive || mark < 0) return;
    const writer = this.writers[senderOfKey(mark)];
    const number = refOfKey(mark);
    if (writer?.knows(number) !== true) return;
    this.delivery.record(performance.now() - (writer.due[number % messagesKept] as number));
  }

  /** By an ack or by a listener: what stands at a seq is the same for everybody, and stands nowhere else. */
  private placed(room: number, seq: number, mark: number): void {
    const page = this.roomAt(room);
    const place = seq % marksKept;
    const known = page.seqs[place] as number;
    if (known > seq) return;
    if (known < seq) {
      page.seqs[place] = seq;
      page.marks[place] = mark;
      this.checkSent(room, seq, mark);
    } else if (page.marks[place] !== mark) {
      this.disordered += 1;
      this.note(`room ${room} seq ${seq} has two texts (marks ${page.marks[place]} and ${mark})`);
    }
  }

  private checkSent(room: number, seq: number, mark: number): void {
    const writer = mark < 0 ? undefined : this.writers[senderOfKey(mark)];
    const number = refOfKey(mark);
    if (writer === undefined || number >= writer.sent) {
      this.foreign += 1;
      this.note(`room ${room} seq ${seq} has a text that nobody sent (mark ${mark})`);
      return;
    }
    if (!writer.knows(number)) return;
    const place = number % messagesKept;
    if (writer.rooms[place] !== room) {
      this.foreign += 1;
      this.note(`room ${room} seq ${seq} has a text that was sent to room ${writer.rooms[place]}`);
    } else if (writer.seqs[place] !== 0 && writer.seqs[place] !== seq) {
      this.duplicates += 1;
      this.note(`room ${room} has the message of seq ${writer.seqs[place]} again as seq ${seq}`);
    }
    writer.seqs[place] = seq;
  }

  /** Keeps the first few of what is wrong, in words. */
  note(what: string): void {
    if (this.details.length < detailsMax) this.details.push(what);
  }

  checks(due: number): Checks {
    const { sent, acked, refused, delivered, lost, duplicates, disordered, foreign, gapsTold, disconnects } =
      this;
    const unanswered = sent - acked - refused;
    return {
      ...{ sent, acked, refused, unanswered, delivered, due },
      ...{ lost, duplicates, disordered, foreign, gapsTold, disconnects },
      details: this.details,
    };
  }

  private roomAt(room: number): RoomPage {
    const page = this.rooms[room];
    if (page === undefined) throw new Error(`there is no room ${room}`);
    return page;
  }

  private writerAt(writer: number): WriterPage {
    const page = this.writers[writer];
    if (page === undefined) throw new Error(`there is no writer ${writer}`);
    return page;
  }
}
