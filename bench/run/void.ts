/**
 * Which rounds do not count: those in which the machine was not itself. A limit is measured before and after the engine;
 * when the two differ by more than a fifth, something else had the machine meanwhile. And raw COPY at batches of 800,
 * the same work in each round, must not be more than a fifth slower than in the run's best round. (A limit may also say
 * by itself that it was too slow to be believed.)
 */
import type { Measurement } from '../contract.js';

const swingMax = 0.2;
/** The limit that is the same in all rounds of a run. */
export const yardstick = 'raw COPY at 800';
const yardstickFigure = 'rowsPerSecond';

/** Some reasons begin with the part already. */
function voidReason(part: string, why: string): string {
  return why.startsWith(part) ? why : `${part}: ${why}`;
}

type Round = readonly Measurement[];

/** The rounds, with limits that do not count saying why. The engine and peers are never void by themselves. */
export function withVoids(rounds: readonly Round[]): Measurement[][] {
  const best = Math.max(...rounds.flat().map(yardstickRate));
  return rounds.map((round) =>
    round.map((measurement) => {
      if (measurement.kind !== 'limit' || measurement.void !== undefined) return measurement;
      const why = swingOf(measurement, round) ?? fallOf(measurement, best);
      return why === undefined ? measurement : { ...measurement, void: why };
    }),
  );
}

/** Why each void measurement of a round is, once each (a limit is measured twice); empty when the round counts. */
export function voidsOf(round: Round): string[] {
  return [
    ...new Set(round.flatMap(({ part, void: why }) => (why === undefined ? [] : [voidReason(part, why)]))),
  ];
}

/** By its rate, which every limit names first; what else it tells may differ. */
function swingOf({ part, figures }: Measurement, round: Round): string | undefined {
  const name = Object.keys(figures).find((figure) => figure.endsWith('PerSecond'));
  if (name === undefined) return undefined;
  const rates = round.flatMap((one) => (one.part === part ? (one.figures[name] ?? []) : []));
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  return isFarBelow(low, high)
    ? `${name} swung from ${Math.round(low)} to ${Math.round(high)} within the round`
    : undefined;
}

function fallOf(measurement: Measurement, best: number): string | undefined {
  const rate = yardstickRate(measurement);
  return rate > 0 && isFarBelow(rate, best)
    ? `${Math.round(rate)} rows/s, more than a fifth below the run’s best, ${Math.round(best)}`
    : undefined;
}

function yardstickRate({ part, figures }: Measurement): number {
  return part === yardstick ? (figures[yardstickFigure] ?? 0) : 0;
}

function isFarBelow(low: number, high: number): boolean {
  return high > 0 && (high - low) / high > swingMax;
}
