/** The frame of operations that is being written, in JSON: of one connection at a time, until it is taken. */
import { opcodes } from '../frames.js';
import { JsonTexts } from '../json-text.js';
import { frameHeadBytes, writeFrameHead } from '../websocket.js';
import { type IdWriter, idBytes } from './nubo-ids.js';

const openList = 0x5b;
const closeList = 0x5d;
const comma = 0x2c;
/** Room for the head of the frame and the bracket. */
const headBytes = 14 + 1;
/** Under what the server takes in one frame (64 KiB, 256 operations). */
const frameBytesMax = 60 * 1024;
const frameOperationsMax = 200;
/** What an operation takes beside its text. */
const operationBytes = 256;
const beforeRef = Buffer.from('{"op":"send","ref":');
const beforeId = Buffer.from(',"id":"');
const behindText = Buffer.from('"}');

export class JsonFrame {
  private readonly ids: IdWriter;
  private readonly texts = new JsonTexts();
  private bytes = Buffer.allocUnsafeSlow(128 * 1024);
  private used = headBytes;
  private operations = 0;

  constructor(ids: IdWriter) {
    this.ids = ids;
  }

  /** Does this text go into this frame? */
  hasRoom(text: Uint8Array): boolean {
    const end = this.used + this.texts.of(text).length + operationBytes;
    return this.operations === 0 || (this.operations < frameOperationsMax && end <= frameBytesMax);
  }

  /** @param middle what stands between the id and the text, the room in it */
  send(connection: number, ref: number, middle: Uint8Array, text: Uint8Array): void {
    const escaped = this.texts.of(text);
    this.begin(escaped.length + operationBytes);
    this.put(beforeRef);
    this.used += this.bytes.write(String(ref), this.used, 'latin1');
    this.put(beforeId);
    this.ids.write(this.bytes, this.used, connection, ref);
    this.used += idBytes;
    this.put(middle);
    this.put(escaped);
    this.put(behindText);
  }

  subscribe(ref: number, conv: string): void {
    this.begin(operationBytes);
    const operation = JSON.stringify({ op: 'subscribe', ref, conv });
    this.used += this.bytes.write(operation, this.used, 'latin1');
  }

  /** The frame, lent until the next operation; undefined when there is nothing in it. */
  take(): Uint8Array | undefined {
    const { bytes, operations } = this;
    if (operations === 0) return undefined;
    let start = headBytes;
    if (operations > 1) {
      bytes[--start] = openList;
      this.put(closing);
    }
    const length = this.used - start;
    const head = start - frameHeadBytes(length);
    writeFrameHead(bytes, head, opcodes.text, length);
    this.used = headBytes;
    this.operations = 0;
    return bytes.subarray(head, start + length);
  }

  private begin(more: number): void {
    if (this.used + more > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes.subarray(0, this.used), Buffer.alloc(more * 2)]);
    if (this.operations > 0) this.bytes[this.used++] = comma;
    this.operations++;
  }

  private put(more: Uint8Array): void {
    this.bytes.set(more, this.used);
    this.used += more.length;
  }
}

const closing = new Uint8Array([closeList]);
