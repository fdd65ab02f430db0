/** The other ends of an adapter: a sink that writes everything down, and a server's half of WebSocket. */
import { createHash } from 'node:crypto';
import type { Sink } from '#bench/generator/adapter.js';

export interface FakeSink extends Sink {
  readonly acks: number[];
  readonly refusals: Array<[number, string]>;
  /** Room, text from its mark to the end of the bytes, seq. */
  readonly deliveries: Array<[number, string, number | undefined]>;
  readonly gaps: Array<[number, number, number]>;
  readonly failures: string[];
  readonly boundaries: Array<[number, boolean]>;
  isReady(): boolean;
  written(): Buffer;
  /** What was written so far. */
  forget(): void;
}

export function fakeSink(): FakeSink {
  let pieces: Buffer[] = [];
  let ready = false;
  const acks: FakeSink['acks'] = [];
  const refusals: FakeSink['refusals'] = [];
  const deliveries: FakeSink['deliveries'] = [];
  const gaps: FakeSink['gaps'] = [];
  const failures: FakeSink['failures'] = [];
  const boundaries: FakeSink['boundaries'] = [];
  return {
    ...{ acks, refusals, deliveries, gaps, failures, boundaries },
    isReady: () => ready,
    written: () => Buffer.concat(pieces),
    forget() {
      pieces = [];
    },
    write: (bytes) => pieces.push(Buffer.from(bytes)),
    ready() {
      ready = true;
    },
    acked: (ref) => acks.push(ref),
    refused: (ref, why) => refusals.push([ref, why]),
    delivered: (room, bytes, at, seq) =>
      deliveries.push([room, Buffer.from(bytes.subarray(at)).toString('latin1'), seq]),
    gap: (room, from, to) => gaps.push([room, from, to]),
    failed: (why) => failures.push(why),
    boundary: (end, isShared) => boundaries.push([end, isShared]),
  };
}

/** A frame as servers send it. */
export function serverFrame(opcode: number, payload: Uint8Array, isLast = true): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = length < 126 ? length : length < 0x10000 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** The head of a server's answer to a request to upgrade. */
export function upgradeAnswer(request: string): Buffer {
  const key = /Sec-WebSocket-Key: (\S+)/.exec(request)?.[1] ?? '';
  const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${hash}\r\n\r\n`,
  );
}
