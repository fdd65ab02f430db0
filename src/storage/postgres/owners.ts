/**
 * The names under which one process has its shards. Every store has a name of its own, so that what a dead thread
 * sent too late changes nothing; and a store takes its shard from names of this process only, so that a thread that
 * is started again takes nothing back from another server (L13).
 */
import { randomUUID } from 'node:crypto';

/** A thread that dies so often without ever having its shard is beyond help. */
const namesMax = 1_000;

export class Owners {
  /** Of the process itself: it takes every shard before there are threads. */
  readonly first = randomUUID();
  private readonly names = new Map<number, readonly string[]>();

  /** @returns the names this process had the shard under, and last the one for the store that is made now */
  next(shard: number): readonly string[] {
    const names = [...this.of(shard), randomUUID()].slice(-namesMax);
    this.names.set(shard, names);
    return names;
  }

  has(shard: number, name: string): boolean {
    return this.of(shard).includes(name);
  }

  private of(shard: number): readonly string[] {
    return this.names.get(shard) ?? [this.first];
  }
}
