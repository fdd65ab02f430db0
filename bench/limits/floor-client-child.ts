/** The client of the latency floor: one socket, one message in flight, the next when the last was answered. */

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Crowd } from '../contract.js';
import { clientFrame } from '../generator/websocket.js';
import { cpuSecondsOf, cpuSecondsOfTree } from '../targets/processes.js';
import { answerCalls } from './child.js';
import { answerBytes, type Trip, trips } from './floor-protocol.js';
import { sampleTexts } from './sample-texts.js';
import { openRawSockets } from './sockets.js';

export interface FloorClientJob {
  readonly port: number;
  readonly texts: Crowd['texts'];
  readonly serverPid: number;
  readonly backendPid: number;
  readonly postmaster: number | undefined;
}

export interface TripJob {
  readonly trip: Trip;
  readonly seconds: number;
}

export interface TripReport {
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds. */
  readonly client: number;
  readonly server: number;
  readonly database: number;
}

/** Of a server's frame with the answer in it. */
const frameBytes = 2 + answerBytes;

class FloorClient {
  private readonly job: FloorClientJob;
  private readonly socket: Socket;
  private readonly texts: readonly Uint8Array[];
  private received = 0;
  onAnswer: () => void = () => {};
  onFailed: (why: string) => void = () => {};

  private constructor(job: FloorClientJob, socket: Socket) {
    this.job = job;
    this.socket = socket;
    this.texts = sampleTexts(job.texts).map((text) => Buffer.from(text));
  }

  static async open(job: FloorClientJob): Promise<FloorClient> {
    let client: FloorClient | undefined;
    const [socket] = await openRawSockets(1, 1, () => ({
      ...{ host: '127.0.0.1', port: job.port, path: '/' },
      onBytes: (_bytes, count) => client?.read(count),
      onFailed: (why) => client?.onFailed(why),
    }));
    if (socket === undefined) throw new Error('no socket');
    client = new FloorClient(job, socket);
    return client;
  }

  run({ trip, seconds }: TripJob): Promise<TripReport> {
    const times: number[] = [];
    const frames = this.texts.map((text) => clientFrame(Buffer.concat([Uint8Array.of(trips[trip]), text])));
    const from = this.sample();
    const endsAt = performance.now() + seconds * 1000;
    return new Promise((resolve, reject) => {
      this.onFailed = (why) => reject(new Error(`The connection failed: ${why}`));
      let sentAt = performance.now();
      const send = () => {
        sentAt = performance.now();
        this.socket.write(frames[times.length % frames.length] ?? '');
      };
      this.onAnswer = () => {
        const now = performance.now();
        times.push(now - sentAt);
        if (now < endsAt) send();
        else resolve(this.reportOf(times, from));
      };
      send();
    });
  }

  private read(count: number): void {
    this.received += count;
    if (this.received < frameBytes) return;
    this.received -= frameBytes;
    this.onAnswer();
  }

  private reportOf(times: readonly number[], from: ReturnType<FloorClient['sample']>): TripReport {
    const to = this.sample();
    const sorted = Float64Array.from(times).sort();
    const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
    return {
      ...{ count: times.length, p50: rank(0.5), p99: rank(0.99) },
      client: to.client - from.client,
      server: to.server - from.server,
      database: to.database - from.database,
    };
  }

  private sample() {
    const { user, system } = process.cpuUsage();
    const { serverPid, backendPid, postmaster } = this.job;
    return {
      client: (user + system) / 1e6,
      server: cpuSecondsOf(serverPid),
      database: postmaster === undefined ? cpuSecondsOf(backendPid) : cpuSecondsOfTree(postmaster),
    };
  }
}

let client: FloorClient | undefined;

const handlers = {
  async open(job: FloorClientJob): Promise<void> {
    client = await FloorClient.open(job);
  },
  async run(job: TripJob): Promise<TripReport> {
    if (client === undefined) throw new Error('not opened');
    return client.run(job);
  },
};

export type FloorClientChild = typeof handlers;
answerCalls(handlers);
