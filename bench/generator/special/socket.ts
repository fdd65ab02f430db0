/**
 * One WebSocket of the special load on a TCP socket of Node: with 15,000 of them in one process, and storms of connects,
 * as little as possible hangs on each. All read into one buffer.
 */
import { connect, type Socket } from 'node:net';
import type { Address } from '../../contract.js';
import { type FrameHandler, FrameReader, opcodes } from '../frames.js';
import { clientFrame, upgradeRequest } from '../websocket.js';

export interface SocketOptions {
  readonly address: Address;
  /** The subprotocol; none when absent. */
  readonly protocol?: string;
  readonly token?: string;
  /** Where it comes from: an address has only so many ports. */
  readonly localAddress?: string;
  /** `/ws` when absent. */
  readonly path?: string;
}

export interface SocketSink {
  /** Upgraded. */
  opened(): void;
  /** One message's payload, lent until it returns. */
  frame(bytes: Uint8Array): void;
  /** It has ended, and nobody here had asked for it. */
  ended(why: string): void;
}

const readBytes = 256 * 1024;
/** What is read is handled before anything else is read. */
const readBuffer = Buffer.allocUnsafeSlow(readBytes);
const headEnd = Buffer.from('\r\n\r\n');

export class RawSocket implements FrameHandler {
  private readonly sink: SocketSink;
  private readonly socket: Socket;
  private readonly frames = new FrameReader(this);
  /** What there is of the answer to the upgrade; undefined once that is complete. */
  private head: Buffer | undefined = Buffer.alloc(0);
  private isOver = false;

  constructor({ address, protocol, token, localAddress, path = '/ws' }: SocketOptions, sink: SocketSink) {
    this.sink = sink;
    const { host, port } = address;
    this.socket = connect({
      ...{ host, port, noDelay: true },
      ...(localAddress === undefined ? {} : { localAddress }),
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          this.take(readBuffer.subarray(0, count));
          return true;
        },
      },
    });
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    // Goes out when the connection is there.
    this.socket.write(
      upgradeRequest({ address, path, headers, ...(protocol === undefined ? {} : { protocol }) }),
    );
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the connection was closed'));
  }

  write(frame: Uint8Array): void {
    if (!this.isOver) this.socket.write(frame);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends it without a word, as a lost network does; leaves no port waiting. */
  cut(): void {
    this.isOver = true;
    this.socket.resetAndDestroy();
  }

  private end(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
    this.sink.ended(why);
  }

  private take(chunk: Buffer): void {
    if (this.isOver) return;
    if (this.head === undefined) return this.frames.read(chunk, 0);
    // Behind the head there may be frames, and it may be cut: it does not stay in the common buffer.
    const all = Buffer.concat([this.head, chunk]);
    const end = all.indexOf(headEnd);
    this.head = all;
    if (end < 0) return;
    this.head = undefined;
    if (!all.toString('latin1', 0, 12).startsWith('HTTP/1.1 101'))
      return this.end(`the upgrade was answered with: ${all.toString('utf8', 0, 200)}`);
    this.sink.opened();
    this.frames.read(all, end + headEnd.length);
  }

  /** Of the frame reader. */
  message(bytes: Uint8Array, start: number, end: number): void {
    this.sink.frame(bytes.subarray(start, end));
  }

  control(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    const payload = Buffer.from(bytes.subarray(start, end));
    if (opcode === opcodes.ping) this.write(clientFrame(payload, opcodes.pong));
    if (opcode !== opcodes.close) return;
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    this.end(`the server closed it with ${code} ${payload.toString('utf8', 2)}`.trim());
  }

  boundary(): void {}

  broken(why: string): void {
    this.end(why);
  }
}
