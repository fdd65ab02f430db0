/** A client who always has some messages under way, and sends each until it has a final answer. */
import { uuidv7 } from 'uuidv7';
import { errorCodes } from '#src/wire/codes.js';
import type { Operation } from '#src/wire/operations.js';
import type { Book, Sent } from './load-book.js';
import type { Person } from './operator.js';
import { type Message, WireSocket } from './wire-socket.js';

export interface SenderOptions {
  readonly person: Person;
  readonly conv: string;
  readonly outstanding: number;
  readonly isTenacious: boolean;
  /** Between an answer and the next message. */
  readonly thinkMs?: number | undefined;
}

const operationsMax = 200;
const reconnectMs = 50;

export class Sender {
  readonly user: string;
  readonly conv: string;
  private readonly book: Book;
  private readonly options: SenderOptions;
  private socket: WireSocket | undefined;
  private isSending = false;
  private isClosed = false;
  private refs = 0;
  private counter = 0;
  /** By ref: sent on this socket and not answered. */
  private readonly underWay = new Map<number, Sent>();
  /** Mine and without a final answer, whether under way or waiting to be sent again. */
  private readonly mine = new Set<Sent>();

  constructor(book: Book, options: SenderOptions) {
    this.book = book;
    this.options = options;
    this.user = options.person.user;
    this.conv = options.conv;
  }

  get person(): Person {
    return this.options.person;
  }

  /** One more message in an open loop, whatever is under way. */
  sendDue(dueAt: number): void {
    this.send([this.next(dueAt)]);
  }

  get inFlight(): number {
    return this.underWay.size;
  }

  async connect(address: string): Promise<void> {
    const socket = await WireSocket.open({ address, token: this.options.person.token });
    this.socket = socket;
    this.underWay.clear();
    socket.onMessage = (message) => this.take(message);
    void socket.closed.then(() => this.onClosed(socket, address));
    this.send([...this.mine]);
    this.fill();
  }

  async moveTo(address: string): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    socket?.close();
    await this.connect(address);
  }

  begin(): void {
    this.isSending = true;
    this.fill();
  }

  pause(): void {
    this.isSending = false;
  }

  repeat(operations: readonly Sent[]): void {
    this.send(operations);
  }

  /** Resolves when the connection there is now has ended. */
  async disconnected(): Promise<void> {
    await this.socket?.closed;
  }

  close(): void {
    this.isClosed = true;
    this.socket?.close();
  }

  private onClosed(socket: WireSocket, address: string): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    this.underWay.clear();
    if (this.options.isTenacious && !this.isClosed) this.comeBack(address);
  }

  private comeBack(address: string): void {
    setTimeout(() => {
      if (this.isClosed || this.socket?.isOpen) return;
      this.connect(address).catch(() => this.comeBack(address));
    }, reconnectMs);
  }

  private take(message: Message): void {
    if ('ack' in message) this.onAnswer(message.ack, (operation) => this.book.acked(operation, message));
    else if ('err' in message && message.err !== null) {
      this.onAnswer(message.err, (operation) => {
        const { code, stored, retryMs = 100 } = message;
        const isFinal = stored === false || !errorCodes[code].retry;
        this.book.refused(operation, { code, ...(stored === false ? { stored } : {}) }, isFinal);
        if (!isFinal) setTimeout(() => this.send([operation]), retryMs);
      });
    }
  }

  private onAnswer(ref: number, answer: (operation: Sent) => void): void {
    const operation = this.underWay.get(ref);
    if (operation === undefined) return;
    this.underWay.delete(ref);
    answer(operation);
    if (operation.ack !== undefined || operation.refused !== undefined) this.mine.delete(operation);
    this.fill();
  }

  /** What came in one frame is answered in the same turn, and leaves as one frame. */
  private isFilling = false;
  private fill(): void {
    if (this.isFilling) return;
    this.isFilling = true;
    const { thinkMs = 0 } = this.options;
    const soon = (run: () => void) => (thinkMs > 0 ? setTimeout(run, thinkMs) : queueMicrotask(run));
    soon(() => {
      this.isFilling = false;
      if (!this.isSending || this.socket === undefined) return;
      const missing = Math.max(0, this.options.outstanding - this.mine.size);
      this.send(Array.from({ length: missing }, () => this.next()));
    });
  }

  private next(dueAt?: number): Sent {
    this.counter += 1;
    const { conv, user } = this;
    const text = `message ${this.counter} of ${user} ☕ ${'.'.repeat(this.counter % 60)}`;
    const operation: Sent = {
      ...{ id: uuidv7(), conv, user, text },
      ...{ ack: undefined, refused: undefined, answers: 0, dueAt },
    };
    this.mine.add(operation);
    this.book.opened(operation);
    return operation;
  }

  private send(operations: readonly Sent[]): void {
    const { socket } = this;
    if (socket === undefined) return;
    for (let start = 0; start < operations.length; start += operationsMax) {
      socket.post(
        operations.slice(start, start + operationsMax).map((operation) => this.wireForm(operation)),
      );
    }
  }

  private wireForm(operation: Sent): Operation {
    this.refs += 1;
    this.underWay.set(this.refs, operation);
    const { id, conv, text } = operation;
    return { op: 'send', ref: this.refs, id, conv, text };
  }
}
