/**
 * Operations that wait for the store to say something: whether their id is stored, whether the message they reply to
 * exists, whether the users they name exist. Lookups are gathered per turn.
 */
import type { StoredOperation } from '#src/storage/ports.js';
import type { DurableRequest } from '#src/threads/messages.js';

/** An operation on its way to a decision, with the requests that wait for its answer. */
export interface Held {
  readonly request: DurableRequest;
  /** Retries of it that came meanwhile. */
  readonly retries: number[];
  /** What was asked for it was found good. */
  checked: boolean;
}

/** What the store said about a held operation. */
export type Finding =
  | { kind: 'failed'; held: Held }
  | { kind: 'stored'; held: Held; stored: StoredOperation }
  | { kind: 'new'; held: Held }
  | { kind: 'message found'; held: Held }
  | { kind: 'message missing'; held: Held };

const questionsMax = 1024;

export class Questions {
  private readonly byOperation = new Map<string, Held>();
  private readonly byMessage = new Map<string, Held[]>();
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

  askForMessage(held: Held, id: string): void {
    this.byOperation.set(held.request.id, held);
    const askers = this.byMessage.get(id);
    if (askers === undefined) this.byMessage.set(id, [held]);
    else askers.push(held);
    this.toLookUp.push(id);
  }

  askForUsers(held: Held): void {
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

  onLookedUp(
    ids: readonly string[],
    found: readonly StoredOperation[],
    failed: boolean,
    conv: string,
  ): Finding[] {
    const stored = new Map(found.map((operation) => [operation.id, operation]));
    const findings: Finding[] = [];
    for (const id of ids) {
      const operation = stored.get(id);
      if (this.ids.delete(id)) {
        const held = this.close(id);
        if (held === undefined) continue;
        if (failed) findings.push({ kind: 'failed', held });
        else if (operation === undefined) findings.push({ kind: 'new', held });
        else findings.push({ kind: 'stored', held, stored: operation });
        continue;
      }
      for (const held of this.byMessage.get(id) ?? []) {
        this.close(held.request.id);
        const kind = failed ? 'failed' : operation?.conv === conv ? 'message found' : 'message missing';
        findings.push({ kind, held });
      }
      this.byMessage.delete(id);
    }
    return findings;
  }
}
