/**
 * One client: a TCP socket, its adapter's connection, and what it is told on the way to the checker and the meters.
 * All sockets read into one buffer: what is read is dealt with before the next read.
 */
import { connect, type Socket } from 'node:net';
import type { Address, ClientPlan } from '../contract.js';
import type { Connection, Sink } from './adapter.js';
import type { Checker } from './checker.js';
import type { Cursor } from './cursor.js';
import type { Meters } from './meters.js';
import { flush, post } from './outbox.js';
import type { Follower, RoomStream } from './room-stream.js';
import type { Texts } from './texts.js';

/** What all clients of a play share. */
export interface Surroundings {
  readonly address: Address;
  readonly checker: Checker;
  readonly meters: Meters;
  readonly texts: Texts;
  connect(plan: ClientPlan, sink: Sink): Connection;
  /** It is ready, or will never be. */
  settled(client: Client, failure: string | undefined): void;
}

export interface ClientOptions {
  /** Its index in the crowd. */
  readonly index: number;
  readonly plan: ClientPlan;
  /** Where it comes from: an address has only so many ports. */
  readonly localAddress: string | undefined;
}

const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

export class Client implements Follower {
  readonly index: number;
  readonly cursors: readonly Cursor[];
  /** Sent and not answered. */
  outstanding = 0;
  /** To be sent at the end of what is being dealt with: with each, when it is due. */
  readonly due: number[] = [];
  /** Of a closed loop: each answer makes a new message due. */
  isTireless = false;
  isReady = false;
  private readonly surroundings: Surroundings;
  private readonly options: ClientOptions;
  private readonly connection: Connection;
  private readonly cursorByRoom = new Map<number, Cursor>();
  private socket: Socket | undefined;
  private isOver = false;
  private isSettled = false;
  private hasBegun = false;
  private given = 0;
  private boundary = 0;
  private now = 0;
  private stream: RoomStream | undefined;
  private follow: ((bytes: Buffer, length: number) => number) | undefined;

  constructor(surroundings: Surroundings, options: ClientOptions) {
    this.surroundings = surroundings;
    this.options = options;
    this.index = options.index;
    const { checker } = surroundings;
    this.cursors = options.plan.hears.map((room) => checker.listen(room));
    for (const cursor of this.cursors) this.cursorByRoom.set(cursor.room.index, cursor);
    this.connection = surroundings.connect(options.plan, this.sink());
  }

  /** The one who hears nothing but this room, and does nothing else. */
  get cursor(): Cursor {
    return this.cursors[0] as Cursor;
  }

  open(): void {
    const { host, port } = this.surroundings.address;
    const { localAddress } = this.options;
    this.socket = connect({
      ...{ host, port, noDelay: true },
      ...(localAddress === undefined ? {} : { localAddress }),
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          this.received(count);
          return true;
        },
      },
    });
    this.socket.on('connect', () => {
      this.connection.opened();
      flush();
    });
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the connection was closed'));
  }

  /** The stream it is one of several listeners of: `prepares` when its first bytes serve the stream's decoder. */
  share(stream: RoomStream, prepares: boolean): void {
    this.stream = prepares ? stream : undefined;
    this.follow = stream.add(this);
  }

  /** The crowd is complete: what comes from now on is the room's. */
  begin(): void {
    this.stream = undefined;
    this.hasBegun = true;
  }

  /** So many bytes, at the beginning of the buffer. */
  private received(length: number): void {
    if (this.isOver) return;
    const { meters } = this.surroundings;
    this.now = performance.now();
    if (this.follow !== undefined && this.hasBegun) {
      const { cursor } = this;
      const before = cursor.at;
      const count = this.follow(readBuffer, length);
      if (count > 0) meters.shown(cursor, before, count, this.now);
    } else {
      const bytes = readBuffer.subarray(0, length);
      this.stream?.prepare(bytes);
      this.decode(bytes);
    }
    if (this.due.length > 0) this.sendDue();
    flush();
  }

  decode(bytes: Uint8Array): void {
    this.given += bytes.length;
    this.connection.received(bytes);
  }

  isAtBoundary(): boolean {
    return this.given === this.boundary;
  }

  write(bytes: Uint8Array): void {
    if (this.socket !== undefined && !this.isOver) post(this.socket, bytes);
  }

  /** Sends what is due, joined. */
  sendDue(): void {
    const { due, index, connection } = this;
    const { checker, texts, meters } = this.surroundings;
    if (!this.isOver) {
      for (const at of due) {
        const ref = checker.send(index, at);
        this.outstanding++;
        connection.send(ref, checker.roomOf(index, ref), texts.marked(index, ref));
      }
      connection.flush?.();
      meters.sent += due.length;
    }
    due.length = 0;
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.connection.close();
    flush();
    this.socket?.destroySoon();
  }

  private end(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket?.destroy();
    if (this.isReady) this.surroundings.checker.disconnect(this.index, this.cursors, why);
    this.settle(why);
  }

  private settle(failure: string | undefined): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.isReady = failure === undefined;
    this.surroundings.settled(this, failure);
  }

  private answered(): void {
    this.outstanding--;
    if (this.isTireless) this.due.push(this.now);
  }

  private sink(): Sink {
    const { checker, meters } = this.surroundings;
    const { index } = this.options;
    let last: Cursor | undefined;
    return {
      write: (bytes) => this.write(bytes),
      ready: () => this.settle(undefined),
      acked: (ref) => {
        const due = checker.ack(index, ref);
        if (Number.isNaN(due)) return;
        meters.acked(due, this.now);
        this.answered();
      },
      refused: (ref, why) => {
        if (!checker.refuse(index, ref, why)) return;
        meters.refused++;
        this.answered();
      },
      delivered: (room, bytes, at, seq) => {
        if (last === undefined || last.room.index !== room) last = this.cursorByRoom.get(room);
        if (last === undefined) {
          checker.fault(
            'foreign',
            `client ${index} was shown a message of room ${room}, which it does not hear`,
          );
          return;
        }
        const due = checker.deliver(last, bytes, at, seq);
        meters.delivered(last, due, this.now);
      },
      gap: (room, from, to) => {
        const cursor = this.cursorByRoom.get(room);
        if (cursor !== undefined) checker.gap(cursor, from, to);
      },
      failed: (why) => this.end(why),
      boundary: (end) => {
        this.boundary = end;
      },
    };
  }
}
