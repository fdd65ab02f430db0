/** A page of history within its bytes: fewer events than asked are always a valid page, the client asks on. */
import type { LogEvent } from '../wire/events.js';
import { estimatedBytes } from './topic.js';

/** Where a page was asked: which of its events must stay when it is too large. */
export type Place =
  /** Those next to the start: `after`. */
  | { readonly kind: 'first' }
  /** Those next to the end: `before`, or nothing. */
  | { readonly kind: 'last' }
  | { readonly kind: 'around'; readonly seq: number };

export function placeOf(asked: { after?: number | undefined; around?: number | undefined }): Place {
  if (asked.after !== undefined) return { kind: 'first' };
  if (asked.around !== undefined) return { kind: 'around', seq: asked.around };
  return { kind: 'last' };
}

/** The longest run of events at the place that fits `bytesMax`, at least one event; and about its bytes. */
export function shortened(
  events: readonly LogEvent[],
  place: Place,
  bytesMax: number,
): { events: LogEvent[]; bytes: number } {
  const sizes = events.map(estimatedBytes);
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  let start = 0;
  let end = events.length;
  while (bytes > bytesMax && end - start > 1) {
    if (dropsFirst(place, events[start] as LogEvent, events[end - 1] as LogEvent)) {
      bytes -= sizes[start] as number;
      start += 1;
    } else {
      end -= 1;
      bytes -= sizes[end] as number;
    }
  }
  return { events: events.slice(start, end), bytes };
}

/** Which end is farther from the place. */
function dropsFirst(place: Place, first: LogEvent, last: LogEvent): boolean {
  switch (place.kind) {
    case 'first':
      return false;
    case 'last':
      return true;
    case 'around':
      return place.seq - first.seq > last.seq - place.seq;
  }
}
