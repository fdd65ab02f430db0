/** When memory is too full, how far it is emptied, and when it is looked at again: pure decisions over what was seen. */

/** Bytes; the first is the least that matters: `lowWater` < `threshold` < `limit`. */
export interface Marks {
  /** Eviction goes on until this much is used. */
  readonly lowWater: number;
  /** Above it, eviction begins. */
  readonly threshold: number;
  readonly limit: number;
}

/** What is used, and what may be; without marks nobody knows what may be. */
export interface Level {
  readonly used: number;
  /** How many elements use it; undefined: nobody has counted. */
  readonly elements?: number | undefined;
  readonly marks: Marks | undefined;
}

/** A tier and, when it lives in this process, the process. */
export interface Seen {
  readonly tier: Level;
  readonly host?: Level | undefined;
}

/** The margin is at most so much of the limit. */
const marginPerLimitMax = 0.1;
/** Between the threshold and the low water, of the margin: so much is evicted at least once it begins. */
const hysteresisPerMargin = 0.2;
/** What writers are thought to add when nobody looks. One client over one connection was seen to reach half of it. */
const growthBytesPerMs = 1_000_000;
export const lookMsMin = 5;
export const lookMsMax = 1_000;

/** A script of so many holds up Redis for about half a millisecond, and is hardly slower than one of thousands. */
export const elementsPerCall = 250;
export const callsAtOnceMin = 2;
/** Those that arrive together are one wait for whoever else asks. */
export const callsAtOnceMax = 16;

/**
 * @param configured bytes; 0: only what was detected counts
 * @param detected bytes; undefined: unknown
 */
export function marksOf(
  { configured, detected }: { configured: number; detected: number | undefined },
  marginBytes: number,
): Marks | undefined {
  const known = [configured, detected].filter((limit) => limit !== undefined && limit > 0) as number[];
  if (known.length === 0) return undefined;
  // More than there is cannot be used, whatever was configured.
  const limit = Math.min(...known);
  const margin = Math.min(marginBytes, limit * marginPerLimitMax);
  const threshold = Math.floor(limit - margin);
  return { limit, threshold, lowWater: Math.floor(threshold - margin * hysteresisPerMargin) };
}

export function isAbove(level: Level | undefined): level is Level & { readonly marks: Marks } {
  return level?.marks !== undefined && level.used > level.marks.threshold;
}

/**
 * How much the tier may use when it has been emptied far enough; undefined: nothing is to be done. A process that is
 * too large wants its excess back from the tier, since it cannot know what else could go.
 */
export function goalOf({ tier, host }: Seen): number | undefined {
  const goals: number[] = [];
  if (isAbove(tier)) goals.push(tier.marks.lowWater);
  if (isAbove(host)) goals.push(Math.max(0, tier.used - (host.used - host.marks.lowWater)));
  return goals.length === 0 ? undefined : Math.min(...goals);
}

/** Milliseconds until the limit could be reached by the fastest growth, within bounds: nobody needs to look before. */
export function lookAgainMs({ tier, host }: Seen): number {
  const rooms = [tier, host].flatMap((level) =>
    level?.marks === undefined ? [] : [level.marks.limit - level.used],
  );
  const ms = Math.min(lookMsMax, ...rooms.map((bytes) => bytes / growthBytesPerMs));
  return Math.max(lookMsMin, Math.floor(ms));
}

/**
 * How many elements each of the next calls takes: what is too much, and at least what lies between the marks, so that
 * writers who go on slowly are not met with a call for each few elements. Elements count as equally large.
 */
export function callsFor(
  { used, elements, marks }: Level,
  { goal, callsAtOnce }: { goal: number; callsAtOnce: number },
): number[] {
  const most = callsAtOnce * elementsPerCall;
  const between = marks === undefined ? 0 : marks.threshold - marks.lowWater;
  const wanted = elements === undefined ? most : (Math.max(used - goal, between) / used) * elements;
  const count = Math.min(most, Math.max(1, Math.ceil(wanted)));
  return Array.from({ length: Math.ceil(count / elementsPerCall) }, (_, index) =>
    Math.min(elementsPerCall, count - index * elementsPerCall),
  );
}

/** How many calls may go out together: more when writers add faster than they take away. */
export function callsAtOnceAfter(calls: number, used: { before: number; now: number }): number {
  return used.now >= used.before
    ? Math.min(callsAtOnceMax, calls * 2)
    : Math.max(callsAtOnceMin, Math.floor(calls / 2));
}
