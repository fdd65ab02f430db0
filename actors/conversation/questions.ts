/**
 * Operations that wait for the store to say something: whether their id is stored, what is true of the message they are
 * about, whether the users they name exist. Lookups of ids are gathered per turn.
 */
import type { StoredOperation } from '#src/storage/ports.js';
import type { DurableRequest } from '#src/threads/messages.js';
import type { Known } from './decision.js';

/** An operation on its way to a decision, with the requests that wait for its answer. */
export interface Held {
  readonly request: DurableRequest;
  /** Retries of it that came meanwhile. */
  readonly retries: number[];
  /** What was asked for it. */
  readonly known: Known;
}

/** What the store said about a held operation. */
export type Finding =
  | { kind: 'failed'; held: Held }
  | { kind: 'stored'; held: Held; stored: StoredOperation }
  | { kind: 'new'; held: Held };

const questionsMax = 1024;

export class Questions {
  private readonly byOperation = new Map<string, Held>();
  private readonly ids = new Set<string>();
  private toLookUp: string[] = [];

  get size(): number {
    return this.byOperation.size;
  }

  get isFull(): boolean {
    return this.byOperation.size >= questionsMax;
  }

  find(id: string): Held | undefined {
    return this.byOperation.get(id);
  }

  all(): Iterable<Held> {
    return this.byOperation.values();
  }

  askForId(held: Held): void {
    this.byOperation.set(held.request.id, held);
    this.ids.add(held.request.id);
    this.toLookUp.push(held.request.id);
  }

  /** By other means than a lookup of ids: `close` ends it. */
  ask(held: Held): void {
    this.byOperation.set(held.request.id, held);
  }

  /** The ids to look up since the last call. */
  takeLookups(): string[] {
    const taken = this.toLookUp;
    this.toLookUp = [];
    return taken;
  }

  /** The operation's question was answered by other means. */
  close(id: string): Held | undefined {
    const held = this.byOperation.get(id);
    this.byOperation.delete(id);
    return held;
  }

  onLookedUp(ids: readonly string[], found: readonly StoredOperation[], failed: boolean): Finding[] {
    const stored = new Map(found.map((operation) => [operation.id, operation]));
    const findings: Finding[] = [];
    for (const id of ids) {
      if (!this.ids.delete(id)) continue;
      const held = this.close(id);
      if (held === undefined) continue;
      const operation = stored.get(id);
      if (failed) findings.push({ kind: 'failed', held });
      else if (operation === undefined) findings.push({ kind: 'new', held });
      else findings.push({ kind: 'stored', held, stored: operation });
    }
    return findings;
  }
}
