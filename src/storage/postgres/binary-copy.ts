/**
 * Messages of the Postgres protocol in one growing buffer: a simple query and the binary COPY rows that follow it
 * at once. Nothing here knows what a row means.
 *
 * The buffer is used again for the next batch. It must not change while the socket still reads it, so it belongs
 * to the socket from `take` until the write's callback calls `release`; a batch made meanwhile gets a new one.
 */

import { writeUuid } from '../../uuid-bytes.js';
import { isStorableText } from '../../wire/operations.js';

/** CopyData messages end at the first row beyond this many bytes, so that the server reads while we still send. */
const frameBytesMax = 64 * 1024;
/** A buffer that a huge batch made larger than this is not kept. */
const keptBytesMax = 16 * 1024 * 1024;
const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** Microseconds from the Unix epoch to that of Postgres, 2000-01-01. */
const epochMicroseconds = Date.UTC(2000, 0, 1) * 1000;
const high32 = 2 ** 32;

export class BinaryCopy {
  private bytes = Buffer.allocUnsafeSlow(256 * 1024);
  private view = viewOf(this.bytes);
  private isTaken = false;
  private offset = 0;
  private frameStart = 0;

  /** Begins with a simple query, `sql` as one message. */
  begin(sql: string): void {
    if (this.isTaken) this.replace(256 * 1024);
    this.offset = 0;
    this.reserve(sql.length * 3 + 8);
    this.bytes[0] = 0x51; // Q
    this.offset = 5;
    this.offset += this.bytes.write(sql, this.offset);
    this.bytes[this.offset++] = 0;
    this.view.setInt32(1, this.offset - 1);
  }

  /** Begins the rows. */
  beginRows(): void {
    this.openFrame();
    this.offset += signature.copy(this.bytes, this.offset);
  }

  /** @param bytesMax what the fields of the row can take at most, without their four bytes of length */
  beginRow(fields: number, bytesMax: number): void {
    this.reserve(bytesMax + 4 * fields + 64);
    if (this.offset - this.frameStart > frameBytesMax) {
      this.closeFrame();
      this.openFrame();
    }
    this.view.setInt16(this.offset, fields);
    this.offset += 2;
  }

  null(): void {
    this.view.setInt32(this.offset, -1);
    this.offset += 4;
  }

  /** @throws RangeError when it is no lower-case UUID */
  uuid(text: string): void {
    this.view.setInt32(this.offset, 16);
    writeUuid(this.bytes, this.offset + 4, text);
    this.offset += 20;
  }

  int16(value: number): void {
    this.view.setInt32(this.offset, 2);
    this.view.setInt16(this.offset + 4, value);
    this.offset += 6;
  }

  /** `high` × 2^32 + `low`, for what does not fit a safe integer. */
  int64(value: number, high = 0): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`);
    this.view.setInt32(this.offset, 8);
    const upper = Math.floor(value / high32);
    this.view.setInt32(this.offset + 4, upper + high);
    this.view.setUint32(this.offset + 8, value - upper * high32);
    this.offset += 12;
  }

  /** Unix milliseconds as timestamptz. */
  milliseconds(value: number): void {
    this.int64(value * 1000 - epochMicroseconds);
  }

  /** @throws RangeError for NUL and lone surrogates: UTF-8 would silently become something else */
  text(value: string): void {
    if (!isStorableText(value)) throw new RangeError('text with NUL or lone surrogates');
    const written = this.bytes.write(value, this.offset + 4);
    this.view.setInt32(this.offset, written);
    this.offset += 4 + written;
  }

  /** JSON text as jsonb. The server itself refuses what it cannot hold. */
  jsonb(json: string): void {
    this.bytes[this.offset + 4] = 1; // version of the format
    const written = this.bytes.write(json, this.offset + 5);
    this.view.setInt32(this.offset, written + 1);
    this.offset += 5 + written;
  }

  /** Ends the rows. */
  endRows(): void {
    this.reserve(16);
    this.view.setInt16(this.offset, -1);
    this.offset += 2;
    this.closeFrame();
    this.bytes[this.offset] = 0x63; // CopyDone
    this.view.setInt32(this.offset + 1, 4);
    this.offset += 5;
  }

  /** All bytes since `begin`. Call `release` once the socket has taken them. */
  take(): { bytes: Buffer; release: () => void } {
    const owned = this.bytes;
    this.isTaken = true;
    return {
      bytes: owned.subarray(0, this.offset),
      release: () => {
        if (this.bytes !== owned) return;
        this.isTaken = false;
        if (owned.length > keptBytesMax) this.replace(256 * 1024);
      },
    };
  }

  private openFrame(): void {
    this.reserve(64);
    this.frameStart = this.offset;
    this.bytes[this.offset] = 0x64; // CopyData
    this.offset += 5;
  }

  private closeFrame(): void {
    this.view.setInt32(this.frameStart + 1, this.offset - this.frameStart - 1);
  }

  private replace(size: number): void {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = viewOf(this.bytes);
    this.isTaken = false;
  }

  private reserve(room: number): void {
    if (this.offset + room <= this.bytes.length) return;
    const old = this.bytes;
    this.replace(Math.max(old.length * 2, this.offset + room));
    old.copy(this.bytes, 0, 0, this.offset);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
