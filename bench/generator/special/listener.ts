/**
 * A client who hears rooms and lets nothing pass: what is shown must follow what it has, what it is told to lack it pulls,
 * and after a lost connection it resumes by seq.
 */

import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import type { Book } from './book.js';
import { Client, type ServerPlace } from './client.js';
import type { Hearer } from './messages.js';
import { RoomStream, type StreamFault } from './room-stream.js';
import type { Guest } from './tasks.js';

export interface ListenerOptions {
  readonly server: ServerPlace;
  readonly book: Book;
  readonly guest: Guest;
  readonly name: string;
}

/** Refs of pulls begin here; below are those of subscriptions. */
const pullRefs = 1_000_000;
const pageEvents = wireLimits.historyEventsMax;

export class Listener implements Hearer {
  readonly streams: readonly RoomStream[];
  /** Counts its delivery latencies; those of who does not read would tell about itself. */
  isMeasured = true;
  /** `performance.now()` of the last `hello`. */
  helloAt = 0;
  isOpen = false;
  gapsTold = 0;
  pagesPulled = 0;
  typingShown = 0;
  /** The connection ended by itself; the book knows already. */
  onLost: (() => void) | undefined;
  private readonly options: ListenerOptions;
  private client: Client | undefined;
  private settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(options: ListenerOptions) {
    this.options = options;
    this.streams = options.guest.hears.map((room) => new RoomStream(room));
  }

  /** Connects and subscribes. Resolves when it has all there is; rejects when the connection ends before. */
  connect(): Promise<void> {
    const { server, guest } = this.options;
    for (const stream of this.streams) stream.begin();
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      const client: Client = new Client({
        ...server,
        token: guest.token,
        hearer: this,
        ended: (why) => {
          if (this.client === client) this.onEnded(why);
        },
      });
      this.client = client;
    });
  }

  /** Ends the connection without a word. */
  cut(): void {
    this.isOpen = false;
    this.client?.socket.cut();
    this.client = undefined;
  }

  pause(): void {
    this.client?.socket.pause();
  }

  /** Reads only so fast until `resume`. */
  throttle(bytesPerSecond: number): void {
    if (bytesPerSecond === 0) this.pause();
    else this.client?.socket.throttle(bytesPerSecond);
  }

  resume(): void {
    this.client?.socket.resume();
  }

  post(operations: readonly Operation[]): void {
    this.client?.post(operations);
  }

  /** Has it everything up to where the rooms are known to stand? */
  get isComplete(): boolean {
    return this.streams.every(({ room, has }) => has >= this.options.book.headOf(room));
  }

  hello(): void {
    this.helloAt = performance.now();
    this.isOpen = true;
    if (this.streams.length === 0) return this.caughtUp();
    this.client?.post(this.streams.map((_, place) => this.subscription(place)));
  }

  ack(ref: number, _seq: number | undefined, head: number | undefined): void {
    if (ref >= pullRefs) return this.onPage(ref - pullRefs);
    const stream = this.streams[ref];
    if (stream === undefined || head === undefined) return;
    this.options.book.reached(stream.room, head);
    if (stream.start < 0) stream.beginAt(head);
  }

  refused(ref: number | undefined, code: string, retryMs: number | undefined): void {
    if (ref === undefined) return;
    const stream = this.streams[ref >= pullRefs ? ref - pullRefs : ref];
    if (stream === undefined) return;
    if (retryMs === undefined) {
      this.fail(`room ${stream.room} was refused: ${code}`);
      return;
    }
    const { client } = this;
    setTimeout(() => {
      if (this.client !== client) return;
      if (ref >= pullRefs) this.pull(ref - pullRefs);
      else client?.post([this.subscription(ref)]);
    }, retryMs);
  }

  event(conv: string, seq: number, mark: number | undefined, isOfPage: boolean): void {
    const { book } = this.options;
    const stream = this.streamOf(conv);
    if (stream === undefined) {
      book.foreign += 1;
      book.note(`${this.options.name} was shown ${conv}, which it does not hear`);
      return;
    }
    // What one was shown is there for all.
    book.reached(stream.room, seq);
    this.blame(stream, seq, isOfPage ? stream.onPageEvent(seq) : stream.onLive(seq));
    if (mark !== undefined)
      book.shown(stream.room, seq, mark, this.isMeasured && !isOfPage && stream.isCaughtUp);
  }

  gap(conv: string, have: number, head: number): void {
    const place = this.streams.findIndex((stream) => this.options.book.conversations[stream.room] === conv);
    const stream = this.streams[place];
    if (stream === undefined) return;
    this.gapsTold += 1;
    this.options.book.gapsTold += 1;
    this.options.book.reached(stream.room, head);
    this.blame(stream, have, stream.onGap(have, head));
    if (!stream.isPulling) this.goOn(place);
  }

  resumed(conv: string, upTo: number): void {
    const stream = this.streamOf(conv);
    if (stream === undefined) return;
    this.blame(stream, upTo, upTo === stream.live ? undefined : 'skipped');
    stream.isCaughtUp = !stream.lacksPulling;
    this.caughtUp();
  }

  typing(): void {
    this.typingShown += 1;
  }

  presence(): void {}

  receipts(): void {}

  unsubscribed(conv: string): void {
    this.fail(`the subscription of ${conv} was ended`);
  }

  private subscription(place: number): Operation {
    const stream = this.streams[place] as RoomStream;
    const conv = this.options.book.conversations[stream.room] ?? '';
    return { op: 'subscribe', ref: place, conv, ...(stream.start < 0 ? {} : { have: stream.has }) };
  }

  private pull(place: number): void {
    const stream = this.streams[place] as RoomStream;
    const conv = this.options.book.conversations[stream.room] ?? '';
    const after = stream.beginPage();
    this.client?.post([{ op: 'history', ref: pullRefs + place, conv, after, limit: pageEvents }]);
  }

  private onPage(place: number): void {
    const stream = this.streams[place] as RoomStream;
    stream.isPulling = false;
    this.pagesPulled += 1;
    this.goOn(place);
  }

  /** Pulls until nothing is lacking. */
  private goOn(place: number): void {
    const stream = this.streams[place] as RoomStream;
    if (stream.lacksPulling) return this.pull(place);
    stream.isCaughtUp = true;
    this.caughtUp();
  }

  private caughtUp(): void {
    if (this.settle === undefined || !this.streams.every(({ isCaughtUp }) => isCaughtUp)) return;
    this.settle.resolve();
    this.settle = undefined;
  }

  private streamOf(conv: string): RoomStream | undefined {
    const room = this.options.book.roomOf.get(conv);
    return this.streams.find((stream) => stream.room === room);
  }

  private blame(stream: RoomStream, seq: number, fault: StreamFault | undefined): void {
    if (fault === undefined) return;
    const { book, name } = this.options;
    // What is skipped and never comes is counted as lost at the end.
    if (fault === 'duplicate') book.duplicates += 1;
    else book.disordered += 1;
    book.note(`${name}, room ${stream.room}: seq ${seq}: ${fault} (has ${stream.has}, live ${stream.live})`);
  }

  private fail(why: string): void {
    this.options.book.note(`${this.options.name}: ${why}`);
    this.settle?.reject(new Error(why));
    this.settle = undefined;
  }

  private onEnded(why: string): void {
    this.client = undefined;
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.settle?.reject(new Error(why));
    this.settle = undefined;
    if (!wasOpen) return;
    this.options.book.disconnects += 1;
    this.options.book.note(`${this.options.name}: ${why}`);
    this.onLost?.();
  }
}
