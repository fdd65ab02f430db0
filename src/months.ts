/** Calendar months in UTC, as whole numbers so that they can be counted: year × 12 + month from 0. */
export type Month = number;

/** The month that holds a moment (Unix ms). */
export function monthAt(at: number): Month {
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Unix ms of its first moment. */
export function startOfMonth(month: Month): number {
  return Date.UTC(Math.floor(month / 12), month % 12, 1);
}

/** `2026-05` */
export function monthName(month: Month): string {
  const year = String(Math.floor(month / 12)).padStart(4, '0');
  return `${year}-${String((month % 12) + 1).padStart(2, '0')}`;
}
