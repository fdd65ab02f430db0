/** What a ratio says beside the figure that was to be reached. */
import type { Ratio } from '../contract.js';
import { countText } from './numbers.js';
import { roundsForInterval } from './statistics.js';

export interface RatioSummary extends Ratio {
  readonly mark: Mark;
}

export interface Mark {
  readonly kind: 'aim' | 'reached' | 'short' | 'none';
  /** `reached the aim`, `reached`, `short by 12 %`. */
  readonly text: string;
  /** Why it is not to be relied on, or absent. */
  readonly doubt?: string;
}

/** @param isFaulty whether faults were found, and nothing counts */
export function ratioSummaryOf(ratio: Ratio, isFaulty: boolean): RatioSummary {
  return { ...ratio, mark: isFaulty ? doesNotCount : markOf(ratio) };
}

const doesNotCount: Mark = { kind: 'none', text: 'does not count', doubt: 'faults were found' };

function markOf(ratio: Ratio): Mark {
  const { median, reach, aim } = ratio;
  const doubt = doubtOf(ratio);
  const rest = doubt === undefined ? {} : { doubt };
  if (!Number.isFinite(median)) return { kind: 'none', text: 'not measured' };
  if (aim !== undefined && isAtLeast(ratio, median, aim))
    return { kind: 'aim', text: 'reached the aim', ...rest };
  if (reach === undefined)
    return { kind: 'none', text: aim === undefined ? 'no figure set' : 'below the aim', ...rest };
  if (isAtLeast(ratio, median, reach)) return { kind: 'reached', text: 'reached', ...rest };
  return { kind: 'short', text: shortfallOf(ratio, reach), ...rest };
}

function isAtLeast({ isHigherBetter }: Ratio, value: number, wanted: number): boolean {
  return isHigherBetter ? value >= wanted : value <= wanted;
}

function shortfallOf({ median, isHigherBetter }: Ratio, reach: number): string {
  const part = Math.abs(median - reach) / reach;
  return `${isHigherBetter ? 'short' : 'over'} by ${Number((part * 100).toPrecision(2))} %`;
}

function doubtOf(ratio: Ratio): string | undefined {
  const { perRound, interval, reach } = ratio;
  if (perRound.length < roundsForInterval) {
    return `only ${countText(perRound.length, 'round')}: ${roundsForInterval} make a verdict`;
  }
  if (interval === undefined || reach === undefined) return undefined;
  const [low, high] = interval;
  const isClear = isAtLeast(ratio, low, reach) === isAtLeast(ratio, high, reach);
  return isClear ? undefined : 'the interval lies on both sides of the figure to reach';
}
