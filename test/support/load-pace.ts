/**
 * An open loop over the senders of a load: messages are due at fixed times whether or not earlier ones are answered,
 * and their latency counts from then, so that a server that stalls is not spared what waited meanwhile.
 */
import type { Load } from './load.js';

/** Between two looks at the clock; what is due by then leaves together. */
const tickMs = 4;

export class Pace {
  private readonly load: Load;
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;
  /** Behind by more than this is the generator's own fault, in milliseconds; the worst so far. */
  latestMs = 0;

  constructor(load: Load) {
    this.load = load;
  }

  begin(perSecond: number): void {
    const everyMs = 1_000 / perSecond;
    let dueAt = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      this.latestMs = Math.max(this.latestMs, now - dueAt - tickMs);
      for (; dueAt <= now; dueAt += everyMs) {
        this.load.senders[this.turn % this.load.senders.length]?.sendDue(dueAt);
        this.turn += 1;
      }
    }, tickMs);
  }

  end(): void {
    clearInterval(this.timer);
  }

  /** The p99 of what was acked with from < time ≤ to, in milliseconds; NaN when nothing was. */
  p99(from: number, to: number): number {
    const waits = this.load.book.acks
      .filter(({ at }) => at > from && at <= to)
      .map(({ at, dueAt = at }) => at - dueAt)
      .toSorted((one, other) => one - other);
    return waits[Math.floor(waits.length * 0.99)] ?? Number.NaN;
  }
}
