/**
 * A set that is nearly always tiny, as a plain value: what a socket listens to, who is connected as one user. A `Set` of
 * three takes over 200 bytes, an array of three 70, one alone nothing, and there is one for each of very many idle
 * sockets. Who keeps one replaces it by what `withItem` and `withoutItem` return.
 */

/** From here on looking through an array would be slower than hashing. */
const listedItemsMax = 16;

/** One alone, several in an array, many in a set. Arrays are never changed, so that nobody who reads one is disturbed. */
export type Few<Item extends object> = undefined | Item | readonly Item[] | Set<Item>;

export function countOf<Item extends object>(few: Few<Item>): number {
  if (few === undefined) return 0;
  if (few instanceof Set) return few.size;
  return isList(few) ? few.length : 1;
}

export function hasItem<Item extends object>(few: Few<Item>, item: Item): boolean {
  if (few instanceof Set) return few.has(item);
  return isList(few) ? few.includes(item) : few === item;
}

export function withItem<Item extends object>(few: Few<Item>, item: Item): Few<Item> {
  if (hasItem(few, item)) return few;
  if (few === undefined) return item;
  if (few instanceof Set) return few.add(item);
  if (!isList(few)) return [few, item];
  return few.length < listedItemsMax ? few.concat(item) : new Set(few).add(item);
}

export function withoutItem<Item extends object>(few: Few<Item>, item: Item): Few<Item> {
  if (few instanceof Set) {
    few.delete(item);
    return few.size === 0 ? undefined : few;
  }
  if (!hasItem(few, item)) return few;
  const left = isList(few) ? few.filter((other) => other !== item) : [];
  return left.length > 1 ? left : left[0];
}

/** Those that are there now: what is added or left out meanwhile changes nothing. */
export function itemsOf<Item extends object>(few: Few<Item>): readonly Item[] {
  if (few === undefined) return nothing;
  if (few instanceof Set) return [...few];
  return isList(few) ? few : [few];
}

/** Visits those that are there now; one alone without a list. */
export function forEachOf<Item extends object>(few: Few<Item>, visit: (item: Item) => void): void {
  if (few === undefined) return;
  if (few instanceof Set || isList(few)) for (const item of itemsOf(few)) visit(item);
  else visit(few);
}

const nothing: readonly never[] = [];

function isList<Item>(few: undefined | Item | readonly Item[]): few is readonly Item[] {
  return Array.isArray(few);
}
