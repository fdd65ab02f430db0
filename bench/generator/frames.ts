/**
 * Reads a server's WebSocket frames from bytes that may be cut anywhere. Whole frames are shown where they are; of one
 * that was cut, the pieces are gathered in a buffer of its own. A message in several frames is put together.
 */

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameHandler {
  /** One message's payload, in `bytes` from `start` to `end`; lent until this returns. */
  message(bytes: Uint8Array, start: number, end: number): void;
  control(opcode: number, bytes: Uint8Array, start: number, end: number): void;
  /** A frame ended before `end` of what is being read now. */
  boundary(end: number, isControl: boolean): void;
  /** What came is not WebSocket; nothing is read from now on. */
  broken(why: string): void;
}

/** A longer frame is taken for a mistake of the reading. */
const payloadBytesMax = 256 * 1024 * 1024;
/** A piece buffer beyond this is not kept for the next cut frame: there may be thousands of readers. */
const keptBytesMax = 16 * 1024;

export class FrameReader {
  private readonly handler: FrameHandler;
  /** Of a frame that was cut: what there is of it. */
  private piece: Uint8Array = empty;
  private pieceBytes = 0;
  /** Of a message in several frames: the payloads so far. */
  private fragments: Uint8Array[] = [];
  private isBroken = false;
  /** Set by `measure`. */
  private payloadStart = 0;
  private frameEnd = 0;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  /** Reads `bytes` from `from` on. */
  read(bytes: Uint8Array, from: number): void {
    let at = from;
    if (this.pieceBytes > 0) at = this.completePiece(bytes, at);
    const end = bytes.length;
    while (at < end && !this.isBroken) {
      if (!this.measure(bytes, at, end) || this.frameEnd > end) {
        if (!this.isBroken) this.keep(bytes, at, end);
        return;
      }
      const { frameEnd } = this;
      this.show(bytes, at, frameEnd);
      at = frameEnd;
    }
  }

  /** Adds to the cut frame what it lacks; shows it when it is whole. @returns how far `bytes` were needed */
  private completePiece(bytes: Uint8Array, from: number): number {
    let at = from;
    for (;;) {
      const isMeasured = this.measure(this.piece, 0, this.pieceBytes);
      if (this.isBroken) return bytes.length;
      // Without a whole head, byte by byte: it is at most ten.
      const wanted = isMeasured ? this.frameEnd - this.pieceBytes : 1;
      if (wanted === 0) break;
      if (at === bytes.length) return at;
      const taken = Math.min(wanted, bytes.length - at);
      this.reserve(isMeasured ? this.frameEnd : this.pieceBytes + taken);
      this.piece.set(bytes.subarray(at, at + taken), this.pieceBytes);
      this.pieceBytes += taken;
      at += taken;
    }
    const { piece, pieceBytes } = this;
    this.pieceBytes = 0;
    this.show(piece, 0, pieceBytes, at);
    if (piece.length > keptBytesMax) this.piece = empty;
    return at;
  }

  private keep(bytes: Uint8Array, from: number, end: number): void {
    const isMeasured = this.measure(bytes, from, end);
    this.reserve(isMeasured ? this.frameEnd - from : end - from);
    this.piece.set(bytes.subarray(from, end), 0);
    this.pieceBytes = end - from;
  }

  private reserve(length: number): void {
    if (this.piece.length >= length) return;
    const grown = new Uint8Array(Math.max(length, 512));
    grown.set(this.piece.subarray(0, this.pieceBytes));
    this.piece = grown;
  }

  /** Where the frame at `at` has its payload and its end. @returns false when its head is not whole yet */
  private measure(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < 2) return false;
    const second = bytes[at + 1] as number;
    if (second < 126) {
      this.payloadStart = at + 2;
      this.frameEnd = at + 2 + second;
      return true;
    }
    if (second > 127) {
      this.break('a masked frame, which servers do not send');
      return false;
    }
    const width = second === 126 ? 2 : 8;
    if (end - at < 2 + width) return false;
    let length = 0;
    for (let index = at + 2; index < at + 2 + width; index++)
      length = length * 256 + (bytes[index] as number);
    if (length > payloadBytesMax) {
      this.break(`a frame of ${length} bytes`);
      return false;
    }
    this.payloadStart = at + 2 + width;
    this.frameEnd = this.payloadStart + length;
    return true;
  }

  /** `readEnd`: where the frame ends in what is being read, when it is not shown from there. */
  private show(bytes: Uint8Array, at: number, end: number, readEnd: number = end): void {
    const first = bytes[at] as number;
    const opcode = first & 0x0f;
    const { payloadStart } = this;
    const isControl = opcode >= opcodes.close;
    if (isControl) this.handler.control(opcode, bytes, payloadStart, end);
    else if (first >= 0x80 && this.fragments.length === 0) this.handler.message(bytes, payloadStart, end);
    else this.gather(Buffer.from(bytes.subarray(payloadStart, end)), first >= 0x80);
    this.handler.boundary(readEnd, isControl);
  }

  private gather(payload: Uint8Array, isLast: boolean): void {
    this.fragments.push(payload);
    if (!isLast) return;
    const whole = Buffer.concat(this.fragments);
    this.fragments = [];
    this.handler.message(whole, 0, whole.length);
  }

  private break(what: string): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.handler.broken(`The server sent ${what}.`);
  }
}

const empty = new Uint8Array(0);
