/**
 * What was answered without a trace in the log: refusals that said `stored: false`, and operations that changed
 * nothing. A second copy of the same operation, overtaken on its way by its retry, must get the same answer, or a
 * refused operation could still appear (P7). Lives with the shard, so that a crashed actor does not forget.
 */
import type { Clock } from '#src/runtime/ports.js';
import type { AckResult, Refusal } from '#src/threads/messages.js';

export type Answer = { kind: 'ack'; result: AckResult } | { kind: 'err'; refusal: Refusal };

export const answeredLimits = {
  /** Copies are in flight for seconds at most: a socket's buffers and our own queues. */
  keepMs: 10 * 60 * 1000,
  itemsMax: 50_000,
} as const;

export class Answered {
  private readonly answers = new Map<string, { answer: Answer; at: number }>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  find(user: string, conv: string, id: string): Answer | undefined {
    return this.answers.get(`${user}${conv}${id}`)?.answer;
  }

  /**
   * Remembers the answer. When there is no room, a refusal is returned without `stored`: what cannot be remembered
   * cannot be promised.
   */
  remember(user: string, conv: string, id: string, answer: Answer): Answer {
    this.prune();
    if (this.answers.size >= answeredLimits.itemsMax) {
      if (answer.kind === 'ack') return answer;
      const { stored: _, ...refusal } = answer.refusal;
      return { kind: 'err', refusal };
    }
    this.answers.set(`${user}${conv}${id}`, { answer, at: this.clock.now() });
    return answer;
  }

  /** Insertion order is age: drops the oldest that are past their time. */
  private prune(): void {
    const oldest = this.clock.now() - answeredLimits.keepMs;
    for (const [key, { at }] of this.answers) {
      if (at > oldest) return;
      this.answers.delete(key);
    }
  }
}
