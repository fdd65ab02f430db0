/** The months of a log in memory, for simulations: rows are ids with a time, and nothing else. */
import { type Month, monthAt } from '../../months.js';
import type { Turns } from '../../runtime/ports.js';
import type { PartitionStore } from '../ports.js';

export class MemoryPartitions implements PartitionStore {
  /** Times of ids (Unix ms) by leaf. */
  readonly leaves = new Map<Month, number[]>();
  readonly strays: number[] = [];
  /** What has left the log. */
  readonly detached: number[] = [];
  private horizon: Month | undefined;
  private readonly turns: Turns;

  constructor(turns: Turns) {
    this.turns = turns;
  }

  /** A row whose id is of this moment. Never refused (L15). */
  insert(at: number): void {
    (this.leaves.get(monthAt(at)) ?? this.strays).push(at);
  }

  survey(done: Parameters<PartitionStore['survey']>[0]): void {
    const rows = new Map<Month, number>();
    for (const at of this.strays) rows.set(monthAt(at), (rows.get(monthAt(at)) ?? 0) + 1);
    const strays = [...rows].map(([month, count]) => ({ month, rows: count }));
    const months = [...this.leaves.keys()].sort((one, other) => one - other);
    const horizon = this.horizon === undefined ? {} : { horizon: this.horizon };
    strays.sort((one, other) => one.month - other.month);
    this.turns.soon(() => done({ kind: 'surveyed', survey: { months, strays, ...horizon } }));
  }

  make(month: Month, done: Parameters<PartitionStore['make']>[1]): void {
    const moved = this.makeNow(month);
    this.turns.soon(() => done({ kind: 'made', moved }));
  }

  detach(month: Month, { isKept }: { isKept: boolean }, done: Parameters<PartitionStore['detach']>[2]): void {
    const times = this.leaves.get(month) ?? [];
    this.detached.push(...times);
    this.leaves.delete(month);
    this.horizon = Math.max(this.horizon ?? 0, month + 1);
    const table = isKept ? 'detached' : undefined;
    this.turns.soon(() => done({ kind: 'detached', rows: times.length, table }));
  }

  /** What a start does, before there is a janitor. */
  makeNow(month: Month): number {
    if (this.leaves.has(month)) return 0;
    const all = this.strays.splice(0);
    const moved = all.filter((at) => monthAt(at) === month);
    this.strays.push(...all.filter((at) => monthAt(at) !== month));
    this.leaves.set(month, moved);
    return moved.length;
  }
}
