/**
 * An open loop: which sender's message is due when. Times are fixed beforehand, so that whoever is late is seen to be;
 * senders are drawn by their weights from a sequence that is the same in each play.
 */

export interface ScheduleOptions {
  /** Weight of each sender; none is negative, and not all are 0. */
  readonly weights: readonly number[];
  /** Messages a second, of all together. */
  readonly perSecond: number;
}

export class Schedule {
  private readonly interval: number;
  private readonly draw: () => number;
  private startedAt = 0;
  private count = 0;

  constructor({ weights, perSecond }: ScheduleOptions) {
    if (!(perSecond > 0)) throw new Error('An open loop needs a rate above 0.');
    this.interval = 1000 / perSecond;
    this.draw = drawing(weights);
  }

  /** When the next message is due. */
  get next(): number {
    return this.startedAt + this.count * this.interval;
  }

  begin(now: number): void {
    this.startedAt = now;
    this.count = 0;
  }

  /** Calls `send` for each message due by `now`, with the index of its sender and when it was due. */
  take(now: number, send: (sender: number, due: number) => void): void {
    for (;;) {
      const due = this.next;
      if (due > now) return;
      this.count++;
      send(this.draw(), due);
    }
  }
}

/** Indexes by their weights, in constant time (Vose's alias method). */
function drawing(weights: readonly number[]): () => number {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (!(sum > 0) || weights.some((weight) => !(weight >= 0)))
    throw new Error('The weights of the senders must be numbers from 0 on, and one above 0.');
  const { length } = weights;
  const shares = Float64Array.from(weights, (weight) => (weight / sum) * length);
  const aliases = new Uint32Array(length);
  const small: number[] = [];
  const large: number[] = [];
  for (const [index, share] of shares.entries()) (share < 1 ? small : large).push(index);
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number;
    const more = large.at(-1) as number;
    aliases[less] = more;
    shares[more] = (shares[more] as number) - (1 - (shares[less] as number));
    if ((shares[more] as number) < 1) small.push(large.pop() as number);
  }
  for (const index of [...small, ...large]) shares[index] = 1;
  const random = numbers();
  return () => {
    const place = random() * length;
    const index = Math.floor(place);
    return place - index < (shares[index] as number) ? index : (aliases[index] as number);
  };
}

/** A sequence of numbers from 0 to 1 (mulberry32): nothing here needs more than evenness. */
function numbers(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
