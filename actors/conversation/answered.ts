/**
 * What was answered without a trace in the log: refusals that said `stored: false`, and operations that changed
 * nothing. A second copy of the same operation, overtaken on its way by its retry, must get the same answer, or a
 * refused operation could still appear (P7). Lives with the shard, so that a crashed actor does not forget; refusals
 * outlive the shard as well, in the memory of the fronts, which tell its successor.
 */
import type { Clock } from '#src/runtime/ports.js';
import {
  type AckResult,
  operationKey,
  type Refusal,
  type Refused,
  refusedLimits,
} from '#src/threads/messages.js';

export type Answer = { kind: 'ack'; result: AckResult } | { kind: 'err'; refusal: Refusal };

type Operation = Pick<Refused, 'user' | 'conv' | 'id'>;

interface Remembered {
  readonly operation: Operation;
  readonly answer: Answer;
  readonly at: number;
}

export class Answered {
  private readonly answers = new Map<string, Remembered>();
  /** How many answers there are for an id, whoever used it and where. */
  private readonly counts = new Map<string, number>();
  private readonly clock: Clock;
  private readonly tellFronts: (refused: Refused) => void;

  /** `tellFronts` is called before the refusal is returned, and so before anybody can hear of it. */
  constructor(clock: Clock, tellFronts: (refused: Refused) => void = () => {}) {
    this.clock = clock;
    this.tellFronts = tellFronts;
  }

  find(user: string, conv: string, id: string): Answer | undefined {
    // Every operation comes this way. Its id alone says nearly always that there is nothing: making a key of all
    // three, and hashing that, costs many times as much.
    if (this.counts.size === 0 || !this.counts.has(id)) return undefined;
    return this.answers.get(operationKey({ user, conv, id }))?.answer;
  }

  /**
   * Remembers the answer. When there is no room, a refusal is returned without `stored`: what cannot be remembered
   * cannot be promised.
   */
  remember(user: string, conv: string, id: string, answer: Answer): Answer {
    this.prune();
    if (this.answers.size >= refusedLimits.itemsMax) {
      if (answer.kind === 'ack') return answer;
      const { stored: _, ...refusal } = answer.refusal;
      return { kind: 'err', refusal };
    }
    const operation = { user, conv, id };
    const at = this.clock.now();
    this.add({ operation, answer, at });
    if (answer.kind === 'err') this.tellFronts({ ...operation, refusal: answer.refusal, at });
    return answer;
  }

  /** What a predecessor refused. Kept even without room: it was promised. */
  recall(told: readonly Refused[]): void {
    for (const { user, conv, id, refusal, at } of told) {
      this.add({ operation: { user, conv, id }, answer: { kind: 'err', refusal }, at });
    }
  }

  /** All that is refused for good, as far as it is remembered. */
  refused(): Refused[] {
    const all: Refused[] = [];
    for (const { operation, answer, at } of this.answers.values()) {
      if (answer.kind === 'err') all.push({ ...operation, refusal: answer.refusal, at });
    }
    return all;
  }

  private add(remembered: Remembered): void {
    const key = operationKey(remembered.operation);
    if (!this.answers.has(key)) this.count(remembered.operation, 1);
    this.answers.set(key, remembered);
  }

  /**
   * Insertion order is age: drops the oldest that are past their time. What several fronts told is out of order among
   * itself; one that stands behind a younger one is only kept a little longer.
   */
  private prune(): void {
    const oldest = this.clock.now() - refusedLimits.keepMs;
    for (const [key, { operation, at }] of this.answers) {
      if (at > oldest) return;
      this.answers.delete(key);
      this.count(operation, -1);
    }
  }

  private count({ id }: Operation, step: 1 | -1): void {
    const left = (this.counts.get(id) ?? 0) + step;
    if (left > 0) this.counts.set(id, left);
    else this.counts.delete(id);
  }
}
