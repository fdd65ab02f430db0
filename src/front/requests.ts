/** The requests a front has sent to shards and not seen answered. Each is settled exactly once (W7, P7). */
import type { Acks, ToFront } from '../threads/messages.js';

/** The answers a request can have. */
export type Answer = Extract<ToFront, { request: number }>;

export interface OperationId {
  readonly id: string;
  readonly conv: string;
}

/** Whoever waits: a socket's operation, a REST request, a check of the front itself. */
export interface Waiting {
  /** The thread index of the shard that was asked. */
  readonly shard: number;
  /** Of a durable operation: which one it is. Its ack does not say. */
  readonly operation?: OperationId | undefined;
  settle(answer: Answer): void;
}

export class Requests {
  private readonly waiting = new Map<number, Waiting>();
  private readonly front: number;
  private readonly retryMs: number;
  private counter: number;

  /**
   * `front` is 0 to 255; `retryMs` is what clients are told to wait when a shard is gone; `random` is a draw of
   * 0 ≤ x < 1. Numbers begin anywhere: a shard may still answer what a front of the same number asked before it
   * died, and its successor must not take that for an answer to one of its own requests.
   */
  constructor(front: number, retryMs: number, random: number) {
    this.front = front;
    this.retryMs = retryMs;
    this.counter = Math.floor(random * 2 ** 44);
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Remembers who waits; returns the request's number. */
  open(waiting: Waiting): number {
    this.counter += 1;
    const request = this.counter * 256 + this.front;
    this.waiting.set(request, waiting);
    return request;
  }

  /** The request was not sent after all, or nobody waits any more. */
  forget(request: number): void {
    this.waiting.delete(request);
  }

  /** Hands the answer to whoever waits for it. An answer nobody waits for is dropped. */
  settle(answer: Answer): void {
    const waiting = this.waiting.get(answer.request);
    if (waiting === undefined) return;
    this.waiting.delete(answer.request);
    waiting.settle(answer);
  }

  /** Hands each of many acks to whoever waits for it. */
  settleAll({ at, requests, seqs }: Acks): void {
    requests.forEach((request, place) => {
      const waiting = this.waiting.get(request);
      if (waiting === undefined) return;
      this.waiting.delete(request);
      const { operation } = waiting;
      waiting.settle({
        kind: 'ack',
        request,
        id: operation?.id,
        seq: seqs[place],
        at,
        conv: operation?.conv,
      });
    });
  }

  /** Whether the shard had stored what it was asked is unknown: no `stored`, and a retry will tell (P6, P7). */
  shardGone(shard: number): void {
    for (const [request, waiting] of this.waiting) {
      if (waiting.shard !== shard) continue;
      this.waiting.delete(request);
      waiting.settle({
        kind: 'err',
        request,
        code: 'unavailable',
        message: 'A part of the server is being started again; the outcome is unknown.',
        retryMs: this.retryMs,
      });
    }
  }
}
