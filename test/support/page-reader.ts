/** Somebody who reads a page of history every second, new and old by turns, and writes down what came. */
import type { StreamItem, StreamRecord } from './checker.js';
import type { Load } from './load.js';
import { WireSocket } from './wire-socket.js';

const everyMs = 1_000;
const pageEvents = 50;

export class PageReader {
  /** Pages that were asked for. */
  asked = 0;
  /** Those that were refused, or had other seqs than were asked for, and the first of them in words. */
  wrong = 0;
  readonly details: string[] = [];
  /** How long the slowest took, in milliseconds. */
  slowestMs = 0;
  private readonly load: Load;
  private readonly items: StreamItem[] = [];
  private socket: WireSocket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private underWay: Promise<void> = Promise.resolve();

  constructor(load: Load) {
    this.load = load;
  }

  /** For the checker, which holds each event against the log. */
  get stream(): StreamRecord {
    return { name: 'page reader', user: this.load.senders[0]?.user ?? '', items: this.items };
  }

  async begin(address: string): Promise<void> {
    const token = this.load.senders[0]?.person.token ?? '';
    this.socket = await WireSocket.open({ address, token });
    this.timer = setInterval(() => {
      this.underWay = this.read().catch((error: Error) => this.blame(error.message));
    }, everyMs);
  }

  async end(): Promise<void> {
    clearInterval(this.timer);
    await this.underWay;
    this.socket?.close();
  }

  private async read(): Promise<void> {
    const conv = this.load.senders[0]?.conv ?? '';
    const head = this.load.book.heads.get(conv) ?? 0;
    if (head === 0 || this.socket === undefined) return;
    this.asked += 1;
    // The newest, then anywhere: what the conversation holds, what a mirror holds, what only Postgres may hold.
    const after =
      this.asked % 2 === 0 ? Math.max(0, head - pageEvents) : Math.floor(Math.random() * Math.max(1, head));
    const begun = performance.now();
    const answer = await this.socket.ask({ op: 'history', conv, after, limit: pageEvents });
    this.slowestMs = Math.max(this.slowestMs, performance.now() - begun);
    if ('err' in answer) return this.blame(`refused: ${answer.code}`);
    const { events = [] } = answer;
    this.items.push({ kind: 'page', conv, head: answer.head ?? 0, events, headMin: head });
    const due = Math.min(pageEvents, head - after);
    if (events.length < due || events.some(({ seq }, index) => seq !== after + index + 1))
      this.blame(`after ${after} of ${head}: ${events.length} events instead of ${due}`);
  }

  private blame(why: string): void {
    this.wrong += 1;
    if (this.details.length < 5) this.details.push(why);
  }
}
