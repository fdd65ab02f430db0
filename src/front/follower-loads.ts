/**
 * Finds out which conversations users have who follow all of theirs. In rounds, for several at once: each shard tells
 * this front what stirs, has settled all that came before (an empty batch of its own went through), and then the
 * conversations are read. So whatever is committed is in what was read, or stirs; what stirred meanwhile is kept, and
 * looked at when the round is done.
 */
import { RefusedError } from './calls.js';
import type { Front } from './contract.js';
import type { Follower } from './followers.js';
import type { Shards } from './shards.js';

/** Users of one round: as many questions to the database at once. */
const roundItemsMax = 64;
/** Conversations that stir during a round; of more it is done again. */
const heldItemsMax = 20_000;

export interface FollowerLoadsHost {
  /** Of the front. */
  readonly number: number;
  readonly shards: Shards;
  readonly limits: { readonly followedConversationsMax: number };
  call: Front['call'];
  /** Who follows has these conversations; `held` stirred meanwhile, with the first seq that did. */
  loaded(follower: Follower, convs: readonly string[], held: ReadonlyMap<string, number>): void;
  /** It could not be found out now, by somebody who waits for it. */
  failed(follower: Follower, error: unknown): void;
}

export class FollowerLoads {
  private readonly host: FollowerLoadsHost;
  private readonly queue = new Set<Follower>();
  /** Shards that tell what stirs. */
  private readonly heard = new Set<number>();
  private round: { readonly followers: Set<Follower>; readonly held: Map<string, number> } | undefined;

  constructor(host: FollowerLoadsHost) {
    this.host = host;
  }

  /** What is known of them counts no more until they were read. */
  add(follower: Follower): void {
    follower.isSure = false;
    this.queue.add(follower);
  }

  /** Nobody of theirs is here any more. */
  remove(follower: Follower): void {
    this.queue.delete(follower);
    this.round?.followers.delete(follower);
  }

  shardGone(shard: number): void {
    this.heard.delete(shard);
  }

  /** Nobody follows any more. */
  stop(): void {
    for (const shard of this.heard)
      this.host.shards.post(shard, { kind: 'unfollow', front: this.host.number });
    this.heard.clear();
  }

  /** A conversation went on with this seq. */
  hold(conv: string, first: number): void {
    const held = this.round?.held;
    if (held !== undefined && held.size <= heldItemsMax && !held.has(conv)) held.set(conv, first);
  }

  /** Reads whoever waits, unless a round is under way. */
  async pump(): Promise<void> {
    while (this.round === undefined && this.queue.size > 0) {
      const followers = new Set([...this.queue].slice(0, roundItemsMax));
      for (const follower of followers) this.queue.delete(follower);
      this.round = { followers, held: new Map() };
      for (const follower of followers) follower.moves = new Map();
      const isDone = await this.read(this.round);
      this.round = undefined;
      // What could not be read is tried again with the next sweep.
      if (!isDone) return;
    }
  }

  private async read({ followers, held }: NonNullable<typeof this.round>): Promise<boolean> {
    const { host } = this;
    const limit = host.limits.followedConversationsMax;
    try {
      await this.settleShards();
      const answers = await Promise.all(
        [...followers].map(async (follower) => {
          const { user } = follower;
          const shard = host.shards.of(user);
          return [follower, await host.call(shard, 'conversations.followed', { user, limit })] as const;
        }),
      );
      if (held.size > heldItemsMax) throw new RefusedError(busy);
      for (const [follower, { convs, more }] of answers) {
        // Who was asked about again meanwhile is unsure again.
        if (!followers.has(follower) || this.queue.has(follower)) continue;
        follower.isPartial = more;
        host.loaded(follower, convs, held);
      }
      return true;
    } catch (error) {
      for (const follower of followers) this.again(follower, error);
      return false;
    }
  }

  private again(follower: Follower, error: unknown): void {
    follower.moves = undefined;
    if (follower.waiting.length > 0) this.host.failed(follower, error);
    else this.queue.add(follower);
  }

  /** Whatever was under way in any shard, also in one that died since, is committed or will never be. */
  private async settleShards(): Promise<void> {
    const { shards, number: front } = this.host;
    const all = Array.from({ length: shards.count }, (_, shard) => shard);
    for (const shard of all) {
      if (this.heard.has(shard)) continue;
      const refusal = shards.post(shard, { kind: 'follow', front });
      if (refusal !== undefined) throw new RefusedError(refusal);
      this.heard.add(shard);
    }
    await Promise.all(all.map((shard) => this.host.call(shard, 'probe', null)));
  }
}

const busy = { code: 'overloaded', message: 'Too much is going on.', retryMs: 1_000 } as const;
