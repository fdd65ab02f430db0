/** A pair of ports with the promises of a MessageChannel, in virtual time: ordered, cloned, delayed, none lost. */
import type { LinkPort } from '#src/threads/link.js';
import type { Simulation } from './sim-clock.js';

export interface SimulatedPort extends LinkPort {
  /** The thread at this end died: the other end hears `close`, after what was posted before. */
  die(): void;
}

class Port implements SimulatedPort {
  other: Port | undefined = undefined;
  private readonly simulation: Simulation;
  private readonly delayMsMax: number;
  private readonly listeners: Array<(value: unknown) => void> = [];
  private readonly closeListeners: Array<() => void> = [];
  private readonly underway: Array<() => void> = [];
  private isOpen = true;

  constructor(simulation: Simulation, delayMsMax: number) {
    this.simulation = simulation;
    this.delayMsMax = delayMsMax;
  }

  postMessage(value: unknown): void {
    if (!this.isOpen) return;
    const copy = structuredClone(value);
    this.deliver((other) => {
      for (const listener of other.listeners) listener(copy);
    });
  }

  on(event: 'message' | 'close', listener: (value: unknown) => void): void {
    if (event === 'message') this.listeners.push(listener);
    else this.closeListeners.push(() => listener(undefined));
  }

  close(): void {
    if (!this.isOpen) return;
    this.deliver((other) => other.onOtherClosed());
    this.isOpen = false;
  }

  die(): void {
    this.close();
  }

  private onOtherClosed(): void {
    this.isOpen = false;
    for (const listener of this.closeListeners) listener();
  }

  /** One event for each message, whichever comes first brings the oldest: delayed at random, still in order. */
  private deliver(run: (other: Port) => void): void {
    const { other, simulation } = this;
    if (other === undefined) return;
    this.underway.push(() => {
      if (other.isOpen) run(other);
    });
    simulation.schedule(simulation.random() * this.delayMsMax, () => this.underway.shift()?.());
  }
}

export function createSimulatedChannel(
  simulation: Simulation,
  options: { delayMsMax?: number } = {},
): [SimulatedPort, SimulatedPort] {
  const one = new Port(simulation, options.delayMsMax ?? 1);
  const two = new Port(simulation, options.delayMsMax ?? 1);
  one.other = two;
  two.other = one;
  return [one, two];
}
