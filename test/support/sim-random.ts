/** Draws that a seed repeats, in the forms that simulations ask for. */
import { SeededRandom } from './seeded-random.js';

export class Draws {
  private readonly random: SeededRandom;

  /** Streams of one seed are independent of each other: drawing from one does not disturb another. */
  constructor(seed: number, stream: number) {
    this.random = new SeededRandom(seed, stream);
  }

  /** 0 ≤ x < 1 */
  next(): number {
    return this.random.next();
  }

  /** A whole number, low ≤ x ≤ high. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  /** @throws Error when the list is empty */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('pick: nothing to pick from');
    return items[Math.floor(this.random.next() * items.length)] as Item;
  }

  /** One of the keys, as often as its weight says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as Array<[Key, number]>;
    let place = this.random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    let chosen: Key | undefined;
    for (const [key, weight] of entries) {
      chosen = key;
      place -= weight;
      if (place < 0) break;
    }
    if (chosen === undefined) throw new Error('weighted: nothing to pick from');
    return chosen;
  }

  /** A UUIDv7 of this time. */
  uuid(milliseconds: number): string {
    const time = Math.floor(milliseconds).toString(16).padStart(12, '0');
    const hex =
      this.random.uint32().toString(16).padStart(8, '0') + this.random.uint32().toString(16).padStart(8, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6)}ab`;
  }
}
