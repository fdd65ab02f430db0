/** Which events an answer needs: pure arithmetic on seqs. Ranges are open: after < seq < before. */
import type { LogEvent } from '#src/wire/events.js';

export interface Range {
  readonly after: number;
  readonly before: number;
  readonly limit: number;
  /** Take the last `limit` of the range instead of the first. */
  readonly last: boolean;
}

/** Text in one answer; a page of long messages is cut short and the client asks again (W11). */
export const answerCharsMax = 128 * 1024;

/** The range that a `history` request means; without any of the three it is the newest page. */
export function rangeOf(
  request: { before?: number; after?: number; around?: number; limit: number },
  headSeq: number,
): Range {
  const { limit } = request;
  const end = headSeq + 1;
  if (request.around !== undefined) {
    const after = Math.max(0, request.around - Math.ceil(limit / 2));
    return { after, before: Math.min(end, after + limit + 1), limit, last: false };
  }
  if (request.after !== undefined) {
    const before = Math.min(request.before ?? end, end, request.after + limit + 1);
    return { after: request.after, before, limit, last: false };
  }
  const before = Math.min(request.before ?? end, end);
  return { after: Math.max(0, before - limit - 1), before, limit, last: true };
}

/**
 * How far the store may look for such a page: beyond the range, since events that have left the log leave holes, and
 * a client that pages must not take a hole for the end (L16). `around` stays where it was asked for.
 */
export function reachOf(
  request: { before?: number; after?: number; around?: number },
  { after, before, last }: Range,
  headSeq: number,
): Pick<Range, 'after' | 'before'> {
  if (request.around !== undefined) return { after, before };
  if (last) return { after: 0, before };
  return { after, before: Math.min(request.before ?? headSeq + 1, headSeq + 1) };
}

/** Cuts a page so that its texts stay within the bound, at the end that is farther from where the client reads. */
export function cutPage(events: readonly LogEvent[], last: boolean): readonly LogEvent[] {
  let chars = 0;
  let count = 0;
  for (let index = 0; index < events.length; index += 1) {
    const event = events[last ? events.length - 1 - index : index] as LogEvent;
    chars += charsOf(event);
    if (chars > answerCharsMax && count > 0) break;
    count += 1;
  }
  if (count === events.length) return events;
  return last ? events.slice(events.length - count) : events.slice(0, count);
}

/** Is this whole backlog small enough to be pushed? Otherwise the answer is `gap` (W12). */
export function fitsBacklog(events: readonly LogEvent[]): boolean {
  let chars = 0;
  for (const event of events) chars += charsOf(event);
  return chars <= 4 * answerCharsMax;
}

function charsOf(event: LogEvent): number {
  return 'text' in event ? event.text.length + 256 : 256;
}
