/** What the plots of the page are drawn from: numbers only, small, without the histograms themselves. */
import { addUpHistograms, curveOf } from './histograms.js';
import type { PartSummary } from './summary.js';

export interface PlotPart {
  readonly part: string;
  readonly kind: PartSummary['kind'];
  /** Number of its colour in the style sheet. */
  readonly colour: number;
  readonly plays: readonly PlotPlay[];
  readonly curves: { readonly ack?: PlotCurve; readonly delivery?: PlotCurve };
}

/** One play's seconds as columns; null where a second has no value. */
export interface PlotPlay {
  readonly round: number;
  readonly counts: boolean;
  readonly at: readonly number[];
  readonly acked: readonly number[];
  readonly delivered: readonly number[];
  readonly ackP50: Column;
  readonly ackP99: Column;
  readonly deliveryP50: Column;
  readonly deliveryP99: Column;
}

type Column = readonly (number | null)[];

export interface PlotCurve {
  /** 1 ÷ (1 − quantile): 10 is 90 %, 100 is 99 %. */
  readonly nines: readonly number[];
  readonly milliseconds: readonly number[];
}

/** @returns parts that were played; of limits without a play there is nothing to plot by the second */
export function plotDataOf(
  parts: readonly PartSummary[],
  colours: ReadonlyMap<string, number>,
): readonly PlotPart[] {
  return parts
    .filter(({ plays }) => plays.length > 0)
    .map(({ part, kind, plays }) => ({
      part,
      kind,
      colour: colours.get(part) ?? 0,
      plays: plays.map(playColumns),
      curves: { ...curveEntry('ack', plays), ...curveEntry('delivery', plays) },
    }));
}

function playColumns({ round, counts, play }: PartSummary['plays'][number]): PlotPlay {
  const { seconds } = play;
  return {
    round,
    counts,
    at: seconds.map(({ at }) => at),
    acked: seconds.map(({ acked }) => acked),
    delivered: seconds.map(({ delivered }) => delivered),
    ackP50: seconds.map(({ ackP50 }) => ackP50 ?? null),
    ackP99: seconds.map(({ ackP99 }) => ackP99 ?? null),
    deliveryP50: seconds.map(({ deliveryP50 }) => deliveryP50 ?? null),
    deliveryP99: seconds.map(({ deliveryP99 }) => deliveryP99 ?? null),
  };
}

/** The curve over all rounds that count, or over all when none does. */
function curveEntry(kind: 'ack' | 'delivery', plays: PartSummary['plays']): PlotPart['curves'] {
  const valid = plays.some(({ counts }) => counts) ? plays.filter(({ counts }) => counts) : plays;
  const histogram = addUpHistograms(valid.flatMap(({ play }) => play[`${kind}Histogram`] ?? []));
  const points = histogram === undefined ? [] : curveOf(histogram);
  if (points.length === 0) return {};
  return {
    [kind]: {
      nines: points.map(({ quantile }) => 1 / (1 - quantile)),
      milliseconds: points.map(({ milliseconds }) => milliseconds),
    },
  };
}
