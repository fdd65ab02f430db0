/**
 * A link between two threads: messages are gathered and posted as one array per turn of the event loop, in order
 * (A8), and no more than the credits of the receiver allow (A9): `postMessage` alone takes a million messages for a
 * blocked thread and says nothing.
 *
 * Three ways to post. `post` may be refused and its sender told. `postOrQueue` waits here for credits, up to a bound
 * in bytes. `postAlways` waits without a bound, for what is bounded elsewhere: an answer, one for each request.
 */

import type { Turns } from '../runtime/ports.js';
import { Queue } from '../runtime/queue.js';
import { type CreditLimits, Credits, Debt } from './credits.js';
import { messageBytes } from './weights.js';

/** A MessagePort, or what a simulation puts in its place: ordered, no loss, delivery in a later turn. */
export interface LinkPort {
  postMessage(value: unknown): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
  /** The other end is gone. */
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

export interface LinkLimits extends CreditLimits {
  /** What `postOrQueue` may leave waiting for credits. */
  readonly queueBytesMax: number;
}

export const linkLimits: LinkLimits = {
  // About 80 ms of the most a shard can store.
  creditItemsMax: 8_192,
  creditBytesMax: 16 * 1024 * 1024,
  queueBytesMax: 32 * 1024 * 1024,
};

export interface LinkCounters {
  readonly posted: number;
  readonly received: number;
  /** Posts that were refused for want of credits or room. */
  readonly refused: number;
  /** Arrays posted: posted / packets is how well gathering works. */
  readonly packets: number;
  readonly queuedItems: number;
  readonly queuedBytes: number;
  /** Posted and not yet granted back. */
  readonly itemsInFlight: number;
}

export interface Link<Out, In> {
  /** false: no credits, or closed; nothing was posted and the sender must be told. `bytes`: weighed when absent. */
  post(message: Out, bytes?: number): boolean;
  /** Waits for credits behind what waits already. false: more would wait than `queueBytesMax`, or closed. */
  postOrQueue(message: Out, bytes?: number): boolean;
  /** Waits however much waits already. For answers. Nothing happens when closed. */
  postAlways(message: Out, bytes?: number): void;
  /** Gets each array as it comes. Only once; what comes before is kept. The array is the handler's own. */
  onMessages(handler: (messages: In[]) => void): void;
  /** After something was refused: called, in a later turn, when nothing waits and there are credits again. */
  onCredit(run: () => void): void;
  /** The peer is gone without `close` here. Called once; at once when it is gone already. */
  onGone(run: () => void): void;
  /** Posts what is gathered, drops what waits for credits, closes the port. */
  close(): void;
  counters(): LinkCounters;
}

/** What crosses: messages of one turn, their weight, and credits for the way back. */
interface Packet<Message> {
  readonly messages: Message[];
  readonly bytes: number;
  readonly grantItems: number;
  readonly grantBytes: number;
}

export function createLink<Out, In>(options: {
  port: LinkPort;
  turns: Turns;
  limits?: Partial<LinkLimits>;
  /** Estimates the bytes of a message that is posted without; 256 each when absent. See weights.ts. */
  weigh?: (message: Out) => number;
}): Link<Out, In> {
  const limits = { ...linkLimits, ...options.limits };
  return new PortLink<Out, In>(options.port, options.turns, limits, options.weigh ?? (() => messageBytes));
}

class PortLink<Out, In> implements Link<Out, In> {
  private readonly port: LinkPort;
  private readonly turns: Turns;
  private readonly limits: LinkLimits;
  private readonly weigh: (message: Out) => number;
  private readonly credits: Credits;
  private readonly debt: Debt;
  private state: 'open' | 'closed' | 'gone' = 'open';
  private gathered: Out[] = [];
  private gatheredBytes = 0;
  private isFlushDue = false;
  /** For credits. While anything waits they are all spent, so nothing overtakes it. */
  private readonly waiting = new Queue<Out>();
  private wasRefused = false;
  private handler: ((messages: In[]) => void) | undefined = undefined;
  private early: Array<Packet<In>> = [];
  private readonly creditListeners: Array<() => void> = [];
  private readonly goneListeners: Array<() => void> = [];
  private posted = 0;
  private received = 0;
  private refused = 0;
  private packets = 0;
  private readonly runFlush = (): void => this.flush();

