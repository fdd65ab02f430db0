/** Months whose store answers late, fails, fails for months on end, or does what it says that it could not. */
import { MemoryPartitions } from '#src/storage/memory/partitions.js';
import type { Failed, PartitionStore } from '#src/storage/ports.js';
import type { Simulation } from './sim-clock.js';

const failed: Failed = { kind: 'failed', message: 'planted' };

export class FaultyPartitions implements PartitionStore {
  readonly memory: MemoryPartitions;
  isAway = false;
  failures = 0;
  private readonly simulation: Simulation;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    this.memory = new MemoryPartitions({ soon: (run) => void simulation.schedule(this.delay(), run) });
  }

  survey(done: Parameters<PartitionStore['survey']>[0]): void {
    if (this.isServing()) this.memory.survey(done);
    else this.fail(done);
  }

  make(month: number, done: Parameters<PartitionStore['make']>[1]): void {
    if (this.isServing()) return this.memory.make(month, done);
    // The answer was lost, and perhaps only the answer.
    if (!this.isAway && this.simulation.random() < 0.5) this.memory.makeNow(month);
    this.fail(done);
  }

  detach(month: number, options: { isKept: boolean }, done: Parameters<PartitionStore['detach']>[2]): void {
    if (this.isServing()) this.memory.detach(month, options, done);
    else this.fail(done);
  }

  private isServing(): boolean {
    return !this.isAway && this.simulation.random() > 0.05;
  }

  private fail(done: (result: Failed) => void): void {
    this.failures += 1;
    this.simulation.schedule(this.delay(), () => done(failed));
  }

  private delay(): number {
    return this.simulation.random() * 5_000;
  }
}
