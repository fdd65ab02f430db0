/** What a round of the janitor has to do: a pure decision over what was found. */
import { type Month, monthAt } from '#src/months.js';
import type { PartitionSurvey } from '#src/storage/ports.js';

export type Task = { readonly kind: 'make'; readonly month: Month };

/** Ids reach a day back and minutes ahead (L4); the rest is room for rounds that could not be made. */
const monthsBack = 1;
const monthsAhead = 2;

/** @param now Unix ms */
export function planRound({ months, strays }: PartitionSurvey, now: number): Task[] {
  const wanted = new Set(strays.map(({ month }) => month));
  for (let step = -monthsBack; step <= monthsAhead; step += 1) wanted.add(monthAt(now) + step);
  for (const month of months) wanted.delete(month);
  return [...wanted].sort((one, other) => one - other).map((month) => ({ kind: 'make', month }));
}
