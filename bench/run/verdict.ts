/** Whether what the generator's checker and the server's own counters say is as it must be. */
import type { Checks } from '../contract.js';
import type { PlayOptions } from './scenario.js';

const always = {
  lost: 'acked messages were not shown to somebody who hears the room',
  duplicates: 'messages were shown twice',
  disordered: 'messages were shown out of order',
  foreign: 'things were shown that nobody sent',
} as const;

const unlessAllowed = {
  refused: 'messages were refused',
  unanswered: 'messages were never answered',
  disconnects: 'connections were cut',
} as const;

/** The rest is in the result. */
const detailsMax = 4;

/** What is wrong, in sentences; empty when all is well. */
export function faultsOf(checks: Checks, allows: PlayOptions['allows'] = []): string[] {
  const faults: string[] = [];
  for (const [name, says] of Object.entries(always) as [keyof typeof always, string][])
    if (checks[name] > 0) faults.push(`${checks[name]} ${says}`);
  for (const [name, says] of Object.entries(unlessAllowed) as [keyof typeof unlessAllowed, string][])
    if (checks[name] > 0 && !allows.includes(name)) faults.push(`${checks[name]} ${says}`);
  if (checks.sent === 0) faults.push('nothing was sent');
  else if (checks.acked === 0) faults.push('nothing was acked');
  if (faults.length > 0) faults.push(...checks.details.slice(0, detailsMax));
  return faults;
}

export type Counters = Readonly<Record<string, number>>;

/** What was counted between two readings. */
export function countersBetween(from: Counters, to: Counters): Counters {
  return Object.fromEntries(Object.entries(to).map(([name, count]) => [name, count - (from[name] ?? 0)]));
}

/**
 * Limits are on in every run: each operation that was sent must have been looked at by the front's guard and, unless
 * that refused it, by the shard. `counted` is of the whole play, warm-up and drain included.
 */
export function limitFaultsOf(checks: Checks, counted: Counters): string[] {
  const shrunk = Object.keys(counted).filter((name) => (counted[name] ?? 0) < 0);
  if (shrunk.length > 0)
    return [`the server's counters went back (${shrunk.join(', ')}): one of its threads was started again`];
  const { limitsByFront = 0, limitsByShard = 0, sends = 0 } = counted;
  // What is under way at the end is counted or not, and what was refused may have been refused by either.
  if (checks.unanswered > 0 || checks.refused > 0) return [];
  const faults: string[] = [];
  if (sends !== checks.sent)
    faults.push(`${checks.sent} messages were sent, and the server counted ${sends}`);
  if (limitsByShard !== checks.sent)
    faults.push(`${checks.sent} messages were sent, and the shard looked at ${limitsByShard} limits`);
  if (limitsByFront < checks.sent)
    faults.push(`${checks.sent} messages were sent, and the front looked at ${limitsByFront} limits`);
  return faults;
}
