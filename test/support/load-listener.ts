/** A client who listens to one conversation, pulls what it is told to lack, and writes everything down. */
import type { StreamItem, StreamRecord } from './checker.js';
import type { Person } from './operator.js';
import { type Message, WireSocket } from './wire-socket.js';

export interface ListenerOptions {
  readonly person: Person;
  readonly conv: string;
  /** Those with odd numbers speak JSON. */
  readonly index: number;
  readonly isTenacious: boolean;
}

const pageEvents = 100;
const retryMs = 50;

export class Listener {
  readonly conv: string;
  readonly items: StreamItem[] = [];
  readonly gaps: Array<{ have: number; head: number }> = [];
  /** It has seen or pulled everything up to here. */
  has = 0;
  /** How often its connection ended. */
  losses = 0;
  private readonly options: ListenerOptions;
  private socket: WireSocket | undefined;
  private isClosed = false;
  private pulling: Promise<void> = Promise.resolve();

  constructor(options: ListenerOptions) {
    this.options = options;
    this.conv = options.conv;
  }

  get stream(): StreamRecord {
    const { person, index } = this.options;
    return { name: `listener ${index}`, user: person.user, items: this.items };
  }

  async connect(address: string): Promise<void> {
    const { person, index } = this.options;
    const codec = index % 2 === 0 ? 'msgpack' : 'json';
    const socket = await WireSocket.open({ address, token: person.token, codec });
    this.socket = socket;
    // What a gap told about is pulled before this; what is not known by now is asked for again.
    await this.pulling.catch(() => {});
    const have = this.has;
    const ref = socket.nextRef();
    const begun = new Promise<void>((resolve, reject) => {
      socket.onMessage = (message) => {
        if (this.socket === socket) this.take(message, { ref, have, begun: resolve, failed: reject });
      };
      void socket.closed.then(({ code }) => {
        reject(new Error(`the connection ended with ${code}`));
        this.onClosed(socket, address);
      });
    });
    socket.post([{ op: 'subscribe', ref, conv: this.conv, have }]);
    // Without its subscription the connection is of no use.
    await begun.catch((error: unknown) => {
      socket.close();
      throw error;
    });
  }

  async moveTo(address: string): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    this.items.push({ kind: 'closed' });
    socket?.close();
    await this.connect(address);
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
    if (this.socket !== socket || this.isClosed) return;
    this.socket = undefined;
    this.items.push({ kind: 'closed' });
    this.losses += 1;
    if (this.options.isTenacious) this.comeBack(address);
  }

  /** One attempt at a time: the end of a connection is heard of in more than one way. */
  private isComingBack = false;
  private comeBack(address: string): void {
    if (this.isComingBack) return;
    this.isComingBack = true;
    setTimeout(() => {
      this.isComingBack = false;
      if (this.isClosed || this.socket !== undefined) return;
      this.connect(address).catch(() => this.comeBack(address));
    }, retryMs);
  }

  private take(
    message: Message,
    subscription: { ref: number; have: number; begun: () => void; failed: (error: Error) => void },
  ): void {
    const { conv } = this;
    if ('ack' in message) {
      if (message.ack !== subscription.ref) return;
      this.items.push({ kind: 'subscribed', conv, head: message.head ?? 0, have: subscription.have });
      subscription.begun();
    } else if ('err' in message) {
      if (message.err === subscription.ref) subscription.failed(new Error(`subscribe: ${message.code}`));
    } else if (message.ev === 'gap') {
      const { have, head } = message;
      this.items.push({ kind: 'gap', conv, have, head });
      this.gaps.push({ have, head });
      this.pulling = this.pulling.then(() => this.pull(head));
      this.pulling.catch(() => {});
    } else if (message.ev === 'resumed') {
      this.items.push({ kind: 'resumed', conv, upTo: message.upTo });
    } else if ('seq' in message && message.ev !== 'unknown') {
      this.items.push({ kind: 'event', event: message });
      if (message.seq === this.has + 1) this.has = message.seq;
      else this.pendingSeqs.add(message.seq);
      this.advance();
    }
  }

  /** Seen live beyond a gap that is still being pulled. */
  private readonly pendingSeqs = new Set<number>();
  private advance(): void {
    while (this.pendingSeqs.delete(this.has + 1)) this.has += 1;
  }

  private async pull(head: number): Promise<void> {
    while (this.has < head) {
      const answer = await this.socket?.ask({
        op: 'history',
        conv: this.conv,
        after: this.has,
        limit: pageEvents,
      });
      if (answer === undefined || 'err' in answer) {
        if (!this.socket?.isOpen) throw new Error('the connection ended while pulling');
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      const { events = [] } = answer;
      this.items.push({ kind: 'page', conv: this.conv, head: answer.head ?? 0, events });
      for (const { seq } of events) this.pendingSeqs.add(seq);
      this.advance();
      if (events.length === 0) throw new Error(`an empty page after ${this.has}, the head is ${head}`);
    }
  }
}
