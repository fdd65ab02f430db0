/**
 * The bytes everybody who hears a room is sent, once: in segments, dropped from the front as all have passed them.
 * Positions count from the first byte ever. Frame ends are noted with how far the room's order is then.
 */
const segmentBytes = 64 * 1024;

interface Segment {
  readonly bytes: Buffer;
  readonly start: number;
}

/** Free segments of all logs: thousands of rooms share them. */
const free: Buffer[] = [];
const freeMax = 64;

export class ByteLog {
  /** Positions before it were dropped; it is a frame's end, or 0. */
  start = 0;
  end = 0;
  private segments: Segment[] = [];
  /** Ends of frames from `start` (inclusive) on, and how many messages of the order had been shown by then. */
  private ends: number[] = [0];
  private counts: number[] = [0];
  /** Frames dropped, so that the index of a frame never changes. */
  private dropped = 0;

  append(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const last = this.segments.at(-1);
      const used = last === undefined ? segmentBytes : this.end - last.start;
      if (last === undefined || used === segmentBytes) {
        this.segments.push({ bytes: free.pop() ?? Buffer.allocUnsafeSlow(segmentBytes), start: this.end });
        continue;
      }
      const count = Math.min(segmentBytes - used, to - at);
      last.bytes.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), used);
      this.end += count;
      at += count;
    }
  }

  /** A frame ended at `position`, and `count` messages had been shown by then. */
  mark(position: number, count: number): void {
    this.ends.push(position);
    this.counts.push(count);
  }

  /**
   * How many of the first `length` bytes are equal to what stands at `position`; −1 when one differs. Less than all of
   * them when the log ends before.
   */
  compare(position: number, bytes: Buffer, length: number): number {
    let at = 0;
    let place = position;
    while (at < length && place < this.end) {
      const segment = this.segmentAt(place);
      const offset = place - segment.start;
      const count = Math.min(length - at, this.end - place, segmentBytes - offset);
      if (bytes.compare(segment.bytes, offset, offset + count, at, at + count) !== 0) return -1;
      at += count;
      place += count;
    }
    return at;
  }

  /** A copy of what stands there. */
  slice(from: number, to: number): Buffer {
    const copy = Buffer.allocUnsafe(to - from);
    let place = from;
    while (place < to) {
      const { bytes, start } = this.segmentAt(place);
      const count = Math.min(to - place, start + segmentBytes - place);
      copy.set(bytes.subarray(place - start, place - start + count), place - from);
      place += count;
    }
    return copy;
  }

  /** One more than the index of the last frame. */
  get frames(): number {
    return this.dropped + this.ends.length;
  }

  endOf(frame: number): number {
    return this.ends[frame - this.dropped] as number;
  }

  countOf(frame: number): number {
    return this.counts[frame - this.dropped] as number;
  }

  /** The last frame by whose end exactly `count` messages had been shown; −1 when there is none. */
  frameWith(count: number): number {
    let low = 0;
    let high = this.counts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.counts[middle] as number) <= count) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.counts[low - 1] === count ? this.dropped + low - 1 : -1;
  }

  /** Takes back what was appended after a frame's end. */
  truncate(position: number): void {
    this.end = position;
    for (let last = this.segments.at(-1); last !== undefined && last.start >= position; ) {
      recycle(last);
      this.segments.pop();
      last = this.segments.at(-1);
    }
  }

  /** Everybody has passed this frame's end. */
  drop(frame: number): void {
    const count = frame - this.dropped;
    if (count <= 0) return;
    this.ends.splice(0, count);
    this.counts.splice(0, count);
    this.dropped = frame;
    this.start = this.ends[0] as number;
    let passed = 0;
    for (const segment of this.segments) {
      if (segment.start + segmentBytes > this.start) break;
      recycle(segment);
      passed++;
    }
    this.segments.splice(0, passed);
  }

  private segmentAt(position: number): Segment {
    const { segments } = this;
    // Nearly everybody is near the end.
    let index = segments.length - 1;
    while ((segments[index] as Segment).start > position) index--;
    return segments[index] as Segment;
  }
}

function recycle({ bytes }: Segment): void {
  if (free.length < freeMax) free.push(bytes);
}
