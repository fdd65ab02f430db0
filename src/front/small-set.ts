/**
 * A set that is nearly always tiny: what a socket listens to, who is connected as one user. A `Set` of three takes
 * over 200 bytes, an array of three 70, and there is one for each of very many idle sockets.
 */

/** From here on looking through an array would be slower than hashing. */
const listedItemsMax = 16;

export class SmallSet<Item extends object> implements Iterable<Item> {
  /** One alone, several in an array, many in a set. Arrays are replaced, so that nobody who reads one is disturbed. */
  private items: undefined | Item | readonly Item[] | Set<Item>;

  get size(): number {
    const { items } = this;
    if (items === undefined) return 0;
    if (items instanceof Set) return items.size;
    return isList(items) ? items.length : 1;
  }

  has(item: Item): boolean {
    const { items } = this;
    if (items instanceof Set) return items.has(item);
    return isList(items) ? items.includes(item) : items === item;
  }

  add(item: Item): void {
    const { items } = this;
    if (this.has(item)) return;
    if (items === undefined) this.items = item;
    else if (items instanceof Set) items.add(item);
    else if (!isList(items)) this.items = [items, item];
    else if (items.length < listedItemsMax) this.items = items.concat(item);
    else this.items = new Set(items).add(item);
  }

  /** false: it was not there. */
  delete(item: Item): boolean {
    const { items } = this;
    if (items instanceof Set) return items.delete(item);
    if (!this.has(item)) return false;
    const left = isList(items) ? items.filter((other) => other !== item) : [];
    this.items = left.length > 1 ? left : left[0];
    return true;
  }

  /** Those that are there now: what is added or deleted meanwhile changes nothing. */
  [Symbol.iterator](): Iterator<Item> {
    const { items } = this;
    if (items === undefined) return [].values();
    if (items instanceof Set) return [...items].values();
    return (isList(items) ? items : [items]).values();
  }
}

function isList<Item>(items: undefined | Item | readonly Item[]): items is readonly Item[] {
  return Array.isArray(items);
}
