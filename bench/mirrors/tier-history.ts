/** Pages of history that no actor remembers, from a nubo whose only mirror is Redis, or Mongo. */
import { cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { HistoryWindow } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { BenchContext } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';
import { untilLevel } from './watch.js';

export interface TierHistoryShape {
  readonly rooms: number;
  readonly messagesEach: number;
  readonly readers: number;
  readonly outstanding: number;
  readonly pageEvents: number;
  readonly textBytes: number;
}

const levelSecondsMax = 120;

export class TierHistory {
  private readonly bench: BenchContext;
  private readonly nubo: RunningNubo;
  private readonly shape: TierHistoryShape;
  private readonly tier: 'redis' | 'mongo';
  private readonly label: string;
  private rooms: readonly string[] = [];
  private tokens: readonly string[] = [];
  private filled = { firstSeq: 0, lastSeq: 0 };

  constructor(
    bench: BenchContext,
    options: { nubo: RunningNubo; shape: TierHistoryShape; tier: 'redis' | 'mongo'; label: string },
  ) {
    this.bench = bench;
    this.nubo = options.nubo;
    this.shape = options.shape;
    this.tier = options.tier;
    this.label = options.label;
  }

  /** Writes the past, and waits until the mirror has it. @returns false when it has not in time */
  async fill(): Promise<boolean> {
    const { bench, nubo, shape } = this;
    const everybody = Array.from({ length: shape.readers }, (_, reader) => reader);
    const populated = await nubo.populate({
      ...{ users: shape.readers, rooms: shape.rooms, membersOf: () => everybody },
    });
    this.rooms = populated.rooms;
    this.tokens = populated.users.map(({ token }) => token);
    const { messagesEach, textBytes } = shape;
    const token = this.tokens[0] ?? '';
    const filled = await playOn(bench, nubo, {
      kind: 'fill',
      ...{ ...this.server(), token, messagesEach, textBytes },
    });
    this.filled = filled.report;
    bench.say(`${this.tier} is filled`);
    const seconds = await untilLevel(nubo, { secondsMax: levelSecondsMax, signal: bench.signal });
    if (seconds === undefined) bench.miss(`${this.tier}: it had not everything within ${levelSecondsMax} s`);
    return seconds !== undefined;
  }

  /** Every page once, or as many as the time allows; the share that came from the mirror stands beside it. */
  async read(judge: (window: HistoryWindow) => void): Promise<void> {
    const { bench, nubo, shape, tier } = this;
    const { pageEvents, outstanding } = shape;
    const { codec, seconds } = bench.options;
    const before = await this.pagesByTier();
    const { report, windows } = await playOn(bench, nubo, {
      kind: 'history',
      ...{ ...this.server(), tokens: this.tokens, ...this.filled, pageEvents, outstanding, seconds },
      windows: [{ name: tier, reads: 'every page' }],
    });
    const after = await this.pagesByTier();
    for (const window of report.windows) {
      judge(window);
      bench.record({
        ...ofNubo({ codec }, `nubo, recent page, ${tier}`),
        label: this.label,
        figures: given({
          readsPerSecond: window.reads / window.seconds,
          ...{ readP50: window.read?.p50, readP99: window.read?.p99, pages: window.reads },
          shareOfMirror: (after - before) / window.reads,
        }),
        ...cpuEach(windows.get(window.name), window.reads),
      });
    }
  }

  private server() {
    return { address: this.nubo.address, codec: this.bench.options.codec, rooms: this.rooms };
  }

  /** Pages that the mirror has answered so far. */
  private async pagesByTier(): Promise<number> {
    const text = await this.nubo.metrics();
    const lines = text.split('\n').filter((line) => line.startsWith('nubo_tier_reads_total{'));
    return lines
      .filter((line) => line.includes(`tier="${this.tier}"`) && line.includes('result="hit"'))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
