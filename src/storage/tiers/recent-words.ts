/**
 * What is asked of a mirror that finds words: messages of the last weeks that may be meant. What it says is believed by
 * nobody before Postgres was asked, so it may miss some and name too many.
 */

export interface RecentAsked {
  /** Each is in the message, as it stands or nearly so. */
  readonly phrases: readonly string[];
  readonly convs: readonly string[];
  readonly from?: string | undefined;
  readonly type?: string | undefined;
  /** Unix ms; `until` is left out. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Only what stands behind it. */
  readonly place: readonly [at: number, id: string] | undefined;
  readonly limit: number;
}

export interface RecentWords {
  /** Newest first. Rejects when the mirror is away, slow, or finds no words at all. */
  find(asked: RecentAsked): Promise<Array<readonly [at: number, id: string]>>;
}

/** `-word`, `"some words"`, `"some words` to the end, `word`. */
const tokens = /-?"([^"]*)(?:"|$)|\S+/g;

/**
 * The phrases that every message must have which answers to the words of a search; what excludes messages is left out,
 * since that is for whoever holds them against the truth.
 *
 * @returns undefined when there are none: one word or the other is asked for, or nothing that could be looked for
 */
export function phrasesOf(q: string): string[] | undefined {
  const phrases: string[] = [];
  for (const [token, quoted] of q.matchAll(tokens)) {
    if (token.startsWith('-')) continue;
    if (quoted === undefined && token.toLowerCase() === 'or') return undefined;
    const phrase = (quoted ?? token).replace(/["\\]/g, ' ').trim();
    if (/[\p{L}\p{N}]/u.test(phrase)) phrases.push(phrase);
  }
  return phrases.length === 0 ? undefined : phrases;
}
