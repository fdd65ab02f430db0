/**
 * Messages into rooms at fixed times, by writers on connections of their own. An open loop: a message is due whether or
 * not earlier ones are answered, and its latency counts from then.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import type { Operation } from '#src/wire/operations.js';
import { keyOf } from '../order.js';
import type { Book } from './book.js';
import { type Client, openClient, type ServerPlace } from './client.js';
import { messagesPerFrame } from './frame-messages.js';
import { markedText } from './marked-text.js';
import type { TrafficPlan } from './tasks.js';

/** A message is written so late at most. */
const tickMs = 1;
const lookMs = 5;
const frameMessagesMax = 32;

interface Pending {
  readonly room: number;
  readonly mark: number;
  readonly due: number;
}

class Writer {
  readonly pending = new Map<number, Pending>();
  private client: Client | undefined;
  private readonly book: Book;
  private readonly number: number;
  private readonly textBytes: number;
  private ref = 0;
  private posts: Operation[] = [];

  constructor(book: Book, number: number, textBytes: number) {
    this.book = book;
    this.number = number;
    this.textBytes = textBytes;
  }

  async open(server: ServerPlace, token: string): Promise<void> {
    this.client = await openClient({
      ...{ ...server, token },
      cares: {
        ack: (ref, seq) => this.onAck(ref, seq),
        refused: (ref, code) => this.onRefused(ref, code),
      },
      ended: (why) => {
        this.book.disconnects += 1;
        this.book.note(`writer ${this.number}: ${why}`);
      },
    });
  }

  write(room: number, due: number): void {
    const ref = ++this.ref;
    const number = this.book.next(this.number, room, due);
    const text = markedText(this.number, number, this.textBytes);
    this.pending.set(ref, { room, mark: keyOf(this.number, number), due });
    this.posts.push({ op: 'send', ref, id: uuidv7(), conv: this.book.conversations[room] ?? '', text });
  }

  flush(): void {
    if (this.posts.length === 0) return;
    const each = messagesPerFrame(this.textBytes, frameMessagesMax);
    for (let start = 0; start < this.posts.length; start += each)
      this.client?.post(this.posts.slice(start, start + each));
    this.posts = [];
  }

  close(): void {
    this.client?.socket.cut();
  }

  private onAck(ref: number, seq: number | undefined): void {
    const pending = this.pending.get(ref);
    if (pending === undefined || !this.pending.delete(ref)) return;
    this.book.onAck(pending.room, seq, pending);
  }

  private onRefused(ref: number | undefined, code: string): void {
    if (ref === undefined || !this.pending.delete(ref)) return;
    this.book.refused += 1;
    this.book.note(`writer ${this.number} was refused: ${code}`);
  }
}

export class Traffic {
  private readonly plan: TrafficPlan;
  private readonly writers: readonly Writer[];
  private timer: NodeJS.Timeout | undefined;
  private startedAt = 0;
  private written = 0;

  constructor(book: Book, plan: TrafficPlan) {
    this.plan = plan;
    this.writers = plan.writers.map((_, number) => new Writer(book, number, plan.textBytes));
  }

  async connect(server: ServerPlace): Promise<void> {
    await Promise.all(
      this.writers.map((writer, number) => writer.open(server, this.plan.writers[number] ?? '')),
    );
  }

  begin(): void {
    this.startedAt = performance.now();
    this.written = 0;
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  private tick(): void {
    const { perSecond, rooms } = this.plan;
    const due = Math.floor(((performance.now() - this.startedAt) / 1000) * perSecond);
    for (; this.written < due; this.written += 1) {
      const writer = this.writers[this.written % this.writers.length];
      // By another step than the writers', so that everybody writes everywhere.
      const room = rooms[Math.floor(this.written / this.writers.length + this.written) % rooms.length] ?? 0;
      writer?.write(room, this.startedAt + ((this.written + 1) / perSecond) * 1000);
    }
    for (const writer of this.writers) writer.flush();
  }

  /** No more messages; resolves when the last is answered, or the time is over. */
  async end(seconds: number): Promise<void> {
    clearInterval(this.timer);
    const until = performance.now() + seconds * 1000;
    while (this.writers.some(({ pending }) => pending.size > 0) && performance.now() < until)
      await wait(lookMs);
  }

  close(): void {
    for (const writer of this.writers) writer.close();
  }
}
