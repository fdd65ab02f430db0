/**
 * What one connection sends in one turn, joined in one WebSocket frame. One of it serves all connections of an adapter:
 * what was put is written before another connection's turn.
 */
import type { Sink } from '../../adapter.js';
import { frameHeadBytes, writeFrameHead } from '../../websocket.js';

/** The longest head of a frame. */
const headBytes = 14;

export class OutgoingFrame {
  private readonly opcode: number;
  private bytes = Buffer.allocUnsafeSlow(16 * 1024);
  private at = headBytes;

  constructor(opcode: number) {
    this.opcode = opcode;
  }

  /** Of the payload, so far. */
  get length(): number {
    return this.at - headBytes;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Seven bits a byte, the lowest first, as protobuf has them. */
  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  put(more: Uint8Array): void {
    this.reserve(more.length);
    this.bytes.set(more, this.at);
    this.at += more.length;
  }

  /** Digits of a whole number. */
  decimal(value: number): void {
    this.reserve(16);
    this.at += this.bytes.write(String(value), this.at, 'latin1');
  }

  /** Writes the frame; without a payload nothing. */
  flush(sink: Sink): void {
    const { length } = this;
    if (length === 0) return;
    this.at = headBytes;
    const start = headBytes - frameHeadBytes(length);
    writeFrameHead(this.bytes, start, this.opcode, length);
    sink.write(this.bytes.subarray(start, headBytes + length));
  }

  private reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + count));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
}

/** Bytes that `varint` takes. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) count++;
  return count;
}
