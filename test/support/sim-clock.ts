/**
 * A world with its own time: no real timer, no promise, no event loop. Everything that happens is an event with a
 * virtual time; events of the same time happen in an order that the seed decides. The same seed and the same code
 * give the same run, which `traceHash` shows.
 */
import type { RuntimePorts } from '#src/runtime/ports.js';
import { EventHeap, type SimulatedEvent } from './event-heap.js';
import { SeededRandom } from './seeded-random.js';

/** Where the virtual clock starts (Unix ms): a plain day, so that ids made from it look real. */
export const simulationStartMs = Date.UTC(2026, 0, 1);

export interface SimulatedThread {
  readonly ports: RuntimePorts;
  /** Nothing that this thread had scheduled happens any more. */
  kill(): void;
}

export interface Simulation {
  /** Those of a first thread, for simulations that need only one. */
  readonly ports: RuntimePorts;
  /** One event loop: its turns keep their order among themselves, threads interleave as the seed will. */
  thread(): SimulatedThread;
  /** Happens `delayMs` from now (may be a fraction); the returned function cancels it. */
  schedule(delayMs: number, run: () => void): () => void;
  /** Runs until nothing is left, or one of the bounds is reached. `untilMs` counts from the start of the world. */
  run(bounds?: { maxEvents?: number; untilMs?: number }): { events: number; isIdle: boolean };
  /** Unix ms, virtual. */
  now(): number;
  /** 0 ≤ x < 1, for the scenario's own decisions. */
  random(): number;
  /** Adds to the trace something that only the scenario knows. */
  note(text: string): void;
  /** Equal for equal runs: mixes every event's time and origin, and every note. */
  traceHash(): string;
}

export function createSimulation(seed: number): Simulation {
  return new World(seed);
}

class World implements Simulation {
  readonly ports: RuntimePorts;
  private readonly seed: number;
  private readonly ties: SeededRandom;
  private readonly scenario: SeededRandom;
  private readonly heap = new EventHeap();
  private time = simulationStartMs;
  private scheduled = 0;
  private threads = 0;
  private trace = 0x811c9dc5;
  private trace2 = 0x9747b28c;

  constructor(seed: number) {
    this.seed = seed;
    this.ties = new SeededRandom(seed, 1);
    this.scenario = new SeededRandom(seed, 2);
    this.ports = this.thread().ports;
  }

  thread(): SimulatedThread {
    this.threads += 1;
    const random = new SeededRandom(this.seed, 2 + this.threads);
    const turns: Array<() => void> = [];
    let isAlive = true;
    const ifAlive = (run: () => void) => () => {
      if (isAlive) run();
    };
    // One event for each turn, whichever comes first takes the oldest: in order here, in any order among threads.
    const takeTurn = ifAlive(() => turns.shift()?.());
    const ports: RuntimePorts = {
      clock: { now: () => Math.floor(this.time) },
      timers: { after: (ms, run) => this.schedule(Math.max(1, ms), ifAlive(run)) },
      random: { next: () => random.next() },
      turns: {
        soon: (run) => {
          turns.push(run);
          this.schedule(0, takeTurn);
        },
      },
    };
    return {
      ports,
      kill: () => {
        isAlive = false;
        turns.length = 0;
      },
    };
  }

  schedule(delayMs: number, run: () => void): () => void {
    this.scheduled += 1;
    const at = this.time + Math.max(0, delayMs);
    const event: SimulatedEvent = { at, tieBreak: this.ties.uint32(), order: this.scheduled, run };
    this.heap.push(event);
    return () => {
      event.run = undefined;
    };
  }

  run(bounds: { maxEvents?: number; untilMs?: number } = {}): { events: number; isIdle: boolean } {
    const eventsMax = bounds.maxEvents ?? Number.POSITIVE_INFINITY;
    const end = simulationStartMs + (bounds.untilMs ?? Number.POSITIVE_INFINITY);
    let events = 0;
    for (;;) {
      const next = this.heap.peek();
      if (next === undefined || (next.run !== undefined && next.at > end)) break;
      if (events >= eventsMax) return { events, isIdle: false };
      this.heap.pop();
      if (next.run === undefined) continue;
      this.time = next.at;
      this.mix(next.order);
      this.mix(Math.floor((next.at - simulationStartMs) * 1000));
      events += 1;
      next.run();
    }
    const isIdle = this.heap.size === 0;
    if (Number.isFinite(end)) this.time = Math.max(this.time, end);
    return { events, isIdle };
  }

  now(): number {
    return Math.floor(this.time);
  }

  random(): number {
    return this.scenario.next();
  }

  note(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.mix(text.charCodeAt(index));
    this.mix(text.length);
  }

  traceHash(): string {
    return (
      (this.trace >>> 0).toString(16).padStart(8, '0') + (this.trace2 >>> 0).toString(16).padStart(8, '0')
    );
  }

  private mix(value: number): void {
    this.trace = Math.imul(this.trace ^ value, 0x01000193);
    this.trace ^= this.trace >>> 15;
    this.trace2 = Math.imul(this.trace2 ^ value ^ Math.floor(value / 2 ** 32), 0x85ebca6b);
    this.trace2 ^= this.trace2 >>> 13;
  }
}
