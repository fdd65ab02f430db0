/** A result as a run makes it, with chance from a seed: to look at reports without a run, and to break them. */

import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Checks, Measurement, Percentiles, Play, Ratio, Result, Second } from '#bench/contract.js';
import { intervalOf, medianOf } from '#bench/report/statistics.js';
import { SeededRandom } from '#test/support/seeded-random.js';

export interface FixtureOptions {
  readonly rounds?: number;
  readonly seconds?: number;
  readonly seed?: number;
  /** Of the engine's rate. */
  readonly factor?: number;
  /** Of the whole machine's. */
  readonly machine?: number;
}

interface Load {
  readonly part: string;
  readonly kind: Measurement['kind'];
  readonly label: string;
  readonly ack: NonNullable<Measurement['ack']>;
  readonly perSecond: number;
  readonly listeners: number;
  readonly ackMs: number;
  readonly cpu: NonNullable<Measurement['cpu']>;
}

const loads: readonly Load[] = [
  {
    ...{ part: 'nubo', kind: 'engine', label: 'nubo 0.1.0, embedded Postgres 18.4, msgpack' },
    ...{ ack: 'committed and fsynced', perSecond: 58_000, listeners: 10, ackMs: 12 },
    cpu: { server: 9.1, database: 5.2, generator: 4.4 },
  },
  {
    ...{ part: 'Centrifugo', kind: 'peer', label: 'Centrifugo 6.2, memory engine with history' },
    ...{ ack: 'in memory', perSecond: 44_000, listeners: 10, ackMs: 17 },
    cpu: { server: 31, database: 0, generator: 4.6 },
  },
  {
    ...{
      part: 'JetStream, sync always',
      kind: 'peer',
      label: 'nats-server 2.12, file, sync_interval: always',
    },
    ...{ ack: 'committed and fsynced', perSecond: 7_200, listeners: 10, ackMs: 105 },
    cpu: { server: 96, database: 0, generator: 6.1 },
  },
  {
    ...{ part: 'mosquitto, QoS 1', kind: 'peer', label: 'mosquitto 2.0.11, persistence every 1,800 s' },
    ...{ ack: 'committed, fsync later', perSecond: 21_000, listeners: 10, ackMs: 30 },
    cpu: { server: 44, database: 0, generator: 5.2 },
  },
];

export function fixtureResult(options: FixtureOptions = {}): Result {
  const { rounds = 5, seconds = 10, seed = 1, factor = 1, machine = 1 } = options;
  const random = new SeededRandom(seed);
  const noise = (share: number) => 1 + share * (random.next() + random.next() + random.next() - 1.5);
  const made = Array.from({ length: rounds }, (): readonly Measurement[] => {
    const mood = machine * noise(0.12);
    const copy = () => rawCopy(88_000 * mood * noise(0.02));
    const plays = loads.map((load) => {
      const own = load.kind === 'engine' ? factor : 1;
      return played({ ...load, perSecond: load.perSecond * mood * own * noise(0.05) }, seconds, noise);
    });
    return [copy(), ...plays, copy()];
  });
  return {
    scenario: 'rooms',
    title: '100 rooms × 10 listeners, 100 senders × 8 outstanding',
    startedAt: '2026-11-21T14:40:12.000Z',
    machine: { cores: 2, model: 'Fixture CPU @ 2.60GHz', memoryBytes: 8 * 2 ** 30 },
    node: 'v20.20.2',
    commit: 'fb478ec',
    options: { rounds, seconds, codec: 'msgpack', isSmoke: false },
    rounds: made,
    ratios: ratiosOf(made),
    missing: ['Tinode: there is no `tinode` on PATH.'],
    isPartial: false,
  };
}

