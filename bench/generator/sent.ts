/**
 * What one sender has sent and is not settled yet: when each message was due, and what is known of it. A message is
 * settled when it was answered and, if anybody hears its room, shown; the window moves on behind the settled ones, so
 * its memory follows what is under way and not what was sent.
 */

export const acked = 1;
export const refused = 2;
export const shown = 4;

export class SentWindow {
  /** The first ref that is not settled. */
  low = 1;
  /** The next ref to be given. */
  next = 1;
  private due = new Float64Array(8);
  private states = new Uint8Array(8);
  private mask = 7;

  /** @param state `shown` at once when nobody hears the room */
  add(due: number, state: number): number {
    if (this.next - this.low > this.mask) this.grow();
    const ref = this.next++;
    this.due[ref & this.mask] = due;
    this.states[ref & this.mask] = state;
    return ref;
  }

  /** Was it ever sent? */
  has(ref: number): boolean {
    return ref >= 1 && ref < this.next;
  }

  /** What is known of it. */
  stateOf(ref: number): number {
    return ref < this.low ? acked | shown : (this.states[ref & this.mask] as number);
  }

  /** When it was due; NaN when it was settled long ago. */
  dueOf(ref: number): number {
    return ref < this.low ? Number.NaN : (this.due[ref & this.mask] as number);
  }

  /** Adds to what is known of one that is not settled. */
  mark(ref: number, bit: number): void {
    const { mask, states } = this;
    states[ref & mask] = (states[ref & mask] as number) | bit;
    while (this.low < this.next && isSettled(states[this.low & mask] as number)) this.low++;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    const due = new Float64Array(size);
    const states = new Uint8Array(size);
    for (let ref = this.low; ref < this.next; ref++) {
      due[ref & (size - 1)] = this.due[ref & this.mask] as number;
      states[ref & (size - 1)] = this.states[ref & this.mask] as number;
    }
    Object.assign(this, { due, states, mask: size - 1 });
  }
}

/** One that was refused and not shown stays in the window: it might be shown yet, which would be wrong. */
function isSettled(state: number): boolean {
  return (state & (acked | shown)) === (acked | shown);
}
