/** What the checker of the generator found, added up over the rounds of a part. */
import type { Checks } from '../contract.js';
import { countText, shortText } from './numbers.js';
import type { PartSummary } from './summary.js';

export interface CheckSummary {
  readonly part: string;
  readonly plays: number;
  readonly totals: Omit<Checks, 'details'>;
  /** Broken promises: what was acked and not shown, shown twice, in another order, or never sent. */
  readonly faults: readonly Finding[];
  /** Not broken promises, but nothing to pass over. */
  readonly notes: readonly Finding[];
  readonly details: readonly string[];
}

export interface Finding {
  readonly count: number;
  readonly text: string;
}

const faultTexts = {
  lost: 'acked and never shown to one who should have seen it',
  duplicates: 'shown twice',
  disordered: 'out of order',
  foreign: 'shown, but never sent',
} as const;

const noteTexts = {
  unanswered: 'neither acked nor refused',
  refused: 'refused',
  disconnects: 'connections that ended by themselves',
  gapsTold: 'gaps told (what they cover is not counted as lost)',
} as const;

const detailsMax = 12;
const counted = ['sent', 'acked', 'delivered', 'due'] as const;

export function checksOf(parts: readonly PartSummary[]): readonly CheckSummary[] {
  return parts.flatMap(({ part, plays }) => {
    if (plays.length === 0) return [];
    const checks = plays.map(({ play }) => play.checks);
    const totals = totalsOf(checks);
    return [
      {
        part,
        plays: plays.length,
        totals,
        faults: findingsOf(faultTexts, totals),
        notes: findingsOf(noteTexts, totals),
        details: checks.flatMap(({ details }) => details).slice(0, detailsMax),
      },
    ];
  });
}

/** `5 plays: 1.2 M sent, 1.2 M acked, 12 M of 12 M deliveries. Nothing lost …`, of parts without faults. */
export function calmSentence(checks: readonly CheckSummary[]): string {
  const sum = (read: (check: CheckSummary) => number) =>
    checks.reduce((total, check) => total + read(check), 0);
  const due = sum(({ totals }) => totals.due);
  const delivered = sum(({ totals }) => totals.delivered);
  const shown =
    due === 0 && delivered === 0 ? '' : `, ${shortText(delivered)} of ${shortText(due)} deliveries`;
  return (
    `${countText(
      sum(({ plays }) => plays),
      'play',
    )}: ${shortText(sum(({ totals }) => totals.sent))} sent, ` +
    `${shortText(sum(({ totals }) => totals.acked))} acked${shown}. ` +
    'Nothing lost, nothing twice, nothing out of order, nothing foreign.'
  );
}

/** `3 lost: acked and never shown …`. */
export function findingText({ count, text }: Finding): string {
  return `${shortText(count)} ${text}`;
}

type Totals = CheckSummary['totals'];

function totalsOf(checks: readonly Checks[]): Totals {
  const names = [...counted, ...keysOf(faultTexts), ...keysOf(noteTexts)];
  const sums = names.map((name) => [name, checks.reduce((sum, one) => sum + one[name], 0)] as const);
  return Object.fromEntries(sums) as unknown as Totals;
}

function findingsOf(
  texts: Readonly<Partial<Record<keyof Totals, string>>>,
  totals: Totals,
): readonly Finding[] {
  return keysOf(texts).flatMap((name) => {
    const count = totals[name];
    return count === 0 ? [] : [{ count, text: texts[name] ?? name }];
  });
}

function keysOf<Key extends string>(texts: Readonly<Partial<Record<Key, string>>>): readonly Key[] {
  return Object.keys(texts) as Key[];
}
