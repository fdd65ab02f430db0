/**
 * The client's side of WebSocket on the bytes of a TCP socket, for all adapters that speak it. Frames are shown where
 * they lie in what was read; only one that was cut is copied, and only its own bytes. Pings are answered here.
 */
import { createHash } from 'node:crypto';
import type { Address } from '../contract.js';
import type { Sink } from './adapter.js';
import { FrameReader, opcodes } from './frames.js';

export interface UpgradeOptions {
  readonly address: Address;
  /** With its query. */
  readonly path: string;
  /** The subprotocol asked for. */
  readonly protocol?: string;
  /** Further headers, by name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an adapter does with a WebSocket. */
export interface WebSocketHandler {
  /** The server agreed to the upgrade: frames may be sent. */
  upgraded(): void;
  /** A message: its payload lies in `bytes` from `start` to `end`, and is lent until this returns. */
  message(bytes: Uint8Array, start: number, end: number): void;
}

/** Of an adapter's sink, what a WebSocket needs of it. */
export type LinkSink = Pick<Sink, 'write' | 'failed' | 'boundary'>;

/** What the key is does not matter: it keeps caches from answering, and there are none. */
const key = Buffer.from('a bench of nubo!').toString('base64');
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const headEnd = Buffer.from('\r\n\r\n');
/** A server that answers with more than this before it upgrades is not one. */
const headBytesMax = 16 * 1024;

/** The bytes of the upgrade request. */
export function upgradeRequest({ address, path, protocol, headers = {} }: UpgradeOptions): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${address.host}:${address.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Bytes that stand before a payload of this length in a client's frame. */
export function frameHeadBytes(length: number): number {
  return length < 126 ? 6 : length < 0x10000 ? 8 : 14;
}

/**
 * Writes the head of a client's frame to `target` at `at`. Its mask is zero, which the protocol allows and which leaves
 * the payload as it is. @returns where the payload begins
 */
export function writeFrameHead(target: Uint8Array, at: number, opcode: number, length: number): number {
  target[at] = 0x80 | opcode;
  let next = at + 2;
  if (length < 126) target[at + 1] = 0x80 | length;
  else if (length < 0x10000) {
    target[at + 1] = 0x80 | 126;
    target[next++] = length >>> 8;
    target[next++] = length & 0xff;
  } else {
    target[at + 1] = 0x80 | 127;
    for (let shift = 7; shift >= 0; shift--) target[next++] = Math.floor(length / 256 ** shift) & 0xff;
  }
  target.fill(0, next, next + 4);
  return next + 4;
}

/** A whole frame: text from a string, binary from bytes, unless told otherwise. For all that is not in a hurry. */
export function clientFrame(
  payload: string | Uint8Array,
  opcode: number = typeof payload === 'string' ? opcodes.text : opcodes.binary,
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(frameHeadBytes(body.length) + body.length);
  frame.set(body, writeFrameHead(frame, 0, opcode, body.length));
  return frame;
}

/** One client's WebSocket. An adapter's `opened` and `received` call those here. */
export class WebSocketLink {
  private readonly sink: LinkSink;
  private readonly handler: WebSocketHandler;
  private readonly request: Buffer;
  private readonly frames: FrameReader;
  private state: 'upgrading' | 'open' | 'over' = 'upgrading';
  private head: Buffer | undefined;
  /** Bytes received before those that are looked at now. */
  private before = 0;

  constructor(sink: LinkSink, handler: WebSocketHandler, options: UpgradeOptions) {
    this.sink = sink;
    this.handler = handler;
    this.request = upgradeRequest(options);
    this.frames = new FrameReader({
      message: (bytes, start, end) => handler.message(bytes, start, end),
      control: (opcode, bytes, start, end) => this.onControl(opcode, bytes.subarray(start, end)),
      boundary: (end, isControl) => sink.boundary(this.before + end, !isControl),
      broken: (why) => this.fail(why),
    });
  }

  opened(): void {
    this.sink.write(this.request);
  }

  received(bytes: Uint8Array): void {
    if (this.state === 'open') {
      this.frames.read(bytes, 0);
      this.before += bytes.length;
    } else if (this.state === 'upgrading') this.readHead(bytes);
  }

  close(): void {
    if (this.state === 'open') this.sink.write(clientFrame(new Uint8Array([0x03, 0xe8]), opcodes.close));
    this.state = 'over';
  }

  private readHead(bytes: Uint8Array): void {
    const known = this.head?.length ?? 0;
    const all = Buffer.concat([this.head ?? Buffer.alloc(0), bytes]);
    const end = all.indexOf(headEnd);
    this.head = all;
    if (end < 0) {
      if (all.length > headBytesMax) this.fail('The upgrade was answered with something endless.');
      return;
    }
    this.head = undefined;
    const head = all.toString('latin1', 0, end);
    if (!/^HTTP\/1\.1 101/.test(head) || !head.includes(accept)) {
      this.fail(`The upgrade was answered with: ${all.toString('utf8', 0, 300)}`);
      return;
    }
    this.state = 'open';
    // The frames behind the head are read from the copy: `before` counts from where that begins.
    this.before = 0;
    this.handler.upgraded();
    this.sink.boundary(end + headEnd.length, true);
    this.frames.read(all, end + headEnd.length);
    this.before = known + bytes.length;
  }

  private onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === opcodes.ping) this.sink.write(clientFrame(payload, opcodes.pong));
    if (opcode !== opcodes.close) return;
    const code = payload.length < 2 ? 1005 : Buffer.from(payload).readUInt16BE(0);
    const reason = Buffer.from(payload.subarray(2)).toString();
    this.fail(`The server closed the connection with ${code} ${reason}`.trim());
  }

  private fail(why: string): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.sink.failed(why);
  }
}
