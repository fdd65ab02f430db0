/**
 * A room whose listeners are all sent the same bytes: one log of them, decoded once by a connection of the adapter that
 * has no socket, and compared by everybody else. Whoever is ahead brings the next bytes.
 *
 * A follower whose bytes differ (a ping of its own, or a fault) decodes by its own connection from the last frame on,
 * and compares again as soon as it stands at a frame's end of the log, having been shown as many messages. Anything
 * that is not the simple next message of the room ends the sharing for good: then each decodes what it was sent, and
 * the checker finds who was wronged.
 */
import type { Connection, Sink } from './adapter.js';
import { ByteLog } from './byte-log.js';
import { type Checker, notSimple } from './checker.js';
import type { Cursor } from './cursor.js';

/** One who compares. */
export interface Follower {
  readonly cursor: Cursor;
  /** Bytes that are decoded by its own connection. */
  decode(bytes: Uint8Array): void;
  /** Everything its connection was given ended with a frame. */
  isAtBoundary(): boolean;
  write(bytes: Uint8Array): void;
}

interface Place {
  readonly follower: Follower;
  isComparing: boolean;
  /** In the log. */
  position: number;
  /** The last frame whose end it has passed. */
  frame: number;
  deviations: number;
}

/** One who differs so often is not worth the comparing. */
const deviationsMax = 64;
/** How far one may lag behind before it has to decode: what it lacks is kept for it. */
const lagBytesMax = 8 * 1024 * 1024;

export class RoomStream {
  /** How many comparisons were enough, for tests and curious people. */
  compared = 0;
  private readonly checker: Checker;
  private readonly cursor: Cursor;
  private readonly log = new ByteLog();
  private readonly places: Place[] = [];
  private readonly decoder: Connection;
  private isShared = true;
  /** Of the decoder: bytes given to it, the last boundary, and how far the log is behind these. */
  private given = 0;
  private boundary = 0;
  private offset = 0;
  /** While bytes are decoded: whose they are, and which of them do not belong to all. */
  private bringer: Follower | undefined;
  private cuts: Array<{ from: number; to: number }> = [];

  constructor(checker: Checker, room: number, connect: (sink: Sink) => Connection) {
    this.checker = checker;
    this.cursor = checker.listen(room, false);
    this.decoder = connect(this.sink());
    this.decoder.opened();
  }

  /** Before the room lives: what one of its listeners is sent until it is ready. */
  prepare(bytes: Uint8Array): void {
    this.given += bytes.length;
    this.decoder.received(bytes);
  }

  /** From now on messages come. */
  begin(): void {
    this.isShared &&= this.given === this.boundary && this.cursor.at === 0;
    this.offset = this.given;
  }

  /** @returns what takes the first `length` of `bytes`, lent; see `received` */
  add(follower: Follower): (bytes: Buffer, length: number) => number {
    const place: Place = { follower, isComparing: false, position: 0, frame: 0, deviations: 0 };
    this.places.push(place);
    return (bytes, length) => this.received(place, bytes, length);
  }

  /** @returns how many messages it was shown by comparing; they end before its cursor's place */
  private received(place: Place, bytes: Buffer, length: number): number {
    const { follower } = place;
    if (!place.isComparing && !this.rejoin(place)) {
      follower.decode(bytes.subarray(0, length));
      return 0;
    }
    const before = follower.cursor.at;
    const from = this.isShared ? this.compare(place, bytes, length) : 0;
    const shown = follower.cursor.at - before;
    if (from >= 0) this.leave(place, bytes.subarray(from, length));
    return shown;
  }

  /** @returns where the bytes begin that have to be decoded; −1 when none */
  private compare(place: Place, bytes: Buffer, length: number): number {
    const equal = this.log.compare(place.position, bytes, length);
    if (equal < 0) return 0;
    place.position += equal;
    if (equal < length && !this.extend(place, bytes.subarray(equal, length))) {
      this.advance(place);
      return equal;
    }
    this.advance(place);
    this.compared++;
    return -1;
  }

  private advance(place: Place): void {
    const { log } = this;
    let frame = place.frame;
    while (frame + 1 < log.frames && log.endOf(frame + 1) <= place.position) frame++;
    if (frame === place.frame) return;
    place.frame = frame;
    const { cursor } = place.follower;
    const count = log.countOf(frame);
    cursor.delivered += count - cursor.at;
    this.checker.delivered += count - cursor.at;
    cursor.at = count;
  }

  /** The first to bring these bytes: they are decoded and kept. @returns false when the sharing has ended over them */
  private extend(place: Place, bytes: Buffer): boolean {
    const { log } = this;
    if (this.cursor.at < this.cursor.room.order.base) this.isShared = false;
    this.bringer = place.follower;
    this.cuts = [];
    if (this.isShared) this.decoder.received(bytes);
    this.bringer = undefined;
    if (!this.isShared) return false;
    let at = 0;
    for (const { from, to } of this.cuts) {
      const begin = from - this.given;
      if (begin < 0) this.retract(place, log.end + begin);
      else log.append(bytes, at, begin);
      at = to - this.given;
    }
    log.append(bytes, at, bytes.length);
    this.given += bytes.length;
    place.position = log.end;
    return true;
  }

  /** What was taken for the room's was the beginning of somebody's ping: those who had the same decode it. */
  private retract(bringer: Place, position: number): void {
    for (const place of this.places) {
      if (place === bringer || !place.isComparing || place.position <= position) continue;
      this.leave(place, empty);
    }
    this.log.truncate(position);
  }

  /** It decodes from the end of the last frame on; `bytes` come behind what it had compared. */
  private leave(place: Place, bytes: Uint8Array): void {
    const { log } = this;
    place.isComparing = false;
    place.deviations++;
    const boundary = log.endOf(place.frame);
    if (place.position > boundary) place.follower.decode(log.slice(boundary, place.position));
    if (bytes.length > 0) place.follower.decode(bytes);
  }

  private rejoin(place: Place): boolean {
    const { follower } = place;
    if (!this.isShared || place.deviations > deviationsMax || !follower.isAtBoundary()) return false;
    const frame = this.log.frameWith(follower.cursor.at);
    if (frame < 0) return false;
    place.isComparing = true;
    place.frame = frame;
    place.position = this.log.endOf(frame);
    return true;
  }

  /** Drops what all have passed, or what only a laggard has not. */
  sweep(): void {
    const { log } = this;
    let least = log.frames - 1;
    for (const place of this.places) {
      if (!place.isComparing) continue;
      if (log.end - place.position > lagBytesMax) this.leave(place, empty);
      else if (place.frame < least) least = place.frame;
    }
    log.drop(least);
  }

  private sink(): Sink {
    const refuse = () => {
      this.isShared = false;
    };
    return {
      write: (bytes) => this.bringer?.write(bytes),
      ready() {},
      acked() {},
      refused() {},
      delivered: (room, bytes, at, seq) => {
        const isSimple =
          this.isShared &&
          room === this.cursor.room.index &&
          this.checker.follow(this.cursor, bytes, at, seq) !== notSimple;
        if (!isSimple) refuse();
      },
      gap: refuse,
      failed: refuse,
      boundary: (end, isShared) => {
        const from = this.boundary;
        this.boundary = end;
        if (this.bringer === undefined || !this.isShared) return;
        if (isShared) this.log.mark(end - this.offset, this.cursor.at);
        else {
          this.cuts.push({ from, to: end });
          this.offset += end - from;
        }
      },
    };
  }
}

const empty = new Uint8Array(0);
