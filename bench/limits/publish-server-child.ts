/**
 * The bare server: uWebSockets.js, one topic, frames made ahead. It publishes as told by the reader, over a connection
 * of its own, and otherwise does nothing at all.
 */
import { App, type us_socket, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { answerCalls } from './child.js';

export interface PublishJob {
  /** Payload of each frame. */
  readonly frameBytes: number;
  readonly framesPerTurn: number;
  /** Messages that make a turn in a paced run. */
  readonly messagesPerTurn: number;
}

const topic = 'a-topic';
/** Nothing may be dropped, or the count would be of what was not sent. */
const bufferBytesMax = 256 * 1024 * 1024;

class BareServer {
  private readonly app = App();
  private readonly frame: Uint8Array;
  private readonly job: PublishJob;
  /** Turns that the reader has room for. */
  private credits = 0;
  private isRunning = false;
  /** Messages that came and were not published yet. */
  private gathered = 0;
  private turns = 0;

  constructor(job: PublishJob) {
    this.job = job;
    this.frame = new Uint8Array(job.frameBytes).fill(0x78);
    const behavior = { maxBackpressure: bufferBytesMax, maxPayloadLength: 1024 * 1024, idleTimeout: 0 };
    this.app.ws('/subscriber', {
      ...behavior,
      open(socket) {
        socket.subscribe(topic);
      },
    });
    // Free-running: each message brings room for turns, as a number of four bytes.
    this.app.ws('/credits', {
      ...behavior,
      message: (_socket, message) => this.grant(new DataView(message).getUint32(0)),
    });
    // Paced: each message is one to publish; a turn's worth is published at once and acked by one frame.
    this.app.ws('/publisher', { ...behavior, message: (socket) => this.gather(socket) });
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.app.listen('127.0.0.1', 0, (socket) => {
        if (socket === false) reject(new Error('The bare server cannot listen.'));
        else resolve(us_socket_local_port(socket as us_socket));
      });
    });
  }

  counts(): { turns: number } {
    return { turns: this.turns };
  }

  private grant(turns: number): void {
    this.credits += turns;
    if (!this.isRunning) this.run();
  }

  private run = (): void => {
    this.isRunning = this.credits > 0;
    if (!this.isRunning) return;
    this.credits -= 1;
    this.publish();
    setImmediate(this.run);
  };

  private gather(socket: WebSocket<unknown>): void {
    this.gathered += 1;
    if (this.gathered < this.job.messagesPerTurn) return;
    this.gathered = 0;
    this.publish();
    socket.send(new Uint8Array([1]), true);
  }

  private publish(): void {
    this.turns += 1;
    for (let frame = 0; frame < this.job.framesPerTurn; frame += 1) {
      this.app.publish(topic, this.frame, true);
    }
  }
}

let server: BareServer | undefined;

const handlers = {
  listen(job: PublishJob): Promise<number> {
    server = new BareServer(job);
    return server.listen();
  },
  counts(_argument: undefined) {
    return server?.counts() ?? { turns: 0 };
  },
};

export type PublishServerChild = typeof handlers;
answerCalls(handlers);
