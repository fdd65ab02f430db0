/** What happens in a soak beside messages: reads, typing, connections that are lost and come back by seq. */
import { setTimeout as wait } from 'node:timers/promises';
import { Latencies } from '../../latencies.js';
import type { Book } from '../book.js';
import type { Circle } from '../circle.js';
import { type Client, openClient } from '../client.js';
import type { Listener } from '../listener.js';
import type { SoakTask } from '../tasks.js';

const readersMax = 4;
const pageEvents = 50;
/** Bystanders act so often a second, each time a part of what is due. */
const stepsPerSecond = 20;

export class Bystanders {
  reads = 0;
  wrongReads = 0;
  cuts = 0;
  typingSent = 0;
  readonly resumed = new Latencies();
  private readonly circle: Circle;
  private readonly book: Book;
  private readonly random: () => number;
  private readonly readers: PageReader[] = [];
  private readonly comingBack = new Set<Promise<void>>();
  private failure: Error | undefined;
  private steps = 0;

  constructor(circle: Circle, book: Book, random: () => number) {
    this.circle = circle;
    this.book = book;
    this.random = random;
  }

  async open(task: SoakTask): Promise<void> {
    const guests = task.guests.slice(0, readersMax);
    this.readers.push(...guests.map(({ hears }) => new PageReader(this.book, hears)));
    await Promise.all(this.readers.map((reader, index) => reader.open(task, guests[index]?.token ?? '')));
  }

  /** Until this time of `performance.now()`. */
  async live(task: SoakTask, until: number): Promise<void> {
    while (performance.now() < until) {
      this.steps += 1;
      for (let left = this.dueOf(task.readsPerSecond); left > 0; left -= 1) this.read();
      for (let left = this.dueOf(task.typingPerSecond); left > 0; left -= 1) this.type();
      for (let left = this.dueOf(task.cutsPerSecond); left > 0; left -= 1) this.cutOne();
      await wait(Math.min(1000 / stepsPerSecond, Math.max(0, until - performance.now())));
    }
  }

  /** Resolves when everybody is back. @throws whatever kept somebody from it */
  async settled(): Promise<void> {
    await Promise.all(this.comingBack);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Pages that have not come by now never will. */
  close(): void {
    for (const reader of this.readers) {
      this.wrongReads += reader.unanswered;
      reader.close();
    }
  }

  /** How many of something are due in this step. */
  private dueOf(perSecond: number): number {
    const each = perSecond / stepsPerSecond;
    return Math.floor(each * this.steps) - Math.floor(each * (this.steps - 1));
  }

  private pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.random() * items.length)];
  }

  private read(): void {
    this.reads += 1;
    this.pick(this.readers)?.read(this.random(), (isRight) => {
      if (!isRight) this.wrongReads += 1;
    });
  }

  private type(): void {
    const listener = this.pick(this.circle.listeners);
    const stream = listener?.streams[0];
    if (listener?.isOpen !== true || stream === undefined) return;
    this.typingSent += 1;
    listener.post([{ op: 'typing.start', conv: this.book.conversations[stream.room] ?? '' }]);
  }

  private cutOne(): void {
    const listener = this.pick(this.circle.listeners);
    if (listener?.isOpen !== true) return;
    this.cuts += 1;
    listener.cut();
    const back = this.comeBack(listener)
      .catch((error: unknown) => {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.comingBack.delete(back));
    this.comingBack.add(back);
  }

  private async comeBack(listener: Listener): Promise<void> {
    await wait(100 + 900 * this.random());
    const startedAt = performance.now();
    await this.circle.connectOne(listener);
    this.resumed.record(performance.now() - startedAt);
  }
}

/** A connection of its own for reads: each page must be dense and of the room that was asked for. */
class PageReader {
  private readonly book: Book;
  private readonly rooms: readonly number[];
  private readonly waiting = new Map<number, { conv: string; answered: (isRight: boolean) => void }>();
  private client: Client | undefined;
  private ref = 0;
  private convs: string[] = [];
  private seqs: number[] = [];

  constructor(book: Book, rooms: readonly number[]) {
    this.book = book;
    this.rooms = rooms;
  }

  async open({ address, codec }: SoakTask, token: string): Promise<void> {
    this.client = await openClient({
      ...{ address, codec, token },
      cares: {
        event: (conv, seq) => {
          this.convs.push(conv);
          this.seqs.push(seq);
        },
        ack: (ref) => this.onPage(ref),
        refused: (ref) => this.answer(ref ?? -1, false),
      },
      ended: (why) => {
        this.book.disconnects += 1;
        this.book.note(`a reader: ${why}`);
      },
    });
  }

  /** The page before a place in the room; the newest when it is at its end. `place`: 0 to 1. */
  read(place: number, answered: (isRight: boolean) => void): void {
    const room = this.rooms[Math.floor(place * this.rooms.length)] ?? 0;
    const conv = this.book.conversations[room] ?? '';
    const before = Math.floor(this.book.headOf(room) * ((place * 997) % 1));
    const ref = ++this.ref;
    this.waiting.set(ref, { conv, answered });
    const isNewest = before <= 1 || ref % 2 === 0;
    this.client?.post([{ op: 'history', ref, conv, limit: pageEvents, ...(isNewest ? {} : { before }) }]);
  }

  get unanswered(): number {
    return this.waiting.size;
  }

  close(): void {
    this.client?.socket.cut();
  }

  private onPage(ref: number): void {
    const { convs, seqs } = this;
    this.convs = [];
    this.seqs = [];
    const conv = this.waiting.get(ref)?.conv;
    const isDense = seqs.every((seq, index) => index === 0 || seq === (seqs[index - 1] ?? 0) + 1);
    const isRight = seqs.length > 0 && isDense && convs.every((each) => each === conv);
    if (!isRight)
      this.book.note(`a page of ${conv} was not dense: ${seqs[0]} to ${seqs.at(-1)}, ${seqs.length} events`);
    this.answer(ref, isRight);
  }

  private answer(ref: number, isRight: boolean): void {
    this.waiting.get(ref)?.answered(isRight);
    this.waiting.delete(ref);
  }
}
