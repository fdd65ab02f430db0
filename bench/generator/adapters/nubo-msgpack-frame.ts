/**
 * The frame of operations that is being written, in msgpack: of one connection at a time, until it is taken. Heads are
 * written last, into the room that was left for them.
 */
import { opcodes } from '../frames.js';
import { frameHeadBytes, writeFrameHead } from '../websocket.js';
import { type IdWriter, idBytes } from './nubo-ids.js';

const codes = { subscribe: 3, send: 5 };
/** Room for the heads of frame and array. */
const headBytes = 14 + 3;
/** Under what the server takes in one frame (64 KiB, 256 operations). */
const frameBytesMax = 60 * 1024;
export const frameOperationsMax = 200;
/** What an operation takes beside its text. */
const operationBytes = 128;
/** A loop is faster than `set` up to about this many. */
const loopBytesMax = 64;

export class MsgpackFrame {
  private readonly ids: IdWriter;
  private bytes = new Uint8Array(128 * 1024);
  private used = headBytes;
  private operations = 0;

  constructor(ids: IdWriter) {
    this.ids = ids;
  }

  /** Does a message of so many bytes go into this frame? */
  hasRoom(textBytes: number): boolean {
    const isEmpty = this.operations === 0;
    const end = this.used + textBytes + operationBytes;
    return isEmpty || (this.operations < frameOperationsMax && end <= frameBytesMax);
  }

  /** `[5, ref, id, conv, text]` */
  send(connection: number, ref: number, room: Uint8Array, text: Uint8Array): void {
    this.reserve(text.length + operationBytes);
    this.begin(0x95, codes.send, ref);
    const { bytes } = this;
    bytes[this.used++] = 0xd9;
    bytes[this.used++] = idBytes;
    this.ids.write(bytes, this.used, connection, ref);
    this.used += idBytes;
    this.put(room);
    const { length } = text;
    if (length < 32) bytes[this.used++] = 0xa0 | length;
    else if (length < 0x100) {
      bytes[this.used++] = 0xd9;
      bytes[this.used++] = length;
    } else {
      bytes[this.used++] = 0xda;
      bytes[this.used++] = length >>> 8;
      bytes[this.used++] = length & 0xff;
    }
    this.put(text);
  }

  /** `[3, ref, conv]` */
  subscribe(ref: number, room: Uint8Array): void {
    this.reserve(operationBytes);
    this.begin(0x93, codes.subscribe, ref);
    this.put(room);
  }

  /** The frame, lent until the next operation; undefined when there is nothing in it. */
  take(): Uint8Array | undefined {
    const { bytes, used, operations } = this;
    if (operations === 0) return undefined;
    let start = headBytes;
    if (operations > 15) {
      start -= 3;
      bytes[start] = 0xdc;
      bytes[start + 1] = operations >>> 8;
      bytes[start + 2] = operations & 0xff;
    } else if (operations > 1) bytes[--start] = 0x90 | operations;
    const head = start - frameHeadBytes(used - start);
    writeFrameHead(bytes, head, opcodes.binary, used - start);
    this.used = headBytes;
    this.operations = 0;
    return bytes.subarray(head, used);
  }

  private begin(header: number, code: number, ref: number): void {
    const { bytes, used } = this;
    bytes[used] = header;
    bytes[used + 1] = code;
    bytes[used + 2] = 0xce;
    bytes[used + 3] = ref >>> 24;
    bytes[used + 4] = (ref >>> 16) & 0xff;
    bytes[used + 5] = (ref >>> 8) & 0xff;
    bytes[used + 6] = ref & 0xff;
    this.used += 7;
    this.operations++;
  }

  private put(more: Uint8Array): void {
    const { bytes, used } = this;
    const { length } = more;
    if (length > loopBytesMax) bytes.set(more, used);
    else for (let index = 0; index < length; index++) bytes[used + index] = more[index] as number;
    this.used += length;
  }

  private reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const larger = new Uint8Array((this.used + more) * 2);
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}
