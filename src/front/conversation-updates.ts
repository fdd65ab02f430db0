/**
 * Tells sockets that follow without hearing the events what has changed for them: `conversation.update`, as `sync` would
 * tell it. What waits are conversations, each once, so that nothing piles up however much is said: at most one frame a
 * second for a socket, and at most so many questions to the database for all of them; under more, each waits longer.
 */
import type { Front } from './contract.js';
import type { FrontCounters } from './counters.js';
import type { FollowingSession } from './followers.js';
import { parts } from './presence.js';
import type { Shards } from './shards.js';

/** Between two frames for one socket, in milliseconds. */
const frameMs = 1_000;
/** Conversations in one frame. */
const frameItemsMax = 64;
/** Asked about in one sweep, for all sockets together: some 50 µs of the database each. */
const sweepItemsMax = 1_000;
/** Asked in one call. */
const callItemsMax = 250;
/** Of one socket; of more it is told to sync. */
const dueItemsMax = 1_000;

export interface UpdatesHost {
  readonly shards: Shards;
  readonly counters: FrontCounters;
  call: Front['call'];
}

type Pair = readonly [each: FollowingSession, conv: string];

export class ConversationUpdates {
  private readonly host: UpdatesHost;
  private readonly due = new Set<FollowingSession>();
  private isAsking = false;

  constructor(host: UpdatesHost) {
    this.host = host;
  }

  /** The conversation has changed for this socket. */
  add(each: FollowingSession, conv: string): void {
    each.due.add(conv);
    this.due.add(each);
    if (each.due.size <= dueItemsMax) return;
    each.due.clear();
    each.mustSync = true;
  }

  /** Something may have changed without a word. */
  mustSync(each: FollowingSession): void {
    each.mustSync = true;
    this.due.add(each);
  }

  /** It follows no more. */
  remove(each: FollowingSession): void {
    this.due.delete(each);
  }

  /** Who is behind in reading waits: that is the first rung of the ladder (W15). */
  sweep(now: number): void {
    for (const each of this.due) {
      if (!each.mustSync || each.session.isBehind) continue;
      each.mustSync = false;
      each.session.tell({ ev: 'resync', at: now });
    }
    if (this.isAsking) return;
    const pairs = this.take(now);
    if (pairs.length > 0) void this.ask(pairs);
  }

  /** Those whose turn it is; whoever is told goes to the end, so that the others have theirs. */
  private take(now: number): Pair[] {
    const pairs: Pair[] = [];
    for (const each of this.due) {
      if (pairs.length >= sweepItemsMax) break;
      if (each.due.size === 0 && !each.mustSync) this.due.delete(each);
      if (each.due.size === 0 || each.session.isBehind || now - each.toldAt < frameMs) continue;
      each.toldAt = now;
      this.due.delete(each);
      this.due.add(each);
      let left = Math.min(frameItemsMax, sweepItemsMax - pairs.length);
      for (const conv of each.due) {
        if (left === 0) break;
        left -= 1;
        each.due.delete(conv);
        pairs.push([each, conv]);
      }
    }
    return pairs;
  }

  private async ask(pairs: readonly Pair[]): Promise<void> {
    this.isAsking = true;
    try {
      const { shards } = this.host;
      const all = Array.from({ length: shards.count }, (_, shard) => shard);
      await Promise.all(all.map((shard) => this.host.call(shard, 'heads.flush', null)));
      for (const part of parts(pairs, callItemsMax)) await this.tell(part);
    } catch {
      // A shard is away, or the database: they stay due.
      for (const [each, conv] of pairs) if (each.follower.has(each)) this.add(each, conv);
    } finally {
      this.isAsking = false;
    }
  }

  private async tell(pairs: readonly Pair[]): Promise<void> {
    const [first] = pairs;
    if (first === undefined) return;
    const users = pairs.map(([{ follower }]) => follower.user);
    const convs = pairs.map(([, conv]) => conv);
    const shard = this.host.shards.of(first[0].follower.user);
    const answers = await this.host.call(shard, 'conversations.standing', { users, convs });
    answers.forEach((standing, place) => {
      const each = pairs[place]?.[0];
      if (standing === null || each === undefined || !each.follower.has(each)) return;
      // They went while it was read, and were told so: nothing from before comes after that (G7).
      if (standing.standing === 'member' && !each.follower.convs.has(standing.conv)) return;
      this.host.counters.updatesTold += 1;
      each.session.tell({ ev: 'conversation.update', ...standing });
    });
  }
}
