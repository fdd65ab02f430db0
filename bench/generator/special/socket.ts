/**
 * One WebSocket of the special load on a TCP socket of Node: with 15,000 of them in one process, and storms of connects,
 * as little as possible hangs on each. All read into one buffer.
 */
import { connect, type Socket } from 'node:net';
import type { Address } from '../../contract.js';
import { WebSocketLink } from '../websocket.js';

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
/** Of those that read slowly. */
const smallBuffer = Buffer.allocUnsafeSlow(256);

export class RawSocket {
  private readonly sink: SocketSink;
  private readonly socket: Socket;
  /** 0: as fast as it comes. */
  private bytesPerSecond = 0;
  private wait: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor({ address, protocol, token, localAddress, path = '/ws' }: SocketOptions, sink: SocketSink) {
    this.sink = sink;
    const link = new WebSocketLink(
      { write: (bytes) => this.write(bytes), failed: (why) => this.end(why), boundary() {} },
      {
        upgraded: () => sink.opened(),
        message: (bytes, start, end) => {
          // Cut by whoever was shown the frame before it.
          if (!this.isOver) sink.frame(bytes.subarray(start, end));
        },
      },
      {
        ...{ address, path },
        ...(protocol === undefined ? {} : { protocol }),
        ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
      },
    );
    const { host, port } = address;
    this.socket = connect({
      ...{ host, port, noDelay: true },
      ...(localAddress === undefined ? {} : { localAddress }),
      onread: {
        buffer: () => (this.bytesPerSecond === 0 ? readBuffer : smallBuffer),
        callback: (count, buffer) => {
          if (!this.isOver) link.received(buffer.subarray(0, count));
          return this.mayReadOn(count);
        },
      },
    });
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the connection was closed'));
    // Goes out when the connection is there.
    link.opened();
  }

  write(bytes: Uint8Array): void {
    if (!this.isOver) this.socket.write(bytes);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    clearTimeout(this.wait);
    this.bytesPerSecond = 0;
    this.socket.resume();
  }

  /** From now on it reads only so fast, until `resume`. What the system holds for it is filled meanwhile. */
  throttle(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  private mayReadOn(count: number): boolean {
    if (this.bytesPerSecond === 0) return true;
    this.wait = setTimeout(() => this.socket.resume(), (count / this.bytesPerSecond) * 1000);
    return false;
  }

  /** Ends it without a word, as a lost network does; leaves no port waiting. */
  cut(): void {
    this.isOver = true;
    clearTimeout(this.wait);
    this.socket.resetAndDestroy();
  }

  private end(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
    this.sink.ended(why);
  }
}
