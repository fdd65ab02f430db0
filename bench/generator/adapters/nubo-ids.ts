/**
 * Ids of the bench's messages: UUIDv7 written straight as text. The time in front is real; where others have chance,
 * these have a number of the process, the connection and the message.
 */
import { writeHex } from '../mark.js';

export const idBytes = 36;
const dash = 0x2d;

export class IdWriter {
  private readonly run = Math.floor(Math.random() * 2 ** 24);
  private readonly time = new Uint8Array(13);
  private writtenAt = 0;

  /** `connection` from 0 to 65,535; `ref` is the message's number there. */
  write(bytes: Uint8Array, at: number, connection: number, ref: number): void {
    const now = Date.now();
    if (now !== this.writtenAt) this.writeTime(now);
    const { time, run } = this;
    for (let index = 0; index < 13; index++) bytes[at + index] = time[index] as number;
    bytes[at + 13] = dash;
    bytes[at + 14] = 0x37;
    writeHex(bytes, at + 15, 3, run >>> 12);
    bytes[at + 18] = dash;
    bytes[at + 19] = 0x38;
    writeHex(bytes, at + 20, 3, run & 0xfff);
    bytes[at + 23] = dash;
    writeHex(bytes, at + 24, 4, connection);
    writeHex(bytes, at + 28, 8, ref);
  }

  private writeTime(now: number): void {
    const { time } = this;
    writeHex(time, 0, 8, Math.floor(now / 0x10000));
    time[8] = dash;
    writeHex(time, 9, 4, now % 0x10000);
    this.writtenAt = now;
  }
}
