/** What a load sent and what it was told: the clients' side of every check. */
import type { AnswerRecord } from './checker.js';

/** One message a client wants to be stored, over all its attempts. */
export interface Sent {
  readonly id: string;
  readonly conv: string;
  readonly user: string;
  readonly text: string;
  /** Of the first ack. */
  ack: { readonly seq: number; readonly at: number; readonly answeredAt: number } | undefined;
  /** A refusal that is final. */
  refused: string | undefined;
  answers: number;
  /** When an open loop wanted it to be sent; its latency counts from then. */
  readonly dueAt?: number | undefined;
}

/** Times are those of `performance.now()`. */
export class Book {
  readonly sent = new Map<string, Sent>();
  readonly answers: AnswerRecord[] = [];
  /** Every first ack, in the order they came. */
  readonly acks: Array<{ readonly at: number; readonly conv: string; readonly dueAt?: number | undefined }> =
    [];
  /** The highest seq that was acked, by conversation. */
  readonly heads = new Map<string, number>();
  /** Operations without a final answer. */
  readonly open = new Set<Sent>();
  /** Operations that were acked again, and those whose second ack differed from the first. */
  repeated = 0;
  changed = 0;

  opened(operation: Sent): void {
    this.sent.set(operation.id, operation);
    this.open.add(operation);
  }

  acked(operation: Sent, { id = '', seq = 0, at = 0 }: { id?: string; seq?: number; at?: number }): void {
    const { conv, user, text } = operation;
    const answer = { kind: 'ack', id, seq, at } as const;
    this.answers.push({ user, op: 'send', conv, id: operation.id, text, answer });
    operation.answers += 1;
    if (operation.ack === undefined) {
      const answeredAt = performance.now();
      operation.ack = { seq, at, answeredAt };
      this.acks.push({ at: answeredAt, conv, dueAt: operation.dueAt });
      this.heads.set(conv, Math.max(this.heads.get(conv) ?? 0, seq));
      this.open.delete(operation);
      return;
    }
    this.repeated += 1;
    if (operation.ack.seq !== seq || operation.ack.at !== at || id !== operation.id) this.changed += 1;
  }

  refused(operation: Sent, { code, stored }: { code: string; stored?: false }, isFinal: boolean): void {
    const { conv, user, text } = operation;
    this.answers.push({
      user,
      op: 'send',
      conv,
      id: operation.id,
      text,
      answer: { kind: 'err', code, stored },
    });
    operation.answers += 1;
    if (!isFinal) return;
    operation.refused = code;
    this.open.delete(operation);
  }

  /** First acks with from < time ≤ to. */
  ackedBetween(from: number, to: number): number {
    let count = 0;
    for (let index = this.acks.length - 1; index >= 0; index -= 1) {
      const at = this.acks[index]?.at ?? 0;
      if (at <= from) break;
      if (at <= to) count += 1;
    }
    return count;
  }

  /** Milliseconds from the last ack until `now`. */
  ageOfYoungest(now: number): number {
    return now - (this.acks.at(-1)?.at ?? Number.NEGATIVE_INFINITY);
  }

  /** The longest time between two acks of these conversations, from `from` to `to`, in milliseconds. */
  longestSilence(conversations: ReadonlySet<string>, from: number, to: number): number {
    const times = this.acks.filter(({ at, conv }) => at >= from && at <= to && conversations.has(conv));
    const marks = [from, ...times.map(({ at }) => at), to];
    return Math.max(...marks.slice(1).map((at, index) => at - (marks[index] ?? at)));
  }
}
