/** The tables of a summary, for the terminal and for Markdown. */
import { calmSentence, findingText } from './checks.js';
import { countText, intervalText, medianText, numberText } from './numbers.js';
import type { Mark } from './ratios.js';
import { type FigureSummary, isSmoke, type PartSummary, type Summary } from './summary.js';
import type { Cell, Table, Tone } from './table.js';

const markTones: Readonly<Record<Mark['kind'], Tone>> = {
  aim: 'star',
  reached: 'good',
  short: 'bad',
  none: 'quiet',
};

export function ratiosTable({ ratios }: Summary): Table {
  return {
    columns: [
      { title: 'ratio' },
      { title: 'median', isNumber: true },
      { title: '95 % interval', isNumber: true },
      { title: 'reach', isNumber: true },
      { title: 'aim', isNumber: true },
      { title: 'verdict' },
    ],
    rows: ratios.map(({ name, median, interval, reach, aim, isHigherBetter, mark }) => {
      const wanted = (value: number | undefined) =>
        value === undefined ? '–' : `${isHigherBetter ? '≥' : '≤'} ${numberText(value)}`;
      const verdict = mark.doubt === undefined ? mark.text : `${mark.text} (${mark.doubt})`;
      return [
        name,
        { text: numberText(median), tone: 'strong' },
        intervalText(interval),
        wanted(reach),
        wanted(aim),
        { text: verdict, tone: markTones[mark.kind] },
      ];
    }),
  };
}

/** The figures of all parts: medians, and each round in one cell. */
export function figuresTable({ parts, rounds }: Summary): Table {
  const hasIntervals = parts.some(({ figures }) => figures.some(({ interval }) => interval !== undefined));
  return {
    columns: [
      { title: 'part' },
      { title: 'figure' },
      { title: 'median', isNumber: true },
      ...(hasIntervals ? [{ title: '95 % interval', isNumber: true }] : []),
      { title: 'rounds' },
    ],
    rows: parts.flatMap(({ part, figures }) =>
      figures.map((figure, index): (Cell | string)[] => [
        index === 0 ? { text: part, tone: 'strong' } : '',
        figure.title,
        { text: medianText(figure, figure.unit), tone: 'strong' },
        ...(hasIntervals ? [intervalText(figure.interval)] : []),
        { text: roundsCell(figure, rounds), tone: 'quiet' },
      ]),
    ),
  };
}

/** In brackets: void. */
function roundsCell({ perRound }: FigureSummary, rounds: Summary['rounds']): string {
  return perRound
    .map((value, round) => (rounds[round]?.voids.length === 0 ? numberText(value) : `(${numberText(value)})`))
    .join(' · ');
}

/** Medians only, a column for each part: parts are read side by side. */
export function mediansTable({ parts }: Summary): Table {
  const named = new Map(
    parts.flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)),
  );
  const found = (part: PartSummary, name: string) => part.figures.find((figure) => figure.name === name);
  return {
    columns: [
      { title: 'median' },
      { title: '' },
      ...parts.map(({ part }) => ({ title: part, isNumber: true })),
    ],
    rows: [...named].map(([name, { title, unit }]) => [
      title,
      { text: unit, tone: 'quiet' },
      ...parts.map((part) => {
        const figure = found(part, name);
        return figure === undefined ? '' : medianText(figure, '');
      }),
    ]),
  };
}

/** For the terminal, Markdown and the page. */
export const smokeText = 'A smoke run shows that everything works; its figures mean nothing.';

export interface Remark {
  readonly tone: Tone;
  readonly text: string;
}

/** What has to be said beside the tables, the gravest first. */
export function remarksOf({ result, rounds, checks, faults }: Summary): readonly Remark[] {
  const voids = rounds.filter((round) => round.voids.length > 0);
  const calm = checks.filter((check) => check.faults.length === 0);
  return [
    ...faults.map((why) => ({ tone: 'bad', text: `FAULT: ${why}` }) as const),
    ...(faults.length === 0 ? [] : [{ tone: 'bad', text: 'With a fault, no figure counts.' } as const]),
    ...(isSmoke(result) ? [{ tone: 'warn', text: smokeText } as const] : []),
    ...(result.isPartial
      ? [{ tone: 'warn', text: 'Partial: the run ended before all rounds were over.' } as const]
      : []),
    ...(voids.length === 0
      ? []
      : [
          {
            tone: 'warn',
            text: `${countText(voids.length, 'round')} of ${rounds.length} void (in brackets, in no median):`,
          } as const,
        ]),
    ...voids.map(
      ({ number, voids: whys }) => ({ tone: 'warn', text: `  round ${number}: ${whys.join('; ')}` }) as const,
    ),
    ...result.missing.map((why) => ({ tone: 'warn', text: `Missing: ${why}` }) as const),
    ...(calm.length === 0
      ? []
      : [
          {
            tone: 'good',
            text: `${calm.map(({ part }) => part).join(', ')}: ${calmSentence(calm)}`,
          } as const,
        ]),
    ...checks
      .filter(({ notes }) => notes.length > 0)
      .map(
        ({ part, notes }) =>
          ({ tone: 'warn', text: `${part}: ${notes.map(findingText).join(', ')}` }) as const,
      ),
  ];
}

export function acksTable(parts: readonly PartSummary[]): Table {
  return {
    columns: [{ title: 'part' }, { title: 'kind' }, { title: 'an ack means' }, { title: 'what it is' }],
    rows: parts.map(({ part, kind, ack, label }) => [
      { text: part, tone: 'strong' },
      kind,
      ack === undefined ? '–' : { text: ack, tone: ack === 'committed and fsynced' ? 'good' : 'warn' },
      label,
    ]),
  };
}
