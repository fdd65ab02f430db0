/** The way to the shards: which one an id belongs to, and whether a message found room there. */
import type { Refusal, ToShard } from '../threads/messages.js';
import type { FrontLimits } from './limits.js';

export interface Placement {
  /** How many shard threads there are. */
  readonly count: number;
  /** The thread index (0 … count − 1) that owns a conversation, a user or any other id. */
  shardOf(id: string): number;
}

/** false: the shard has no credits left for this front (A9). */
export type PostToShard = (shard: number, message: ToShard) => boolean;

export class Shards {
  private readonly placement: Placement;
  private readonly deliver: PostToShard;
  private readonly gone = new Set<number>();
  private readonly full: Refusal;
  private readonly absent: Refusal;

  constructor(placement: Placement, deliver: PostToShard, limits: FrontLimits) {
    this.placement = placement;
    this.deliver = deliver;
    // Refusals made without having looked say nothing about what is stored (L5).
    this.full = { code: 'overloaded', message: 'The server is busy.', retryMs: limits.overloadedRetryMs };
    this.absent = {
      code: 'unavailable',
      message: 'A part of the server is being started again.',
      retryMs: limits.unavailableRetryMs,
    };
  }

  get count(): number {
    return this.placement.count;
  }

  of(id: string): number {
    return this.placement.shardOf(id);
  }

  isGone(shard: number): boolean {
    return this.gone.has(shard);
  }

  /** undefined: it is on its way. Else what to tell whoever asked; nothing was sent. */
  post(shard: number, message: ToShard): Refusal | undefined {
    if (this.gone.has(shard)) return this.absent;
    return this.deliver(shard, message) ? undefined : this.full;
  }

  left(shard: number): void {
    this.gone.add(shard);
  }

  back(shard: number): void {
    this.gone.delete(shard);
  }
}
