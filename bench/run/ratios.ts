/** Ratios between the measurements of a round, over all rounds: they move less than rates on a shared machine. */
import type { Measurement, Ratio } from '../contract.js';
import type { Figure } from '../figures.js';
import { intervalOf, medianOf } from '../report/statistics.js';
import { withEarlier } from './earlier.js';

/** A number of a round, or undefined when the round has none. */
export type ReadRound = (round: readonly Measurement[]) => number | undefined;

export interface RatioPlan extends Figure {
  readonly of: ReadRound;
  /** Absent: `of` is the figure itself. */
  readonly to?: ReadRound;
}

/** The mean of a figure over the measurements of a part in a round: a limit is measured before and after. */
export function figureOf(part: string, figure: string): ReadRound {
  return (round) => meanOf(round, part, ({ figures }) => figures[figure]);
}

/** CPU microseconds of server and database together, per message. */
export function cpuOf(part: string): ReadRound {
  return (round) =>
    meanOf(round, part, ({ cpu }) => (cpu === undefined ? undefined : cpu.server + cpu.database));
}

function meanOf(
  round: readonly Measurement[],
  part: string,
  read: (measurement: Measurement) => number | undefined,
): number | undefined {
  const values = round
    .filter((measurement) => measurement.part === part)
    .map(read)
    .filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A ratio for each plan of which at least one round that counts has both numbers. */
export function ratiosOf(plans: readonly RatioPlan[], rounds: readonly (readonly Measurement[])[]): Ratio[] {
  const valid = rounds.filter((round) => round.every((measurement) => measurement.void === undefined));
  return plans.flatMap((plan) => {
    const measured = ratiosIn(plan, valid);
    // Only when no round has the real thing.
    const perRound = measured.length > 0 ? measured : ratiosIn(plan, valid.map(withEarlier));
    if (perRound.length === 0) return [];
    const { reach, aim, isHigherBetter } = plan;
    const name = measured.length > 0 ? plan.name : `${plan.name} (the peer: not run here)`;
    const interval = intervalOf(perRound);
    return [
      {
        ...{ name, perRound, median: medianOf(perRound), isHigherBetter },
        ...(interval === undefined ? {} : { interval }),
        ...(reach === undefined ? {} : { reach }),
        ...(aim === undefined ? {} : { aim }),
      },
    ];
  });
}

function ratiosIn(plan: RatioPlan, rounds: readonly (readonly Measurement[])[]): number[] {
  return rounds.map((round) => ratioIn(plan, round)).filter((value) => value !== undefined);
}

function ratioIn({ of, to }: RatioPlan, round: readonly Measurement[]): number | undefined {
  const numerator = of(round);
  const denominator = to === undefined ? 1 : to(round);
  if (numerator === undefined || denominator === undefined || denominator === 0) return undefined;
  return numerator / denominator;
}
