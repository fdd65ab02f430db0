/** Rows of the log as a busy engine would write them: ids of this moment, many rooms, each with its own count. */
import { randomFillSync } from 'node:crypto';
import type { LogEvent } from '#src/wire/events.js';

export interface RowsOptions {
  readonly rooms: number;
  readonly texts: readonly string[];
}

/** Rows that share a millisecond: 200,000 a second. */
const rowsPerMillisecond = 200;
const dashes = [8, 12, 16, 20] as const;

export class LogRows {
  private readonly rooms: ReadonlyArray<{ readonly conv: string; readonly from: string }>;
  private readonly heads: Int32Array;
  private readonly texts: readonly string[];
  private made = 0;

  constructor({ rooms, texts }: RowsOptions) {
    const now = Date.now();
    const ids = makeIds(2 * rooms, () => now);
    this.rooms = Array.from({ length: rooms }, (_, room) => ({
      conv: ids[2 * room] ?? '',
      from: ids[2 * room + 1] ?? '',
    }));
    this.heads = new Int32Array(rooms);
    this.texts = texts;
  }

  /** The next so many, in the order in which they are to be written: by id, as the writer sorts them. */
  take(count: number): LogEvent<'message.new'>[] {
    const now = Date.now();
    const timeOf = (row: number) => now + Math.floor(row / rowsPerMillisecond);
    const ids = makeIds(count, timeOf).sort();
    return ids.map((id, row) => {
      const room = (this.made * 7919) % this.rooms.length;
      const seq = (this.heads[room] ?? 0) + 1;
      this.heads[room] = seq;
      const text = this.texts[this.made % this.texts.length] ?? '';
      this.made += 1;
      const { conv = '', from = '' } = this.rooms[room] ?? {};
      return { ev: 'message.new', conv, seq, number: seq, id, from, at: timeOf(row), text };
    });
  }
}

/** Version 7, random after the time: one flat string each, as the codec would have read it. */
export function makeIds(count: number, timeOf: (index: number) => number): string[] {
  const random = randomFillSync(Buffer.allocUnsafe(count * 10)).toString('hex');
  return Array.from({ length: count }, (_, index) => {
    const time = timeOf(index).toString(16).padStart(12, '0');
    const tail = random.slice(index * 20, index * 20 + 20);
    const hex = Buffer.from(`${time}7${tail.slice(1, 4)}8${tail.slice(5)}`, 'latin1');
    const id = Buffer.allocUnsafe(36).fill('-');
    let from = 0;
    for (const [group, end] of [...dashes, 32].entries()) {
      hex.copy(id, from + group, from, end);
      from = end;
    }
    return id.toString('latin1');
  });
}

/** Groups whose mean size is `size`, to within a row. */
export function groupsOf<Item>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = [];
  for (let from = 0; from < items.length; ) {
    const to = Math.max(from + 1, Math.round((groups.length + 1) * size));
    // What is left is no batch of this size.
    if (to > items.length && groups.length > 0) break;
    groups.push(items.slice(from, to));
    from = to;
  }
  return groups;
}
