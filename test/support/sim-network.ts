/** Pairs of ports as MessageChannel makes them: ordered, delayed, copying what crosses. Real links run over them. */
import type { LinkPort } from '#src/threads/link.js';
import type { Simulation } from './sim-clock.js';
import type { Draws } from './sim-random.js';
import type { SimThread } from './sim-thread.js';

/** One end. What is under way when an end is closed, or its thread has died, is lost. */
class SimPort implements LinkPort {
  peer: SimPort | undefined;
  readonly underWay: unknown[] = [];
  /** Came before anybody listened: a port keeps it. */
  private readonly early: unknown[] = [];
  private isOpen = true;
  private listener: ((value: unknown) => void) | undefined;
  private readonly simulation: Simulation;
  private readonly random: Draws;
  private readonly thread: SimThread;

  constructor(simulation: Simulation, random: Draws, thread: SimThread) {
    this.simulation = simulation;
    this.random = random;
    this.thread = thread;
  }

  postMessage(value: unknown): void {
    const { peer, random } = this;
    if (!this.isOpen || peer === undefined) return;
    peer.underWay.push(copyOf(value));
    const isLate = random.chance(0.01);
    // Each arrival takes the oldest post, whichever event comes first: in order, however long each one takes.
    this.simulation.schedule(random.next() * (isLate ? 40 : 0.4), () => peer.arrive());
  }

  on(event: 'message' | 'close', listener: (value: unknown) => void): void {
    // The closing of a port is never heard before main's word that the peer is gone, and says the same.
    if (event !== 'message') return;
    this.listener = listener;
    for (const value of this.early.splice(0)) this.thread.run(() => listener(value));
  }

  close(): void {
    this.isOpen = false;
  }

  private arrive(): void {
    const value = this.underWay.shift();
    if (!this.isOpen) return;
    const { listener } = this;
    if (listener === undefined) this.early.push(value);
    else this.thread.run(() => listener(value));
  }
}

export function createChannel(
  simulation: Simulation,
  random: Draws,
  one: SimThread,
  other: SimThread,
): [LinkPort, LinkPort] {
  const first = new SimPort(simulation, random, one);
  const second = new SimPort(simulation, random, other);
  first.peer = second;
  second.peer = first;
  return [first, second];
}

/** A copy of plain data, as the structured clone between threads makes one. */
function copyOf<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as Value;
  if (value instanceof Float64Array) return value.slice() as Value;
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = copyOf(value[key]);
  return copy as Value;
}
