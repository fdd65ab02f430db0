/**
 * Load by real WebSocket clients: senders who always have some messages under way and send each again, under its
 * id, until it is answered for good, and listeners who write down what they are shown. What they saw goes to the
 * checker.
 */
import { uuidv7 } from 'uuidv7';
import type { LogEvent } from '#src/wire/events.js';
import type { RunRecord } from './checker.js';
import { Book } from './load-book.js';
import { Listener } from './load-listener.js';
import { Sender } from './load-sender.js';
import { makePeople, type Person } from './operator.js';
import type { TestServer } from './server.js';
import { WireSocket } from './wire-socket.js';

export interface LoadOptions {
  readonly rooms: number;
  /** Over all rooms. */
  readonly senders: number;
  /** Messages a sender has under way. */
  readonly outstanding: number;
  /** In each room. */
  readonly listeners: number;
  /** Names the people, so that several loads can share a server. */
  readonly name?: string;
  /** Clients whose connection ends come back by themselves. */
  readonly isTenacious?: boolean;
  /** What senders do between an answer and the next message, in milliseconds; nothing when absent. */
  readonly thinkMs?: number;
  /** The ids of the rooms must please. */
  readonly roomFits?: (conv: string, index: number) => boolean;
}

type Served = Pick<TestServer, 'address' | 'runtime'>;

export class Load {
  readonly book: Book;
  readonly rooms: readonly string[];
  readonly senders: readonly Sender[];
  readonly listeners: readonly Listener[];

  private constructor(parts: Pick<Load, 'book' | 'rooms' | 'senders' | 'listeners'>) {
    this.book = parts.book;
    this.rooms = parts.rooms;
    this.senders = parts.senders;
    this.listeners = parts.listeners;
  }

  /** Makes people and rooms; nobody is connected yet. */
  static async prepare(server: Served, options: LoadOptions): Promise<Load> {
    const { rooms, senders, listeners, outstanding, thinkMs, name = 'load', isTenacious = false } = options;
    const listenerCount = rooms * listeners;
    const names = Array.from({ length: 1 + senders + listenerCount }, (_, index) => `${name} ${index}`);
    const [owner, ...people] = (await makePeople(server, names)) as [Person, ...Person[]];
    const made = await makeRooms(server, owner, { people, rooms, fits: options.roomFits });
    const roomOf = (index: number) => made[index % rooms] as string;
    const book = new Book();
    return new Load({
      book,
      rooms: made,
      senders: people
        .slice(0, senders)
        .map(
          (person, index) =>
            new Sender(book, { person, conv: roomOf(index), outstanding, isTenacious, thinkMs }),
        ),
      listeners: people
        .slice(senders)
        .map((person, index) => new Listener({ person, conv: roomOf(index), index, isTenacious })),
    });
  }

  /** Everybody connects, again if need be: listeners resume, senders send again what has no answer. */
  async connect(address: string): Promise<void> {
    await Promise.all([...this.listeners, ...this.senders].map((client) => client.connect(address)));
  }

  /** Everybody leaves where they are and connects elsewhere. */
  async moveTo(address: string): Promise<void> {
    await Promise.all([...this.listeners, ...this.senders].map((client) => client.moveTo(address)));
  }

  /** From now on every sender has its messages under way. */
  begin(): void {
    for (const sender of this.senders) sender.begin();
  }

  /** No new messages. */
  pause(): void {
    for (const sender of this.senders) sender.pause();
  }

  /** Messages that were sent and not answered. */
  get inFlight(): number {
    return this.senders.reduce((sum, sender) => sum + sender.inFlight, 0);
  }

  /** Resolves when everything has its final answer and every listener has what was acked. */
  async settled(msMax = 30_000): Promise<void> {
    const until = performance.now() + msMax;
    const isSettled = () => this.book.open.size === 0 && this.lagging() === 0;
    while (!isSettled()) {
      if (performance.now() > until) {
        throw new Error(
          `${this.book.open.size} messages without an answer, ${this.lagging()} listeners behind`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  private lagging(): number {
    const heads = new Map<string, number>();
    for (const { conv, ack } of this.book.sent.values()) {
      if (ack !== undefined) heads.set(conv, Math.max(heads.get(conv) ?? 0, ack.seq));
    }
    return this.listeners.filter((listener) => listener.has < (heads.get(listener.conv) ?? 0)).length;
  }

  /** Sends `count` messages again that were acked before, the youngest first; their acks must be the same. */
  repeat(count: number): void {
    const acked = [...this.book.sent.values()].filter(({ ack }) => ack !== undefined).slice(-count);
    for (const sender of this.senders) sender.repeat(acked.filter(({ user }) => user === sender.user));
  }

  /** Resolves when every connection has ended. */
  async disconnected(): Promise<void> {
    await Promise.all([...this.senders, ...this.listeners].map((client) => client.disconnected()));
  }

  close(): void {
    for (const client of [...this.senders, ...this.listeners]) client.close();
  }

  /** For the checker. */
  record(log: readonly LogEvent[]): RunRecord {
    const streams = this.listeners.map((listener) => listener.stream);
    return { log, answers: this.book.answers, streams, isQuiet: true };
  }
}

/** Groups with everybody in them. */
async function makeRooms(
  server: Served,
  owner: Person,
  { people, rooms, fits }: { people: readonly Person[]; rooms: number; fits: LoadOptions['roomFits'] },
): Promise<string[]> {
  const socket = await WireSocket.open({ address: server.address, token: owner.token });
  const conversations: string[] = [];
  for (let index = 0; index < rooms; index += 1) {
    let id = uuidv7();
    while (fits !== undefined && !fits(id, index)) id = uuidv7();
    const members = people.filter((_, place) => place % rooms === index).map(({ user }) => user);
    await socket.do({ op: 'create', id, type: 'group', members });
    conversations.push(id);
  }
  socket.close();
  return conversations;
}
