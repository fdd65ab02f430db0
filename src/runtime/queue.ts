/**
 * A queue in a ring: adding and taking cost no allocation once it has grown. Each item has a weight in bytes, and
 * the first one counts how often it was tried in vain.
 */
const capacityMin = 4;
/** A ring that grew beyond this gives its memory back when it is empty. */
const capacityKeptMax = 256;

export class Queue<Item> {
  /** Capacity is a power of two, so that places wrap by a mask; 0 until the first item comes. */
  private items: Array<Item | undefined> = [];
  private weights: number[] = [];
  private first = 0;
  private count = 0;
  private weight = 0;
  private triesOfFirst = 0;

  get size(): number {
    return this.count;
  }

  /** The weights of all items together. */
  get bytes(): number {
    return this.weight;
  }

  push(item: Item, bytes = 0): void {
    if (this.count === this.items.length) this.grow();
    const place = (this.first + this.count) & (this.items.length - 1);
    this.items[place] = item;
    this.weights[place] = bytes;
    this.count += 1;
    this.weight += bytes;
  }

  /** The first item stays in the queue; undefined when there is none. */
  peek(): Item | undefined {
    return this.items[this.first];
  }

  /** The weight of the first item; 0 when there is none. */
  get firstBytes(): number {
    return this.count === 0 ? 0 : (this.weights[this.first] ?? 0);
  }

  /** Takes the first item out; undefined when there is none. */
  shift(): Item | undefined {
    if (this.count === 0) return undefined;
    const { first } = this;
    const item = this.items[first];
    this.items[first] = undefined;
    this.weight -= this.weights[first] ?? 0;
    this.count -= 1;
    this.triesOfFirst = 0;
    if (this.count === 0 && this.items.length > capacityKeptMax) this.clear();
    else this.first = (first + 1) & (this.items.length - 1);
    return item;
  }

  /** Counts one more failed try of the first item; answers how many there were. */
  countTry(): number {
    this.triesOfFirst += 1;
    return this.triesOfFirst;
  }

  clear(): void {
    this.items = [];
    this.weights = [];
    this.first = 0;
    this.count = 0;
    this.weight = 0;
    this.triesOfFirst = 0;
  }

  private grow(): void {
    const capacity = this.items.length;
    const items: Array<Item | undefined> = new Array(Math.max(capacityMin, capacity * 2)).fill(undefined);
    const weights: number[] = new Array(items.length).fill(0);
    for (let index = 0; index < this.count; index += 1) {
      const place = (this.first + index) & (capacity - 1);
      items[index] = this.items[place];
      weights[index] = this.weights[place] ?? 0;
    }
    this.items = items;
    this.weights = weights;
    this.first = 0;
  }
}
