/**
 * Virtual time and the threads that live in it. One thing happens at a time; what happens next is the earliest
 * entry, and among those of one moment the one a seeded draw puts first, so that threads interleave differently
 * with every seed while each keeps its own order.
 */
import type { RuntimePorts } from '#src/runtime/ports.js';
import type { SeededRandom } from './sim-random.js';

interface Entry {
  readonly at: number;
  readonly order: number;
  /** undefined: cancelled. */
  run: (() => void) | undefined;
}

/** 2026-11-21, so that ids look as they do in life. */
const startMs = Date.UTC(2026, 10, 21);

export class Schedule {
  now = startMs;
  steps = 0;
  private readonly heap: Entry[] = [];
  private readonly random: SeededRandom;
  private counter = 0;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** Milliseconds since the run began. */
  get elapsed(): number {
    return this.now - startMs;
  }

  /** Calls `run` once, `ms` from now; the returned function cancels it. */
  after(ms: number, run: () => void): () => void {
    this.counter += 1;
    // The draw decides between threads that act in the same moment; the counter keeps the draw from mattering twice.
    const order = this.random.next();
    const entry: Entry = { at: this.now + Math.max(0, ms), order: order + this.counter * 1e-12, run };
    this.push(entry);
    return () => {
      entry.run = undefined;
    };
  }

  /** Time passes at once: what was due in between happens afterwards, late. */
  jump(ms: number): void {
    this.now += ms;
  }

  /** Lets the next thing happen. false: nothing is left. */
  step(): boolean {
    for (;;) {
      const entry = this.pop();
      if (entry === undefined) return false;
      if (entry.run === undefined) continue;
      if (entry.at > this.now) this.now = entry.at;
      this.steps += 1;
      entry.run();
      return true;
    }
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  private pop(): Entry | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (isBefore(last, heap[child] as Entry)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** One simulated thread: what it has under way ends with it, and what it throws uncaught ends it. */
export class SimThread {
  readonly ports: RuntimePorts;
  isAlive = true;
  private readonly schedule: Schedule;
  private readonly random: SeededRandom;
  private readonly onThrow: (error: unknown) => void;
  private queue: Array<() => void> = [];
  private hasTurn = false;

  constructor(schedule: Schedule, random: SeededRandom, onThrow: (error: unknown) => void) {
    this.schedule = schedule;
    this.random = random;
    this.onThrow = onThrow;
    this.ports = {
      clock: { now: () => Math.floor(schedule.now) },
      timers: { after: (ms, run) => schedule.after(ms, () => this.run(run)) },
      random: { next: () => random.next() },
      turns: { soon: (run) => this.soon(run) },
    };
  }

  /** Runs code of this thread, unless it is dead. */
  run(code: () => void): void {
    if (!this.isAlive) return;
    try {
      code();
    } catch (error) {
      if (this.isAlive) this.onThrow(error);
    }
  }

  /** In the thread's next turn, in the order of the calls. */
  soon(run: () => void): void {
    this.queue.push(run);
    if (this.hasTurn) return;
    this.hasTurn = true;
    this.schedule.after(this.random.next() * 0.1, () => this.turn());
  }

  kill(): void {
    this.isAlive = false;
    this.queue = [];
  }

  private turn(): void {
    this.hasTurn = false;
    const queue = this.queue;
    this.queue = [];
    for (const run of queue) this.run(run);
  }
}
