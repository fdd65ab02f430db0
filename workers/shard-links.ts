/** The links of a front to its shards. */
import type { Front } from '#src/front/contract.js';
import type { Turns } from '#src/runtime/ports.js';
import { createLink, type Link, type LinkLimits, type LinkPort } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { bytesToShard } from '#src/threads/weights.js';

export class ShardLinks {
  private readonly links = new Map<number, Link<ToShard, ToFront>>();
  private readonly turns: Turns;
  private readonly limits: Partial<LinkLimits>;

  /** `limits`: others than those of link.ts, for tests. */
  constructor(turns: Turns, limits: Partial<LinkLimits> = {}) {
    this.turns = turns;
    this.limits = limits;
  }

  /** false: no credits, or no such shard now; the sender must be told (A9). */
  post(shard: number, message: ToShard): boolean {
    const link = this.links.get(shard);
    if (link === undefined) return false;
    switch (message.kind) {
      // They keep a front and its shards agreed: they wait for room rather than being refused.
      case 'register':
      case 'unregister':
      case 'follow':
      case 'unfollow':
        return link.postOrQueue(message);
      // Bounded where it is remembered, and the shard waits for it.
      case 'recollection':
        link.postAlways(message);
        return true;
      default:
        return link.post(message);
    }
  }

  /** A shard that is new, or was started again under its number: the front tells it first what it has (P7, A10). */
  connect(shard: number, port: LinkPort, front: Front): void {
    this.links.get(shard)?.close();
    const { turns, limits } = this;
    const link = createLink<ToShard, ToFront>({ port, turns, limits, weigh: bytesToShard });
    this.links.set(shard, link);
    link.onMessages((messages) => front.onShardMessages(shard, messages));
    front.shardBack(shard);
  }

  disconnect(shard: number, front: Front): void {
    this.links.get(shard)?.close();
    this.links.delete(shard);
    front.shardGone(shard);
  }
}
