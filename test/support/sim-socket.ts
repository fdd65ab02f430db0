/**
 * Sockets as uWebSockets.js gives them: what is published waits for the end of the turn and goes as one piece; what
 * does not fit is dropped as one piece, and only its first frame is reported; direct frames follow what waits.
 */
import type { BroadcastPort, SocketPort } from '#src/front/ports.js';
import type { Simulation } from './sim-clock.js';
import type { Draws } from './sim-random.js';
import type { SimThread } from './sim-thread.js';

export type Frame = string | Uint8Array;

/** What the server's side does with a socket's events. */
export interface ServerEnd {
  onFrame(frame: Uint8Array): void;
  onDropped(frame: Frame): void;
  onDrain(): void;
  onClose(): void;
}

/** What the client's side does. */
export interface ClientEnd {
  onFrame(frame: Frame): void;
  /** `undefined`: the connection was cut. */
  onClose(code: number | undefined): void;
}

export interface SocketOptions {
  readonly simulation: Simulation;
  readonly random: Draws;
  readonly thread: SimThread;
  readonly broadcast: SimBroadcast;
  readonly bufferBytesMax: number;
  readonly client: ClientEnd;
}

export class SimSocket implements SocketPort {
  server: ServerEnd | undefined;
  readonly topics = new Set<string>();
  droppedFrames = 0;
  private readonly options: SocketOptions;
  /** Published to it in this turn. */
  private pending: Frame[] = [];
  /** Not read yet by a client that has stopped reading. */
  private unread: Frame[] = [];
  private unreadBytes = 0;
  private readonly underWay: Array<() => void> = [];
  private readonly incoming: Array<() => void> = [];
  private isReading = true;
  private isServerOpen = true;
  private isClientOpen = true;

  constructor(options: SocketOptions) {
    this.options = options;
  }

  /** The client's word. It arrives in order, unless one of the ends is gone by then. */
  write(frame: Frame): void {
    if (!this.isClientOpen) return;
    const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame;
    this.travel(this.incoming, () => {
      if (this.isServerOpen) this.options.thread.run(() => this.server?.onFrame(bytes));
    });
  }

  /** The client closes, or its network does. */
  disconnect(): void {
    if (!this.isClientOpen) return;
    this.isClientOpen = false;
    this.travel(this.incoming, () => this.closeServerEnd());
  }

  /** The client stops reading, and goes on after a while. */
  stopReading(milliseconds: number): void {
    if (!this.isReading) return;
    this.isReading = false;
    this.options.simulation.schedule(milliseconds, () => this.readAgain());
  }

  private readAgain(): void {
    this.isReading = true;
    const unread = this.unread;
    this.unread = [];
    this.unreadBytes = 0;
    for (const frame of unread) this.carry(frame);
    if (this.isServerOpen) this.options.thread.run(() => this.server?.onDrain());
  }

  send(frame: Frame): 'sent' | 'buffered' | 'dropped' {
    if (!this.isServerOpen) return 'sent';
    this.flushPending();
    return this.accept([frame]);
  }

  subscribe(topic: string): void {
    if (!this.isServerOpen) return;
    this.topics.add(topic);
    this.options.broadcast.add(topic, this);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
    this.options.broadcast.remove(topic, this);
  }

  bufferedBytes(): number {
    return this.unreadBytes;
  }

  ping(): void {}

  close(code: number, _reason: string): void {
    if (!this.isServerOpen) return;
    this.flushPending();
    this.travel(this.underWay, () => this.closeClientEnd(code));
    this.closeServerEnd();
  }

  cut(): void {
    this.close(1006, '');
  }

  /** The front is gone: nothing more is said; what was under way may still arrive. */
  severed(): void {
    this.isServerOpen = false;
    this.pending = [];
    for (const topic of [...this.topics]) this.unsubscribe(topic);
    this.travel(this.underWay, () => this.closeClientEnd(undefined));
  }

  /** Of the broadcast: goes out at the end of the turn, or before when much waits. */
  publish(frame: Frame): void {
    this.pending.push(frame);
    if (this.pending.length >= 32) this.flushPending();
  }

  flushPending(): void {
    if (this.pending.length === 0 || !this.isServerOpen) return;
    const pending = this.pending;
    this.pending = [];
    const [first] = pending;
    if (this.accept(pending) !== 'dropped' || first === undefined) return;
    this.droppedFrames += 1;
    this.server?.onDropped(first);
  }

  private accept(frames: readonly Frame[]): 'sent' | 'buffered' | 'dropped' {
    if (this.isReading) {
      for (const frame of frames) this.carry(frame);
      return 'sent';
    }
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (this.unreadBytes + bytes > this.options.bufferBytesMax) return 'dropped';
    this.unread.push(...frames);
    this.unreadBytes += bytes;
    return 'buffered';
  }

  private carry(frame: Frame): void {
    this.travel(this.underWay, () => {
      if (this.isClientOpen) this.options.client.onFrame(frame);
    });
  }

  /** In order, whatever each one takes. */
  private travel(queue: Array<() => void>, run: () => void): void {
    const { simulation, random } = this.options;
    queue.push(run);
    simulation.schedule(random.next() * (random.chance(0.02) ? 60 : 1), () => queue.shift()?.());
  }

  private closeServerEnd(): void {
    if (!this.isServerOpen) return;
    this.isServerOpen = false;
    for (const topic of [...this.topics]) this.unsubscribe(topic);
    this.options.thread.run(() => this.server?.onClose());
  }

  private closeClientEnd(code: number | undefined): void {
    if (!this.isClientOpen) return;
    this.isClientOpen = false;
    this.options.client.onClose(code);
  }
}

/** The topic tree of one front. */
export class SimBroadcast implements BroadcastPort {
  private readonly sockets = new Map<string, Set<SimSocket>>();
  private readonly touched = new Set<SimSocket>();
  private readonly thread: SimThread;
  private isScheduled = false;

  constructor(thread: SimThread) {
    this.thread = thread;
  }

  add(topic: string, socket: SimSocket): void {
    const sockets = this.sockets.get(topic);
    if (sockets === undefined) this.sockets.set(topic, new Set([socket]));
    else sockets.add(socket);
  }

  remove(topic: string, socket: SimSocket): void {
    this.sockets.get(topic)?.delete(socket);
  }

  publish(topic: string, frame: Frame): void {
    for (const socket of this.sockets.get(topic) ?? []) {
      this.touched.add(socket);
      socket.publish(frame);
    }
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.thread.ports.turns.soon(() => this.flush());
  }

  private flush(): void {
    this.isScheduled = false;
    for (const socket of this.touched) socket.flushPending();
    this.touched.clear();
  }
}
