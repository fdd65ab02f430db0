/**
 * One who writes into a room and changes what was said there, so many operations outstanding: each answer makes the
 * next one due. Changes are of messages that were acked, by turns: never one that would change nothing.
 */
import { uuidv7 } from 'uuidv7';
import type { Operation } from '#src/wire/operations.js';
import type { Latencies } from '../latencies.js';
import { keyOf } from '../order.js';
import type { Book } from './book.js';
import { type Client, openClient, type ServerPlace } from './client.js';
import { markedText } from './marked-text.js';
import type { ChangeKind, ChangeShares } from './tasks.js';

/** Of its own messages so many of the last are changed; older ones leave the conversation's memory. */
const recentMax = 32;
const pinnedMax = 3;
const emojis = ['👍', '❤️', '😂', '😮', '😢', '🙏', '🔥', '🎉', '👀', '💯', '✅', '❌'];

interface Said {
  readonly id: string;
  /** Emojis of its own that it has, or had. */
  reactions: number;
  isPinned: boolean;
}

interface Pending {
  readonly kind: ChangeKind;
  readonly at: number;
  /** Of a message: its mark. */
  readonly mark?: number;
  /** The answer came: what is true now. */
  readonly done: () => void;
}

export interface ChangerOptions {
  readonly book: Book;
  readonly number: number;
  readonly room: number;
  readonly shares: ChangeShares;
  readonly textBytes: number;
  readonly random: () => number;
  /** By kind. */
  readonly latencies: Readonly<Record<ChangeKind, Latencies>>;
}

export class Changer {
  isOver = false;
  private readonly options: ChangerOptions;
  private readonly conv: string;
  private readonly pending = new Map<number, Pending>();
  private readonly said: Said[] = [];
  private readonly reacted: { readonly message: string; readonly emoji: string }[] = [];
  private readonly pinned: Said[] = [];
  private client: Client | undefined;
  private ref = 0;

  constructor(options: ChangerOptions) {
    this.options = options;
    this.conv = options.book.conversations[options.room] ?? '';
  }

  get outstanding(): number {
    return this.pending.size;
  }

  async open(server: ServerPlace, token: string): Promise<void> {
    const { book, number } = this.options;
    this.client = await openClient({
      ...{ ...server, token },
      cares: {
        ack: (ref, seq) => this.onAck(ref, seq),
        refused: (ref, code) => this.onRefused(ref, code),
      },
      ended: (why) => {
        book.disconnects += 1;
        book.note(`writer ${number}: ${why}`);
      },
    });
  }

  begin(outstanding: number): void {
    for (let count = 0; count < outstanding; count += 1) this.next();
  }

  close(): void {
    this.client?.socket.cut();
  }

  private next(): void {
    const operation = this.isOver ? undefined : (this.change(this.draw()) ?? this.send());
    if (operation !== undefined) this.client?.post([operation]);
  }

  private draw(): ChangeKind {
    const { shares, random } = this.options;
    let left = random();
    for (const [kind, share] of Object.entries(shares) as [ChangeKind, number][]) {
      left -= share;
      if (left < 0) return kind;
    }
    return 'send';
  }

  /** Undefined when there is nothing to do it with. */
  private change(kind: ChangeKind): Operation | undefined {
    switch (kind) {
      case 'send':
        return undefined;
      case 'react':
        return this.options.random() < 0.3 ? (this.unreact() ?? this.react()) : this.react();
      case 'edit':
        return this.edit();
      case 'delete':
        return this.delete();
      case 'pin':
        return this.pinned.length < pinnedMax ? this.pin() : this.unpin();
    }
  }

  private send(): Operation {
    const { book, number: writer, room, textBytes } = this.options;
    const number = book.next(writer, room, performance.now());
    const said: Said = { id: uuidv7(), reactions: 0, isPinned: false };
    const ref = this.await('send', () => this.keep(said), keyOf(writer, number));
    return { op: 'send', ref, id: said.id, conv: this.conv, text: markedText(writer, number, textBytes) };
  }

  private keep(said: Said): void {
    this.said.push(said);
    if (this.said.length > recentMax) this.said.shift();
  }

  private react(): Operation | undefined {
    const said = this.some(({ reactions }) => reactions < emojis.length);
    const emoji = emojis[said?.reactions ?? 0];
    if (said === undefined || emoji === undefined) return undefined;
    said.reactions += 1;
    const ref = this.await('react', () => {
      this.reacted.push({ message: said.id, emoji });
    });
    return { op: 'react', ref, ...this.on(said.id), emoji };
  }

  private unreact(): Operation | undefined {
    const reacted = this.reacted.shift();
    if (reacted === undefined || !this.said.some(({ id }) => id === reacted.message)) return undefined;
    return { op: 'unreact', ref: this.await('react'), ...this.on(reacted.message), emoji: reacted.emoji };
  }

  private edit(): Operation | undefined {
    const said = this.some(() => true);
    if (said === undefined) return undefined;
    const text = `said in other words, ${this.ref} `.padEnd(this.options.textBytes, '.');
    return { op: 'edit', ref: this.await('edit'), ...this.on(said.id), text };
  }

  /** Not while it is pinned; nobody changes it afterwards. */
  private delete(): Operation | undefined {
    const said = this.some(({ isPinned }) => !isPinned);
    if (said === undefined) return undefined;
    this.said.splice(this.said.indexOf(said), 1);
    return { op: 'delete', ref: this.await('delete'), ...this.on(said.id) };
  }

  private pin(): Operation | undefined {
    const said = this.some(({ isPinned }) => !isPinned);
    if (said === undefined) return undefined;
    said.isPinned = true;
    const ref = this.await('pin', () => {
      this.pinned.push(said);
    });
    return { op: 'pin', ref, ...this.on(said.id) };
  }

  private unpin(): Operation | undefined {
    const said = this.pinned.shift();
    if (said === undefined) return undefined;
    const ref = this.await('pin', () => {
      said.isPinned = false;
    });
    return { op: 'unpin', ref, ...this.on(said.id) };
  }

  private some(fits: (said: Said) => boolean): Said | undefined {
    const from = Math.floor(this.options.random() * this.said.length);
    return this.said.find((said, place) => place >= from && fits(said));
  }

  private on(message: string) {
    return { id: uuidv7(), conv: this.conv, message };
  }

  /** @returns its ref */
  private await(kind: ChangeKind, done: () => void = () => {}, mark?: number): number {
    const ref = ++this.ref;
    this.pending.set(ref, { kind, done, at: performance.now(), ...(mark === undefined ? {} : { mark }) });
    if (mark === undefined) this.options.book.sent += 1;
    return ref;
  }

  private onAck(ref: number, seq: number | undefined): void {
    const pending = this.pending.get(ref);
    if (pending === undefined || !this.pending.delete(ref)) return;
    const { book, room, latencies } = this.options;
    const { kind, at, mark, done } = pending;
    latencies[kind].record(performance.now() - at);
    if (mark === undefined) book.onChanged(room, seq);
    else book.onAck(room, seq, { mark, due: at });
    done();
    this.next();
  }

  private onRefused(ref: number | undefined, code: string): void {
    const pending = ref === undefined ? undefined : this.pending.get(ref);
    if (ref === undefined || pending === undefined) return;
    this.pending.delete(ref);
    const { book, number } = this.options;
    book.refused += 1;
    book.note(`writer ${number} was refused: ${pending.kind}, ${code}`);
    this.next();
  }
}