function ratiosOf(rounds: Result['rounds']): readonly Ratio[] {
  const rate = (round: readonly Measurement[], part: string, figure: string) => {
    const values = round
      .filter((one) => one.part === part)
      .map(({ figures }) => figures[figure] ?? Number.NaN);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const plans = [
    ['durable acked/s ÷ raw COPY rows/s at the same mean batch', 'raw COPY', 'rowsPerSecond', 0.25, 0.7],
    ['durable acked/s ÷ Centrifugo’s in-memory acked/s, 100 × 10', 'Centrifugo', 'ackedPerSecond', 0.8, 1.2],
    ['durable acked/s ÷ JetStream’s, sync_interval: always', loads[2]?.part ?? '', 'ackedPerSecond', 9, 12],
  ] as const;
  return plans.map(([name, part, figure, reach, aim]) => {
    const perRound = rounds.map((round) => rate(round, 'nubo', 'ackedPerSecond') / rate(round, part, figure));
    const interval = intervalOf(perRound);
    return {
      ...{ name, perRound, median: medianOf(perRound), reach, aim, isHigherBetter: true },
      ...(interval === undefined ? {} : { interval }),
    };
  });
}

function rawCopy(rowsPerSecond: number): Measurement {
  return {
    part: 'raw COPY',
    kind: 'limit',
    label: 'raw COPY, batches of 420, one connection, one in flight',
    ack: 'committed and fsynced',
    figures: { rowsPerSecond, batch: 420, batchMilliseconds: 420_000 / rowsPerSecond },
    cpu: { server: 1.1, database: 4.4, generator: 0 },
  };
}

type Noise = (share: number) => number;

function played(load: Load, length: number, noise: Noise): Measurement {
  const { part, kind, label, ack, perSecond, listeners, ackMs, cpu } = load;
  const acks = latencies(ackMs, noise);
  const deliveries = latencies(ackMs * 1.2, noise);
  const seconds = secondsOf(load, length, noise);
  const acked = Math.round(perSecond * length);
  const delivered = acked * listeners;
  const play: Play = {
    seconds,
    ...{ measuredSeconds: length, acked, delivered },
    ...{ ack: percentilesOf(acks), delivery: percentilesOf(deliveries) },
    ackHistogram: encodeIntoCompressedBase64(acks),
    deliveryHistogram: encodeIntoCompressedBase64(deliveries),
    connectsPerSecond: 3_100,
    checks: cleanChecks(acked, delivered),
    ...{ cpuSeconds: (acked * cpu.generator) / 1e6, isBottleneck: false },
  };
  const figures = {
    ackedPerSecond: perSecond,
    deliveriesPerSecond: perSecond * listeners,
    ...{ ackP50: play.ack?.p50 ?? 0, ackP99: play.ack?.p99 ?? 0 },
    ...(kind === 'engine' ? { meanBatch: 420 * noise(0.1), bytesPerFrame: 812 } : {}),
  };
  const each = noise(0.04);
  return {
    ...{ part, kind, label, ack, figures, play },
    cpu: { server: cpu.server * each, database: cpu.database * each, generator: cpu.generator * each },
  };
}

function secondsOf({ perSecond, listeners, ackMs }: Load, length: number, noise: Noise): readonly Second[] {
  return Array.from({ length: length + 2 }, (_, index) => {
    const at = index - 2;
    const rate = Math.round(perSecond * (at < 0 ? 0.6 : 1) * noise(0.08));
    const p50 = ackMs * noise(0.1);
    return {
      ...{ at, sent: rate, acked: rate, refused: 0, delivered: rate * listeners },
      ...{ ackP50: p50, ackP99: p50 * 2.4, deliveryP50: p50 * 1.2, deliveryP99: p50 * 2.9 },
    };
  });
}

const latencySamples = 1_000;

function latencies(medianMs: number, noise: Noise): Histogram {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2e6,
    numberOfSignificantValueDigits: 2,
  });
  for (let index = 0; index < latencySamples; index += 1) {
    const tail = 0.4 * -Math.log(1 - Math.min(0.9999, (index + 0.5) / latencySamples));
    histogram.recordValue(Math.max(1, Math.round(medianMs * 1_000 * (0.7 + tail) * noise(0.05))));
  }
  return histogram;
}

function percentilesOf(histogram: Histogram): Percentiles {
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    ...{ count: histogram.totalCount, mean: histogram.mean / 1_000 },
    ...{ p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: histogram.maxValue / 1_000 },
  };
}

export function cleanChecks(acked: number, delivered: number): Checks {
  return {
    ...{ sent: acked, acked, refused: 0, unanswered: 0, delivered, due: delivered },
    ...{ lost: 0, duplicates: 0, disordered: 0, foreign: 0, gapsTold: 0, disconnects: 0, details: [] },
  };
}

/** The measurement with another play, if it has one. */
export function withPlay(measurement: Measurement, change: (play: Play) => Play): Measurement {
  return measurement.play === undefined ? measurement : { ...measurement, play: change(measurement.play) };
}
