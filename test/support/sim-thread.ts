/** One simulated thread: what it has under way ends with it, and what it throws uncaught ends it. */
import type { RuntimePorts } from '#src/runtime/ports.js';
import type { Simulation } from './sim-clock.js';

export class SimThread {
  readonly ports: RuntimePorts;
  isAlive = true;
  private readonly onThrow: (error: unknown) => void;
  private readonly killEvents: () => void;

  /** `now`: the wall clock of the world, which may jump where the simulation's own time does not. */
  constructor(simulation: Simulation, now: () => number, onThrow: (error: unknown) => void) {
    const thread = simulation.thread();
    this.onThrow = onThrow;
    this.killEvents = thread.kill;
    const { timers, turns, random } = thread.ports;
    this.ports = {
      clock: { now },
      timers: { after: (ms, run) => timers.after(ms, () => this.run(run)) },
      random,
      turns: { soon: (run) => turns.soon(() => this.run(run)) },
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

  kill(): void {
    this.isAlive = false;
    this.killEvents();
  }
}