  constructor(port: LinkPort, turns: Turns, limits: LinkLimits, weigh: (message: Out) => number) {
    this.port = port;
    this.turns = turns;
    this.limits = limits;
    this.weigh = weigh;
    this.credits = new Credits(limits);
    this.debt = new Debt(limits);
    port.on('message', (packet) => this.onPacket(packet as Packet<In>));
    port.on('close', () => this.onClose());
  }

  post(message: Out, bytes = this.weigh(message)): boolean {
    if (this.state !== 'open' || !this.credits.take(bytes)) return this.refuse();
    this.gather(message, bytes);
    return true;
  }

  postOrQueue(message: Out, bytes = this.weigh(message)): boolean {
    if (this.state !== 'open') return this.refuse();
    if (this.credits.take(bytes)) {
      this.gather(message, bytes);
      return true;
    }
    if (this.waiting.bytes + bytes > this.limits.queueBytesMax) return this.refuse();
    this.waiting.push(message, bytes);
    return true;
  }

  postAlways(message: Out, bytes = this.weigh(message)): void {
    if (this.state !== 'open') return;
    if (this.credits.take(bytes)) this.gather(message, bytes);
    else this.waiting.push(message, bytes);
  }

  onMessages(handler: (messages: In[]) => void): void {
    if (this.handler !== undefined) throw new Error('a link has one handler');
    this.handler = handler;
    for (const packet of this.early.splice(0)) this.handle(handler, packet);
  }

  onCredit(run: () => void): void {
    this.creditListeners.push(run);
  }

  onGone(run: () => void): void {
    if (this.state === 'gone') run();
    else this.goneListeners.push(run);
  }

  close(): void {
    if (this.state !== 'open') return;
    this.flush();
    this.state = 'closed';
    this.waiting.clear();
    this.port.close();
  }

  counters(): LinkCounters {
    const { posted, received, refused, packets } = this;
    return {
      posted,
      received,
      refused,
      packets,
      queuedItems: this.waiting.size,
      queuedBytes: this.waiting.bytes,
      itemsInFlight: this.credits.itemsInFlight,
    };
  }

  private refuse(): false {
    this.refused += 1;
    this.wasRefused = true;
    return false;
  }

  private gather(message: Out, bytes: number): void {
    this.gathered.push(message);
    this.gatheredBytes += bytes;
    this.posted += 1;
    this.flushSoon();
  }

  private flushSoon(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    this.turns.soon(this.runFlush);
  }

  private flush(): void {
    this.isFlushDue = false;
    if (this.state !== 'open') return;
    const grant = this.debt.settle();
    if (this.gathered.length === 0 && grant.items === 0) return;
    const packet: Packet<Out> = {
      messages: this.gathered,
      bytes: this.gatheredBytes,
      grantItems: grant.items,
      grantBytes: grant.bytes,
    };
    this.gathered = [];
    this.gatheredBytes = 0;
    this.packets += 1;
    this.port.postMessage(packet);
  }

  private onPacket(packet: Packet<In>): void {
    if (this.state === 'closed') return;
    if (packet.grantItems > 0) this.onGrant(packet);
    if (packet.messages.length === 0) return;
    this.received += packet.messages.length;
    if (this.handler === undefined) this.early.push(packet);
    else this.handle(this.handler, packet);
  }

  private handle(handler: (messages: In[]) => void, packet: Packet<In>): void {
    const items = packet.messages.length;
    try {
      handler(packet.messages);
    } finally {
      this.debt.add({ items, bytes: packet.bytes });
      if (this.debt.isDue) this.flushSoon();
    }
  }

  private onGrant(packet: Packet<In>): void {
    this.credits.giveBack({ items: packet.grantItems, bytes: packet.grantBytes });
    while (this.waiting.size > 0 && this.credits.take(this.waiting.firstBytes)) {
      const bytes = this.waiting.firstBytes;
      const message = this.waiting.shift();
      if (message !== undefined) this.gather(message, bytes);
    }
    if (!this.wasRefused || this.waiting.size > 0 || this.credits.isSpent) return;
    this.wasRefused = false;
    for (const run of this.creditListeners) run();
  }

  private onClose(): void {
    if (this.state !== 'open') return;
    this.state = 'gone';
    this.gathered = [];
    this.waiting.clear();
    for (const run of this.goneListeners.splice(0)) run();
  }
}
