/** What a round of the janitor has to do: a pure decision over what was found. */
import { type Month, monthAt } from '#src/months.js';
import type { PartitionSurvey } from '#src/storage/ports.js';

export type Task =
  | { readonly kind: 'make'; readonly month: Month }
  /** It is past its retention. */
  | { readonly kind: 'detach'; readonly month: Month };

/** Ids reach a day back and minutes ahead (L4); the rest is room for rounds that could not be made. */
const monthsBack = 1;
const monthsAhead = 2;

/**
 * @param now Unix ms
 * @param retentionMonths whole months that are kept beside the current one, so that every row lives at least as long;
 *   0: for ever
 */
export function planRound(
  { months, strays, horizon = 0 }: PartitionSurvey,
  now: number,
  retentionMonths: number,
): Task[] {
  const current = monthAt(now);
  const wanted = new Set(strays.map(({ month }) => month));
  for (let step = -monthsBack; step <= monthsAhead; step += 1) wanted.add(current + step);
  for (const month of months) wanted.delete(month);
  const order = (one: Month, other: Month) => one - other;
  // A month that has left the log does not come back: a stray row of it stays in the default partition, and is counted.
  const made = [...wanted].filter((month) => month >= horizon).sort(order);
  const past = retentionMonths === 0 ? [] : months.filter((month) => month < current - retentionMonths);
  return [
    ...made.map((month) => ({ kind: 'make' as const, month })),
    ...past.toSorted(order).map((month) => ({ kind: 'detach' as const, month })),
  ];
}
