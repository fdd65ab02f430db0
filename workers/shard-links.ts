/** The links of a front to its shards. */
import type { MessagePort } from 'node:worker_threads';
import type { Front } from '#src/front/front.js';
import type { Turns } from '#src/runtime/ports.js';
import { createLink, type Link } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { bytesToShard } from '#src/threads/weights.js';

/** Messages that keep a front and its shards agreed: they wait for room rather than being refused. */
const unrefusable = new Set<ToShard['kind']>(['register', 'unregister']);

export class ShardLinks {
  private readonly links = new Map<number, Link<ToShard, ToFront>>();
  private readonly known = new Set<number>();
  private readonly turns: Turns;

  constructor(turns: Turns) {
    this.turns = turns;
  }

  /** false: no credits, or no such shard now; the sender must be told (A9). */
  post(shard: number, message: ToShard): boolean {
    const link = this.links.get(shard);
    if (link === undefined) return false;
    return unrefusable.has(message.kind) ? link.postOrQueue(message) : link.post(message);
  }

  /** A shard that is new, or was started again under its number: then the front tells it what it has (A10). */
  connect(shard: number, port: MessagePort, front: Front): void {
    this.links.get(shard)?.close();
    const link = createLink<ToShard, ToFront>({ port, turns: this.turns, weigh: bytesToShard });
    this.links.set(shard, link);
    link.onMessages((messages) => front.onShardMessages(shard, messages));
    if (this.known.has(shard)) front.shardBack(shard);
    this.known.add(shard);
  }

  disconnect(shard: number, front: Front): void {
    this.links.get(shard)?.close();
    this.links.delete(shard);
    front.shardGone(shard);
  }
}
