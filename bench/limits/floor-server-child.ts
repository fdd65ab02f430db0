/** The server of the latency floor: a socket's thread and a writer's thread, as the engine has them, and nothing else. */

import { App, type us_socket, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Crowd } from '../contract.js';
import { answerCalls } from './child.js';
import { answerBytes, type FloorWriterJob, type FloorWriterReady, trips } from './floor-protocol.js';
import { sampleTexts } from './sample-texts.js';

export interface FloorServerJob {
  readonly url: string;
  readonly texts: Crowd['texts'];
}

const answer = new Uint8Array(answerBytes).fill(0x78);

const handlers = {
  async listen({ url, texts }: FloorServerJob): Promise<{ port: number; backendPid: number }> {
    const job: FloorWriterJob = { url, texts: sampleTexts(texts) };
    const writer = new Worker(new URL('./floor-writer.js', import.meta.url), { workerData: job });
    const [{ backendPid }] = (await once(writer, 'message')) as [FloorWriterReady];
    // One in flight: whatever comes back is for the socket that asked last.
    let asking: WebSocket<unknown> | undefined;
    writer.on('message', () => asking?.send(answer, true));
    const app = App();
    app.ws('/', {
      message(socket, message) {
        asking = socket;
        const bytes = new Uint8Array(message);
        if (bytes[0] === trips.socket) socket.send(answer, true);
        // Cloned on the way, since uWebSockets.js takes its memory back.
        else writer.postMessage(bytes);
      },
      close() {
        asking = undefined;
      },
    });
    return new Promise((resolve, reject) => {
      app.listen('127.0.0.1', 0, (socket) => {
        if (socket === false) reject(new Error('The server of the floor cannot listen.'));
        else resolve({ port: us_socket_local_port(socket as us_socket), backendPid });
      });
    });
  },
};

export type FloorServerChild = typeof handlers;
answerCalls(handlers);
