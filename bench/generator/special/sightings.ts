/**
 * When each message of a window was due, and when the last of one process's clients was shown it. Several processes of
 * one machine add up what they saw, so times are of the clock that they share.
 */

/** What all processes of this machine count from, in milliseconds, less `performance.now()` of this one. */
const sharedOffset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export function sharedNow(): number {
  return performance.now() + sharedOffset;
}

/** By the number of the message. */
export interface Sightings {
  /** 0 where another process sent it. */
  readonly due: number[];
  readonly lastAt: number[];
  readonly clients: number[];
}

export function sightingsOf(messages: number): Sightings {
  return {
    due: Array.from({ length: messages }, () => 0),
    lastAt: Array.from({ length: messages }, () => 0),
    clients: Array.from({ length: messages }, () => 0),
  };
}

/** Of all processes together. */
export function together(parts: readonly Sightings[]): Sightings {
  const all = sightingsOf(parts[0]?.due.length ?? 0);
  for (const { due, lastAt, clients } of parts)
    for (const number of all.due.keys()) {
      all.due[number] = Math.max(all.due[number] as number, due[number] as number);
      all.lastAt[number] = Math.max(all.lastAt[number] as number, lastAt[number] as number);
      all.clients[number] = (all.clients[number] as number) + (clients[number] as number);
    }
  return all;
}
