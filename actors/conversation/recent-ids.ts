/**
 * The ids of a conversation's last operations, to answer retries without asking the store. Nearly every new operation
 * has an id above all before it, which `highest` tells; only for the others an index of the ids is made, once.
 */

/** What a retry is answered with. */
export interface Remembered {
  readonly id: string;
  readonly from: string;
  readonly seq: number;
  readonly at: number;
}

export class RecentIds {
  /** In their order; those before `start` are forgotten. */
  private list: Remembered[] = [];
  private start = 0;
  private index: Map<string, Remembered> | undefined;
  private readonly itemsMax: number;
  /** No id was ever added that is above this one, or '' when none was. */
  highest = '';

  constructor(itemsMax: number) {
    this.itemsMax = itemsMax;
  }

  find(id: string): Remembered | undefined {
    if (id > this.highest) return undefined;
    this.index ??= indexOf(this.list.slice(this.start));
    return this.index.get(id);
  }

  /** Returns the id that is forgotten for it, if any. */
  add(remembered: Remembered): string | undefined {
    this.list.push(remembered);
    this.index?.set(remembered.id, remembered);
    if (remembered.id > this.highest) this.highest = remembered.id;
    if (this.list.length - this.start <= this.itemsMax) return undefined;
    const forgotten = this.list[this.start]?.id;
    if (forgotten !== undefined) this.index?.delete(forgotten);
    this.start += 1;
    if (this.start >= this.itemsMax) {
      this.list = this.list.slice(this.start);
      this.start = 0;
    }
    return forgotten;
  }

  /**
   * Keeps no more of them than an answer takes. Called for each once, in the order they were added, so that an event
   * added as what is remembered of it need not stay whole.
   */
  strip(behind: number): void {
    const place = this.list.length - 1 - behind;
    const whole = this.list[place];
    if (whole === undefined || place < this.start) return;
    const { id, from, seq, at } = whole;
    const stripped = { id, from, seq, at };
    this.list[place] = stripped;
    this.index?.set(id, stripped);
  }
}

/** Half the time that a Map made of pairs takes. */
function indexOf(list: readonly Remembered[]): Map<string, Remembered> {
  const index = new Map<string, Remembered>();
  for (const remembered of list) index.set(remembered.id, remembered);
  return index;
}
