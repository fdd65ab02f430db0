/** Raw COPY around the engine's turn of each round, at the mean batch that the engine made the time before. */

import type { Measurement } from '../contract.js';
import { rawCopy, rawCopyLadder } from '../limits/index.js';
import type { RunningNubo } from '../targets/nubo.js';
import type { BenchContext } from './scenario.js';

/** Of copying that counts, each time. */
const secondsMax = 3;
const ladderSeconds = 1.5;
const smokeSeconds = 0.2;

export class Copies {
  private readonly bench: BenchContext;
  private readonly running: RunningNubo;
  private readonly rooms: number;
  private batch: number | undefined;

  constructor(bench: BenchContext, running: RunningNubo, rooms: number) {
    this.bench = bench;
    this.running = running;
    this.rooms = rooms;
  }

  /** The engine's turn between two of the limit. Before the first, the engine plays once for nothing: its batch is unknown. */
  async around(engine: () => Promise<Measurement>): Promise<void> {
    const { isSmoke } = this.bench.options;
    if (!isSmoke) {
      this.batch ??= batchOf(await engine());
      await this.ladder();
      await this.copy(this.batch);
    }
    const measurement = this.bench.record(await engine());
    await this.copy(this.batch ?? batchOf(measurement));
    this.batch = batchOf(measurement);
  }

  private async copy(batch: number): Promise<void> {
    const { isSmoke, seconds } = this.bench.options;
    this.bench.say(`raw COPY at batches of ${Math.round(batch)}`);
    const length = isSmoke ? smokeSeconds : Math.min(secondsMax, seconds);
    this.bench.record(await rawCopy({ ...this.common(), batch, seconds: length }));
  }

  /** At fixed batches, for comparison with other machines. */
  private async ladder(): Promise<void> {
    this.bench.say('raw COPY at batches of 100, 800 and 1,000');
    for (const measurement of await rawCopyLadder({ ...this.common(), seconds: ladderSeconds })) {
      const size = Math.round(measurement.figures.batch ?? 0);
      this.bench.record({ ...measurement, part: `raw COPY at ${size}` });
    }
  }

  private common() {
    const { postgresUrl, postgresPid } = this.running;
    return {
      database: { url: postgresUrl, pid: postgresPid },
      ...{ texts: 'transcript' as const, rooms: this.rooms, signal: this.bench.signal },
    };
  }
}

function batchOf({ figures }: Measurement): number {
  return Math.max(1, Math.round(figures.meanBatch ?? 1));
}
