/** Which seqs are here: ranges that neither overlap nor touch, rising. */

export type Range = readonly [from: number, to: number];

export class Ranges {
  private list: Range[] = [];

  get all(): readonly Range[] {
    return this.list;
  }

  /** Both ends belong to it; one that is empty adds nothing. */
  add(from: number, to: number): void {
    if (from > to) return;
    const last = this.list.at(-1);
    // So it is with nearly all: the next event follows the last one.
    if (last !== undefined && from === last[1] + 1) {
      this.list[this.list.length - 1] = [last[0], to];
      return;
    }
    const before = this.list.filter((range) => range[1] < from - 1);
    const after = this.list.filter((range) => range[0] > to + 1);
    const touched = this.list.slice(before.length, this.list.length - after.length);
    const low = Math.min(from, ...touched.map((range) => range[0]));
    const high = Math.max(to, ...touched.map((range) => range[1]));
    this.list = [...before, [low, high], ...after];
  }

  /** The range that this seq is in. */
  at(seq: number): Range | undefined {
    return this.list.find(([from, to]) => from <= seq && seq <= to);
  }

  clear(): void {
    this.list = [];
  }
}
