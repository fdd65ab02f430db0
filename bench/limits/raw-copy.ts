/**
 * What Postgres takes: binary COPY into nubo's own table with its own indexes, on the engine's server, nothing else in
 * the way. The denominator of durable sending.
 */
import type { Crowd, Measurement } from '../contract.js';
import type { CopyChild, CopyReport } from './copy-child.js';
import { slowReason } from './copy-verdict.js';
import { withProcesses } from './processes.js';
import { countRows, type DatabaseServer, withScratchDatabase } from './scratch-database.js';

export interface RawCopyOptions {
  readonly database: DatabaseServer;
  /** Rows of a batch, on average; the engine's mean batch of the same round. */
  readonly batch: number;
  /** Of copying that counts. */
  readonly seconds: number;
  readonly texts: Crowd['texts'];
  /** Conversations the rows are spread over. */
  readonly rooms?: number;
  /** With the engine's claim on the epoch before each batch; without it when absent. */
  readonly isClaimed?: boolean;
  readonly warmUpSeconds?: number;
  readonly signal?: AbortSignal;
}

const ladderBatches = [100, 800, 1_000] as const;

/**
 * Figures: `rowsPerSecond`, `batch` (the mean that was met), `batchMilliseconds`, `backendMicrosPerRow`. CPU µs a row:
 * `server` is the client's (it does what the engine's server must do at least: encode and send), `database` that of all
 * of Postgres' processes.
 *
 * @throws UserError when the server gives no scratch database
 */
export async function rawCopy(options: RawCopyOptions): Promise<Measurement> {
  const [measurement] = await copyEach(options, [options.batch]);
  if (measurement === undefined) throw new Error('nothing was copied');
  return measurement;
}

/**
 * The same at batches of 100, 800 and 1,000, one after another in one database; `seconds` each. Their parts bear the
 * size (`raw COPY at 800`), so that none is taken for the limit at the engine's batch.
 */
export async function rawCopyLadder(options: Omit<RawCopyOptions, 'batch'>): Promise<Measurement[]> {
  const measurements = await copyEach(options, ladderBatches);
  return measurements.map((measurement, index) => ({
    ...measurement,
    part: `${measurement.part} at ${ladderBatches[index]}`,
  }));
}

async function copyEach(
  options: Omit<RawCopyOptions, 'batch'>,
  batches: readonly number[],
): Promise<Measurement[]> {
  const { database, seconds, texts, rooms = 1_000, isClaimed = false, signal } = options;
  const { warmUpSeconds = Math.min(1, seconds / 3) } = options;
  return withScratchDatabase(database, (url) =>
    withProcesses(async (processes) => {
      const copier = processes.start<CopyChild>('copy-child');
      await copier.call('open', { url, postmaster: database.pid, texts, rooms, isClaimed });
      const measurements: Measurement[] = [];
      let written = 0;
      for (const batch of batches) {
        const warmUp = await copier.call('copy', { batch, seconds: warmUpSeconds });
        const report = await copier.call('copy', { batch, seconds });
        written += warmUp.rows + report.rows;
        measurements.push(measurementOf(batch, report, isClaimed));
      }
      const stored = await countRows(url);
      if (stored !== written) throw new Error(`${written} rows were copied, and ${stored} are there`);
      return measurements;
    }, signal),
  );
}

function measurementOf(batch: number, report: CopyReport, isClaimed: boolean): Measurement {
  const { rows, batches, seconds, client, backend, database } = report;
  const micros = (cpuSeconds: number) => (cpuSeconds / rows) * 1e6;
  const figures = {
    rowsPerSecond: rows / seconds,
    batch: rows / batches,
    batchMilliseconds: (seconds / batches) * 1000,
    backendMicrosPerRow: micros(backend),
  };
  // Where the postmaster is not ours to see, the backend alone is still known.
  const whole = Number.isNaN(database) ? backend : database;
  const reason = slowReason({ batch, rowsPerSecond: figures.rowsPerSecond });
  return {
    ...{ part: 'raw COPY', kind: 'limit', ack: 'committed and fsynced' },
    label: `raw COPY${isClaimed ? ' with the claim' : ''}, batches of ${Math.round(batch)}, one connection, one in flight`,
    figures: Object.fromEntries(Object.entries(figures).filter(([, value]) => !Number.isNaN(value))),
    ...(Number.isNaN(whole)
      ? {}
      : { cpu: { server: micros(client), database: micros(whole), generator: 0 } }),
    ...(reason === undefined ? {} : { void: reason }),
  };
}
