/**
 * The order of a room: its messages as whoever was shown one first was shown them. Everybody else is held against it.
 * A message is a *key*: its sender and ref in one number. With numbers of the target's own, an entry's place is its
 * number less that of the first, and one that nobody has been shown yet is a hole.
 */

export const hole = -1;
const refs = 2 ** 32;

export function keyOf(sender: number, ref: number): number {
  return sender * refs + ref;
}

export function senderOfKey(key: number): number {
  return Math.floor(key / refs);
}

export function refOfKey(key: number): number {
  return key % refs;
}

export class Order {
  /** Places before it were dropped: everybody has passed them. */
  base = 0;
  /** The next place to be given. */
  end = 0;
  /** The target's number of place 0; undefined until it is known, or for ever. */
  seqBase: number | undefined;
  /** Holes that were filled, by their place. */
  readonly filled = new Map<number, number>();
  private keys = new Float64Array(16);
  private due = new Float64Array(16);
  private mask = 15;

  push(key: number, due: number): void {
    if (this.end - this.base > this.mask) this.grow();
    const place = this.end & this.mask;
    this.keys[place] = key;
    this.due[place] = due;
    this.end++;
  }

  fill(place: number, key: number, due: number): void {
    this.filled.set(place, key);
    if (place < this.base) return;
    this.keys[place & this.mask] = key;
    this.due[place & this.mask] = due;
  }

  /** For places that were not dropped. */
  keyAt(place: number): number {
    return this.keys[place & this.mask] as number;
  }

  dueAt(place: number): number {
    return this.due[place & this.mask] as number;
  }

  /** The place of a message, looked for from `from` on and then before it; −1 when it is not there or was dropped. */
  find(key: number, from: number): number {
    for (let place = from; place < this.end; place++) if (this.keyAt(place) === key) return place;
    for (let place = Math.min(from, this.end) - 1; place >= this.base; place--)
      if (this.keyAt(place) === key) return place;
    return -1;
  }

  /** Everybody has passed what is before `place`. */
  drop(place: number): void {
    this.base = Math.max(this.base, Math.min(place, this.end));
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    const keys = new Float64Array(size);
    const due = new Float64Array(size);
    for (let place = this.base; place < this.end; place++) {
      keys[place & (size - 1)] = this.keyAt(place);
      due[place & (size - 1)] = this.dueAt(place);
    }
    Object.assign(this, { keys, due, mask: size - 1 });
  }
}
