/** The bare server of connections: an upgrade, some topics, no session, no authentication. */

import { App, type TemplatedApp, type us_socket, us_socket_local_port } from 'uWebSockets.js';
import { getHeapStatistics } from 'node:v8';
import { memoryBytesOf } from '../targets/processes.js';
import { answerCalls } from './child.js';
import { makeIds } from './log-rows.js';

export interface ConnectionsServerJob {
  /** Of each connection. */
  readonly topics: number;
  /** In all: each connection takes the next ones, around and around. */
  readonly rooms: number;
  /** How many to listen on. */
  readonly ports: number;
}

export interface ConnectionsLook {
  readonly open: number;
  /** Of anonymous memory, without what the heap keeps empty; NaN where it cannot be seen. */
  readonly bytes: number;
}

/** As the engine's front: its own sweep pings, nothing is sent while memory is measured. */
const behavior = { idleTimeout: 120, sendPingsAutomatically: false, maxBackpressure: 1024 * 1024 };

const counts = { open: 0, closed: 0 };

/** One that is free. */
function listenOn(app: TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket === false) reject(new Error('The bare server cannot listen.'));
      else resolve(us_socket_local_port(socket as us_socket));
    });
  });
}

const handlers = {
  listen({ topics, rooms, ports }: ConnectionsServerJob): Promise<number[]> {
    // As long as the engine's names of rooms.
    const names = makeIds(rooms, () => Date.now());
    const app = App();
    app.ws('/', {
      ...behavior,
      upgrade(response, request, context) {
        response.upgrade(
          {},
          request.getHeader('sec-websocket-key'),
          request.getHeader('sec-websocket-protocol'),
          request.getHeader('sec-websocket-extensions'),
          context,
        );
      },
      open(socket) {
        const first = counts.open * topics;
        for (let index = 0; index < topics; index += 1)
          socket.subscribe(names[(first + index) % rooms] ?? '');
        counts.open += 1;
      },
      close() {
        counts.closed += 1;
      },
    });
    return Promise.all(Array.from({ length: ports }, () => listenOn(app)));
  },
  /** What is there, with the garbage collected. */
  look(_argument: undefined): ConnectionsLook {
    globalThis.gc?.();
    globalThis.gc?.();
    const { total_physical_size: heapPages, used_heap_size: heapUsed } = getHeapStatistics();
    // The heap is counted by what lives in it: how many empty pages it keeps depends on the time since it was busy.
    return { open: counts.open - counts.closed, bytes: memoryBytesOf(process.pid) - heapPages + heapUsed };
  },
};

export type ConnectionsServerChild = typeof handlers;
answerCalls(handlers);
