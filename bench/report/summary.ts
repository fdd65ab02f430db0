/**
 * A result as all reports show it: measurements gathered by part, rounds that count told from those that don't. Pages,
 * Markdown and the terminal only lay this out, so that they can't say different things.
 */
import type { AckMeaning, Measurement, Play, Ratio, Result } from '../contract.js';
import { voidsOf } from '../run/void.js';
import { type CheckSummary, checksOf, findingText } from './checks.js';
import { type FigureName, figureNameOf } from './numbers.js';
import { type RatioSummary, ratioSummaryOf } from './ratios.js';
import { intervalOf, medianOf } from './statistics.js';

export interface Summary {
  readonly result: Result;
  readonly rounds: readonly RoundSummary[];
  readonly parts: readonly PartSummary[];
  readonly ratios: readonly RatioSummary[];
  readonly checks: readonly CheckSummary[];
  /** With any, no figure counts. */
  readonly faults: readonly string[];
}

/** A round with a void measurement does not count: what disturbed one may have disturbed all. */
export interface RoundSummary {
  /** From 1. */
  readonly number: number;
  /** Why it does not count; empty when it does. */
  readonly voids: readonly string[];
}

export interface PartSummary {
  readonly part: string;
  readonly kind: Measurement['kind'];
  readonly label: string;
  readonly ack?: AckMeaning;
  readonly figures: readonly FigureSummary[];
  readonly plays: readonly RoundPlay[];
}

export interface RoundPlay {
  readonly round: number;
  readonly counts: boolean;
  readonly play: Play;
}

export interface FigureSummary extends FigureName {
  /** As in the result; of CPU and latency, made here. */
  readonly name: string;
  /** A value a round; undefined where the round has none. */
  readonly perRound: readonly (number | undefined)[];
  /** Of the rounds that count; undefined when none does. */
  readonly median?: number;
  /** Of all rounds, when none counts. */
  readonly voidMedian?: number;
  readonly interval?: readonly [number, number];
}

export function summaryOf(result: Result): Summary {
  const rounds = result.rounds.map((round, index) => ({
    number: index + 1,
    voids: voidsOf(round),
  }));
  const names = new Set(result.rounds.flat().map(({ part }) => part));
  const parts = [...names].map((part) => partOf(part, result, rounds));
  const checks = checksOf(parts);
  const faults = faultsOf(result, checks);
  return {
    result,
    rounds,
    parts: parts.toSorted((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind)),
    ratios: result.ratios.map((ratio: Ratio) => ratioSummaryOf(ratio, faults.length > 0)),
    checks,
    faults,
  };
}

/** What the run said, or, when it said nothing, what the checks of its plays say. */
function faultsOf({ faults = [] }: Result, checks: readonly CheckSummary[]): readonly string[] {
  if (faults.length > 0) return [...new Set(faults)];
  return checks.flatMap(({ part, faults: found, details }) =>
    found.length === 0 ? [] : [`${part}: ${found.map(findingText).join('; ')}`, ...details],
  );
}

/** Everything once, small and short. */
export function isSmoke({ options }: Pick<Result, 'options'>): boolean {
  return options.isSmoke === true;
}

/** The order in which parts are shown. */
const kinds: readonly Measurement['kind'][] = ['engine', 'peer', 'limit'];

function partOf(part: string, result: Result, rounds: readonly RoundSummary[]): PartSummary {
  const perRound = result.rounds.map((round) => round.filter((measurement) => measurement.part === part));
  const all = perRound.flat();
  const last = all.at(-1);
  if (last === undefined) throw new Error(`no measurement of ${part}`);
  const readings = perRound.map((measurements) => measurements.map(readingsOf));
  const names = new Set(readings.flat(1).flatMap((reading) => Object.keys(reading)));
  return {
    part,
    kind: last.kind,
    label: labelOf(all),
    ...(last.ack === undefined ? {} : { ack: last.ack }),
    figures: [...names].map((name) => figureOf(name, readings, rounds)).filter(isWorthShowing),
    plays: perRound.flatMap((measurements, index) =>
      measurements.flatMap(({ play }) =>
        play === undefined ? [] : [{ round: index + 1, counts: rounds[index]?.voids.length === 0, play }],
      ),
    ),
  };
}

/** A part without a database uses no CPU of one. */
function isWorthShowing({ name, perRound }: FigureSummary): boolean {
  return !name.startsWith('cpuOf') || perRound.some((value) => value !== undefined && value !== 0);
}

/** The last one's; a limit may be measured a little differently in each round. */
function labelOf(measurements: readonly Measurement[]): string {
  const labels = new Set(measurements.map(({ label }) => label));
  const last = measurements.at(-1)?.label ?? '';
  return labels.size < 2 ? last : `${last} (of the last round: it differs by round)`;
}

type Readings = Readonly<Record<string, number>>;

function figureOf(
  name: string,
  readings: readonly (readonly Readings[])[],
  rounds: readonly RoundSummary[],
): FigureSummary {
  const perRound = readings.map((ofRound) =>
    meanOf(ofRound.map((reading) => reading[name]).filter(isNumber)),
  );
  const valid = perRound.filter((_, index) => rounds[index]?.voids.length === 0);
  const values = valid.filter(isNumber);
  const interval = intervalOf(values);
  return {
    name,
    ...figureNameOf(name),
    perRound,
    ...(values.length === 0
      ? { voidMedian: medianOf(perRound.filter(isNumber)) }
      : { median: medianOf(values) }),
    ...(interval === undefined ? {} : { interval }),
  };
}

/** What could not be measured is NaN, and null in a file. */
function isNumber(value: number | undefined): value is number {
  return Number.isFinite(value);
}

/** A limit is measured before and after the engine: the round's value lies between. */
function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** All numbers of a measurement, by the names they are shown under. */
function readingsOf({ figures, cpu, play }: Measurement): Readings {
  const latencies: Record<string, number> = {};
  for (const kind of ['ack', 'delivery'] as const) {
    const percentiles = play?.[kind];
    if (percentiles === undefined) continue;
    for (const name of ['p50', 'p99'] as const) {
      const key = `${kind}${name.toUpperCase()}`;
      // A scenario may have made a figure of it already, with or without the unit in its name.
      if (!Object.keys(figures).some((known) => known.startsWith(key))) latencies[key] = percentiles[name];
    }
  }
  return {
    ...figures,
    ...latencies,
    ...(cpu === undefined
      ? {}
      : {
          cpuOfServerMicroseconds: cpu.server,
          cpuOfDatabaseMicroseconds: cpu.database,
          cpuOfGeneratorMicroseconds: cpu.generator,
        }),
  };
}
