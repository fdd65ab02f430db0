/** The clients of bare connections: each a raw socket that asks for the upgrade and then keeps still. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { cpuSecondsOf } from '../targets/processes.js';
import { answerCalls } from './child.js';
import { openRawSockets } from './sockets.js';

export interface ConnectJob {
  /** Where the server listens: taken in turn, a block of connections each. */
  readonly ports: readonly number[];
  readonly connectionsPerPort: number;
  readonly serverPid: number;
  readonly count: number;
  readonly atOnce: number;
}

export interface ConnectReport {
  readonly seconds: number;
  /** CPU seconds. */
  readonly client: number;
  readonly server: number;
}

const sockets: Socket[] = [];
let isClosing = false;
let isFailed = false;

const handlers = {
  async connect({ ports, connectionsPerPort, serverPid, count, atOnce }: ConnectJob): Promise<ConnectReport> {
    const first = sockets.length;
    const from = sample(serverPid);
    const opened = await openRawSockets(count, atOnce, (index) => ({
      ...{ host: '127.0.0.1', port: ports[Math.floor((first + index) / connectionsPerPort)] ?? 0, path: '/' },
      onBytes() {},
      onFailed() {
        isFailed ||= !isClosing;
      },
    }));
    const to = sample(serverPid);
    sockets.push(...opened);
    if (isFailed) throw new Error('a connection ended by itself');
    return { seconds: to.at - from.at, client: to.client - from.client, server: to.server - from.server };
  },
  /** By resets: thousands of ports that wait a minute for stragglers would slow down whoever connects next. */
  close(_argument: undefined): void {
    isClosing = true;
    for (const socket of sockets) socket.resetAndDestroy();
  },
};

function sample(serverPid: number) {
  const { user, system } = process.cpuUsage();
  return { at: performance.now() / 1000, client: (user + system) / 1e6, server: cpuSecondsOf(serverPid) };
}

export type ConnectionsClientChild = typeof handlers;
answerCalls(handlers);
