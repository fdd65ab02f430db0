/** Pages over a shelf of ids: all of it, or a sample that is spread over all of its ids. */
import { timeOfId } from '#src/ids.js';

export interface Page {
  readonly rows: number;
  readonly last: string | undefined;
}

export interface Shelf<P extends Page> {
  bounds(): Promise<readonly [string, string] | undefined>;
  page(after: string | undefined, limit: number): Promise<P>;
}

const pageRows = 200;
const samplePageRows = 20;

/** @param wanted rows; at or above `count` all are taken */
export async function* pagesOver<P extends Page>(
  shelf: Shelf<P>,
  { count, wanted }: { count: number; wanted: number },
): AsyncGenerator<P> {
  if (wanted < count) return yield* sampled(shelf, wanted);
  let after: string | undefined;
  for (;;) {
    const page = await shelf.page(after, pageRows);
    if (page.rows > 0) yield page;
    if (page.last === undefined) return;
    after = page.last;
  }
}

async function* sampled<P extends Page>(shelf: Shelf<P>, wanted: number): AsyncGenerator<P> {
  const bounds = await shelf.bounds();
  if (bounds === undefined) return;
  let left = wanted;
  let after: string | undefined;
  const parts = Math.ceil(wanted / samplePageRows);
  for (let part = 0; part < parts && left > 0; part += 1) {
    const point = idBetween(bounds, part / parts);
    // Where ids are dense the next part begins where the last one ended.
    if (part > 0 && (after === undefined || point > after)) after = point;
    const page = await shelf.page(after, Math.min(left, samplePageRows));
    if (page.last === undefined) return;
    yield page;
    left -= page.rows;
    after = page.last;
  }
}

/** By the first 48 bits, which are the time of most ids. */
export function idBetween([first, last]: readonly [string, string], fraction: number): string {
  const from = timeOfId(first);
  const hex = Math.floor(from + (timeOfId(last) - from) * fraction)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
