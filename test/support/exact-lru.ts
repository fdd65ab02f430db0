/** What a least-recently-used order evicts, exactly: by last use, and among those of the same time by name. */

interface Entry {
  readonly name: string;
  usedAt: number;
}

export class ExactLru {
  private readonly entries = new Map<string, Entry>();
  /** By time of last use; an entry that was used since is left where it was, and told by its time. */
  private readonly buckets = new Map<number, Entry[]>();
  /** Nothing lies in a bucket before it. */
  private first = Number.POSITIVE_INFINITY;
  private last = 0;

  get size(): number {
    return this.entries.size;
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** @param at a whole number, as Unix ms */
  insert(name: string, at: number): void {
    const found = this.entries.get(name);
    if (found !== undefined) return this.move(found, at);
    const entry = { name, usedAt: at };
    this.entries.set(name, entry);
    this.place(entry);
  }

  /** What is not here stays away. */
  touch(name: string, at: number): void {
    const found = this.entries.get(name);
    if (found !== undefined) this.move(found, at);
  }

  evict(count: number): string[] {
    const evicted: string[] = [];
    while (evicted.length < count && this.first <= this.last) {
      const live = (this.buckets.get(this.first) ?? []).filter(
        (entry) => entry.usedAt === this.first && this.entries.get(entry.name) === entry,
      );
      live.sort((one, other) => (one.name < other.name ? -1 : 1));
      const taken = live.splice(0, count - evicted.length);
      for (const { name } of taken) {
        this.entries.delete(name);
        evicted.push(name);
      }
      if (live.length > 0) this.buckets.set(this.first, live);
      else {
        this.buckets.delete(this.first);
        this.first += 1;
      }
    }
    return evicted;
  }

  private move(entry: Entry, at: number): void {
    if (at <= entry.usedAt) return;
    entry.usedAt = at;
    this.place(entry);
  }

  private place(entry: Entry): void {
    const bucket = this.buckets.get(entry.usedAt);
    if (bucket === undefined) this.buckets.set(entry.usedAt, [entry]);
    else bucket.push(entry);
    this.first = Math.min(this.first, entry.usedAt);
    this.last = Math.max(this.last, entry.usedAt);
  }
}
