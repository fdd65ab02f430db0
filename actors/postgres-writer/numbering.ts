/** Gives the events of a batch their place: seq, number and time. */
import type { Head } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';

/**
 * Numbers the events in their order, continuing each conversation's committed head (P4). Called again for every
 * attempt, so that rows taken out of a batch leave no hole. Returns the heads as they are once it is committed.
 *
 * @throws Error when a conversation's head is not known: a bug, since it is read before anything is admitted.
 */
export function numberEvents(
  events: readonly LogEvent[],
  heads: ReadonlyMap<string, Head>,
  at: number,
): Map<string, { seq: number; number: number }> {
  const moved = new Map<string, { seq: number; number: number }>();
  for (const event of events) {
    let head = moved.get(event.conv);
    if (head === undefined) {
      const committed = heads.get(event.conv);
      if (committed === undefined) throw new Error(`no head for conversation ${event.conv}`);
      head = { seq: committed.seq, number: committed.number };
      moved.set(event.conv, head);
    }
    head.seq += 1;
    if (event.ev === 'message.new') head.number += 1;
    event.seq = head.seq;
    event.number = head.number;
    event.at = at;
  }
  return moved;
}
