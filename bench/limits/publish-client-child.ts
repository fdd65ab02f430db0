/** The reader of raw publish: sockets that count bytes, and the one that tells the server to go on. */

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientFrame } from '../generator/websocket.js';
import { cpuSecondsOf } from '../targets/processes.js';
import { answerCalls } from './child.js';
import { openRawSocket, openRawSockets } from './sockets.js';

export interface ReadJob {
  readonly port: number;
  readonly serverPid: number;
  readonly subscribers: number;
  /** Of one turn for one subscriber, frame heads included. */
  readonly turnBytes: number;
  readonly pace: Pace;
}

/** `free`: so many turns may be under way. `paced`: so many messages of so many bytes are sent and not acked. */
export type Pace =
  | { readonly kind: 'free'; readonly turns: number }
  | {
      readonly kind: 'paced';
      readonly outstanding: number;
      readonly messagesPerTurn: number;
      readonly messageBytes: number;
    };

export interface ReadReport {
  readonly seconds: number;
  /** Times that a turn reached a subscriber. */
  readonly arrivals: number;
  readonly reads: number;
  /** CPU seconds. */
  readonly client: number;
  readonly server: number;
}

const connectAtOnce = 100;

class Reader {
  private readonly job: ReadJob;
  private sockets: Socket[] = [];
  private bytes = 0;
  private reads = 0;
  /** Turns that all subscribers together have got, by the sum of bytes. */
  private turns = 0;
  private grow: () => void = () => {};
  private failure: string | undefined;
  private isOver = false;

  constructor(job: ReadJob) {
    this.job = job;
  }

  async open(): Promise<void> {
    const { port, subscribers } = this.job;
    const onFailed = (why: string) => {
      if (!this.isOver) this.failure ??= why;
    };
    const place = { host: '127.0.0.1', port, onFailed };
    const onBytes = (_bytes: Uint8Array, count: number) => {
      this.bytes += count;
      this.reads += 1;
      this.grow();
    };
    this.sockets = await openRawSockets(subscribers, connectAtOnce, () => ({
      ...place,
      path: '/subscriber',
      onBytes,
    }));
    await (this.job.pace.kind === 'free'
      ? this.runFree(place, this.job.pace)
      : this.runPaced(place, this.job.pace));
  }

  /** Room for the next turn is told when one has arrived, gathered over what is read in one go. */
  private async runFree(place: Place, { turns }: Extract<Pace, { kind: 'free' }>): Promise<void> {
    const socket = await control({ ...place, path: '/credits', onBytes: () => {} });
    const bytesOfTurn = this.job.turnBytes * this.job.subscribers;
    let isDue = false;
    const tell = () => {
      isDue = false;
      const arrived = Math.floor(this.bytes / bytesOfTurn) - this.turns;
      if (this.isOver || arrived === 0) return;
      this.turns += arrived;
      socket.write(clientFrame(uint32(arrived)));
    };
    this.grow = () => {
      if (isDue || this.bytes < (this.turns + 1) * bytesOfTurn) return;
      isDue = true;
      setImmediate(tell);
    };
    this.sockets.push(socket);
    socket.write(clientFrame(uint32(turns)));
  }

  /** As a closed loop of one sender: what was acked is followed at once by as many. */
  private async runPaced(place: Place, pace: Extract<Pace, { kind: 'paced' }>): Promise<void> {
    const message = clientFrame(new Uint8Array(pace.messageBytes).fill(0x78));
    const turn = Buffer.concat(Array.from({ length: pace.messagesPerTurn }, () => message));
    const ackBytes = 3;
    let acked = 0;
    const onBytes = (_bytes: Uint8Array, count: number) => {
      acked += count;
      const turns = Math.floor(acked / ackBytes);
      acked -= turns * ackBytes;
      if (this.isOver) return;
      for (let index = 0; index < turns; index += 1) socket.write(turn);
    };
    const socket = await control({ ...place, path: '/publisher', onBytes });
    this.sockets.push(socket);
    socket.write(Buffer.concat(Array.from({ length: pace.outstanding }, () => message)));
  }

  async read(seconds: number): Promise<ReadReport> {
    const from = this.sample();
    await sleep(seconds * 1000);
    const to = this.sample();
    if (this.failure !== undefined) throw new Error(`A subscriber failed: ${this.failure}`);
    return {
      seconds: to.at - from.at,
      arrivals: (to.bytes - from.bytes) / this.job.turnBytes,
      reads: to.reads - from.reads,
      client: to.client - from.client,
      server: to.server - from.server,
    };
  }

  /** Asks for nothing more. What is under way still comes. */
  stop(): void {
    this.isOver = true;
  }

  /** How often a turn has reached a subscriber in all. */
  arrivals(): number {
    return this.bytes / this.job.turnBytes;
  }

  close(): void {
    this.isOver = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  private sample() {
    const { user, system } = process.cpuUsage();
    const { bytes, reads } = this;
    return {
      ...{ at: performance.now() / 1000, bytes, reads },
      ...{ client: (user + system) / 1e6, server: cpuSecondsOf(this.job.serverPid) },
    };
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly onFailed: (why: string) => void;
}

function control(
  options: Place & { path: string; onBytes(bytes: Uint8Array, count: number): void },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    openRawSocket({
      ...options,
      onOpen: resolve,
      onFailed(why) {
        reject(new Error(`The connection that sets the pace failed: ${why}`));
        options.onFailed(why);
      },
    });
  });
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

let reader: Reader | undefined;

const handlers = {
  async open(job: ReadJob): Promise<void> {
    reader = new Reader(job);
    await reader.open();
  },
  async read(seconds: number): Promise<ReadReport> {
    if (reader === undefined) throw new Error('not opened');
    return reader.read(seconds);
  },
  stop(_argument: undefined): void {
    reader?.stop();
  },
  arrivals(_argument: undefined): number {
    return reader?.arrivals() ?? 0;
  },
  close(_argument: undefined): void {
    reader?.close();
  },
};

export type PublishClientChild = typeof handlers;
answerCalls(handlers);
