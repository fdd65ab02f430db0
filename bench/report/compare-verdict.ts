/** Better, same or worse, of two series of values. */
import type { Series } from './compare-sides.js';
import { changeText, countText, numberText } from './numbers.js';
import { type Shift, shiftOf } from './shift.js';
import { medianOf, roundsForInterval } from './statistics.js';

export interface Verdict {
  readonly kind: 'better' | 'same' | 'worse' | 'changed' | 'unclear' | 'too few';
  readonly text: string;
  readonly before: number;
  readonly after: number;
  readonly shift?: Shift;
}

/** A smaller change matters to nobody, however sure it is. */
const changeThatMatters = 0.02;
/** An interval that reaches further from no change leaves too much room to be called the same. */
const roomForSame = 0.1;

/** `before` and `after` are of the same figure. */
export function verdictOf(before: Series, after: Series): Verdict {
  const medians = { before: medianOf(before.values), after: medianOf(after.values) };
  const lacking = [before, after].map(({ values }) => Math.max(0, roundsForInterval - values.length));
  const shift = shiftOf(before.values, after.values);
  if (lacking.some((count) => count > 0) || shift === undefined) {
    return { kind: 'too few', text: lackText(lacking), ...medians };
  }
  const kind = kindOf(shift, before, after);
  return { kind, text: kind === 'unclear' ? 'unclear: too noisy, more rounds' : kind, ...medians, shift };
}

/** `+12 % (+8 … +15 %)`; in units of the figure where a factor makes no sense. */
export function shiftText(shift: Shift | undefined): string {
  if (shift === undefined) return '–';
  const text = shift.scale === 'factor' ? changeText : numberText;
  const [low, high] = shift.interval;
  return `${text(shift.estimate)} (${text(low).replace(/ %$/, '')} … ${text(high)})`;
}

function kindOf({ scale, estimate, interval }: Shift, before: Series, after: Series): Verdict['kind'] {
  const none = scale === 'factor' ? 1 : 0;
  const [low, high] = interval;
  const matters = scale === 'difference' || Math.abs(estimate - 1) >= changeThatMatters;
  if ((low > none || high < none) && matters) {
    const isHigherBetter = after.isHigherBetter ?? before.isHigherBetter;
    if (isHigherBetter === undefined) return 'changed';
    return low > none === isHigherBetter ? 'better' : 'worse';
  }
  const isNarrow =
    scale === 'factor' ? low >= 1 - roomForSame && high <= 1 + roomForSame : low === 0 && high === 0;
  return isNarrow ? 'same' : 'unclear';
}

function lackText([before = 0, after = 0]: readonly number[]): string {
  const parts = [
    before === 0 ? '' : `${countText(before, 'more round')} before`,
    after === 0 ? '' : `${countText(after, 'more round')} after`,
  ];
  return `no verdict: needs ${parts.filter((part) => part !== '').join(' and ')}`;
}
