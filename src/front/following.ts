/**
 * Sockets that follow all conversations of their users (W20, W21). Nothing is subscribed in advance: shards tell which
 * conversations stir, and the front then asks for the events of those that somebody here follows, beginning with the one
 * that stirred it. After a minute of silence it lets go of them again. So it costs what is active, not what there is.
 *
 * Who has which conversations is read once (follower-loads.ts) and moves with what the shards tell of who came and went:
 * in the order of commits, before the events themselves. What hears events is a member of a Topic like any other
 * subscriber, with the same gaps, evictions and ladder for slow readers; whoever cannot take part now (behind, too many
 * topics, not sure, or quiet) is told by `conversation.update` instead. Nothing goes by without one of the two.
 */
import { NuboError } from '../errors.js';
import type { Stirred } from '../threads/messages.js';
import { wireLimits } from '../wire/limits.js';
import type { Front } from './contract.js';
import { ConversationUpdates } from './conversation-updates.js';
import type { FrontCounters } from './counters.js';
import { forEachOf, hasItem, itemsOf, withItem, withoutItem } from './few.js';
import { FollowerLoads } from './follower-loads.js';
import {
  type Followed,
  FollowedConversations,
  Follower,
  type FollowingSession,
  forEachSession,
} from './followers.js';
import type { FrontLimits } from './limits.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';
import type { Topic } from './topic.js';
import type { Topics } from './topics.js';

export interface FollowingHost {
  /** Of the front. */
  readonly number: number;
  readonly shards: Shards;
  readonly topics: Topics;
  readonly counters: FrontCounters;
  readonly limits: FrontLimits;
  readonly clock: { now(): number };
  call: Front['call'];
}

export class Following {
  private readonly host: FollowingHost;
  private readonly followers = new Map<string, Follower>();
  private readonly sessions = new Map<Session, FollowingSession>();
  private readonly conversations = new FollowedConversations();
  /** Those whose events are heard. */
  private readonly open = new Set<string>();
  private due: Followed[] = [];
  private readonly loads: FollowerLoads;
  private readonly updates: ConversationUpdates;
  private restedAt: number;

  constructor(host: FollowingHost) {
    this.host = host;
    const { number, shards, limits } = host;
    this.loads = new FollowerLoads({
      ...{ number, shards, limits },
      call: (...asked) => host.call(...asked),
      loaded: (follower, convs, held) => this.onLoaded(follower, convs, held),
      failed: (follower, error) => this.onFailed(follower, error),
    });
    this.updates = new ConversationUpdates(host);
    this.restedAt = host.clock.now();
  }

  /** Users who follow, and conversations that are followed. */
  get size(): { readonly users: number; readonly conversations: number } {
    return { users: this.followers.size, conversations: this.conversations.size };
  }

  /** Are there more conversations of theirs than are followed? */
  isPartial(user: string): boolean {
    return this.followers.get(user)?.isPartial ?? false;
  }

  /** From when it resolves, whatever stirs reaches the socket. Rejects with a NuboError, and then nothing does. */
  follow(session: Session, user: string, isQuiet: boolean): Promise<void> {
    let follower = this.followers.get(user);
    if (follower === undefined) {
      follower = new Follower(user);
      this.followers.set(user, follower);
      this.loads.add(follower);
    }
    const known = this.sessions.get(session);
    if (known === undefined) {
      const each: FollowingSession = {
        ...{ session, follower, isQuiet, topics: undefined, due: new Set<string>(), mustSync: false },
        toldAt: Number.NEGATIVE_INFINITY,
      };
      this.sessions.set(session, each);
      follower.sessions = withItem(follower.sessions, each);
    } else {
      known.isQuiet = isQuiet;
      if (isQuiet) this.rest(known);
    }
    this.conversations.reopen(follower);
    if (follower.isSure) return Promise.resolve();
    const { waiting } = follower;
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      void this.loads.pump();
    });
  }

  /** The socket follows no more, or is gone. */
  remove(session: Session): void {
    const each = this.sessions.get(session);
    if (each === undefined) return;
    this.sessions.delete(session);
    this.updates.remove(each);
    this.rest(each);
    const { follower } = each;
    follower.sessions = withoutItem(follower.sessions, each);
    if (follower.sessions === undefined) this.forget(follower);
  }

  private forget(follower: Follower): void {
    this.followers.delete(follower.user);
    this.loads.remove(follower);
    for (const conv of [...follower.convs]) this.conversations.remove(follower, conv);
    for (const { reject } of follower.waiting.splice(0))
      reject(new NuboError('unavailable', 'It was unsubscribed before it was answered.', { retryMs: 0 }));
    if (this.followers.size > 0) return;
    this.loads.stop();
    this.open.clear();
    this.due = [];
  }

  /** It leaves what it hears only because it follows. */
  private rest(each: FollowingSession): void {
    for (const topic of itemsOf(each.topics)) each.session.leave(topic);
    each.topics = undefined;
  }

  /** The client has subscribed to it by name: it stays when it is silent. */
  claim(session: Session, topic: Topic): void {
    const each = this.sessions.get(session);
    if (each !== undefined) each.topics = withoutItem(each.topics, topic);
  }

  /** The client has unsubscribed; true: it goes on hearing it, since it follows. */
  keeps(session: Session, topic: Topic): boolean {
    const each = this.sessions.get(session);
    if (each === undefined || !each.follower.convs.has(topic.conv)) return false;
    if (!session.hasTopic(topic)) return true;
    if (each.isQuiet) {
      // From now on it is told otherwise what stirs; what is on its way it will not hear.
      const followed = this.conversations.get(topic.conv);
      if (followed !== undefined) followed.isOpen = false;
      this.updates.add(each, topic.conv);
      return false;
    }
    each.topics = withItem(each.topics, topic);
    return true;
  }

  onStirred({ convs, firsts, moves }: Stirred): void {
    for (const [conv, user, isIn] of moves) this.onMove(conv, user, isIn);
    const now = this.host.clock.now();
    convs.forEach((conv, place) => {
      const first = firsts[place] ?? 1;
      this.loads.hold(conv, first);
      const followed = this.conversations.get(conv);
      if (followed !== undefined) this.stir(followed, first, now);
    });
  }

  private onMove(conv: string, user: string, isIn: boolean): void {
    const follower = this.followers.get(user);
    if (follower === undefined) return;
    follower.moves?.set(conv, isIn);
    const wasIn = follower.convs.has(conv);
    if (isIn) this.conversations.add(follower, conv);
    else this.conversations.remove(follower, conv);
    if (isIn || wasIn) this.tellOf(follower, conv);
  }

  private tellOf(follower: Follower, conv: string): void {
    forEachOf(follower.sessions, (each) => this.updates.add(each, conv));
  }

  private stir(followed: Followed, first: number, now: number): void {
    followed.stirredAt = now;
    if (!followed.isOpen) this.openTo(followed, first - 1);
    if (!followed.hasOthers || followed.isDue) return;
    followed.isDue = true;
    this.due.push(followed);
  }

  /** Whoever follows it and can hears what comes after `have`, or after what the others have heard. */
  private openTo(followed: Followed, have: number): void {
    const { topics } = this.host;
    const { conv } = followed;
    const joining: FollowingSession[] = [];
    const topic = topics.get(conv);
    followed.hasOthers = false;
    forEachSession(followed, (each) => {
      if (topic !== undefined && each.session.hasTopic(topic)) return;
      if (mayJoin(each)) joining.push(each);
      else followed.hasOthers = true;
    });
    followed.isOpen = true;
    if (joining.length === 0) return;
    this.open.add(conv);
    const joined = topics.follow(
      conv,
      have,
      joining.map(({ session }) => session),
    );
    for (const each of joining) each.topics = withItem(each.topics, joined);
  }

  /** The user was shown the door, and may have come back since: of that, shards have told already. */
  onEvicted(topic: Topic, user: string): void {
    const { conv } = topic;
    const follower = this.followers.get(user);
    if (follower === undefined) return;
    const followed = follower.convs.has(conv) ? this.conversations.get(conv) : undefined;
    if (followed !== undefined) followed.isOpen = false;
    let heard = followed !== undefined;
    forEachOf(follower.sessions, (each) => {
      if (!hasItem(each.topics, topic)) return;
      each.topics = withoutItem(each.topics, topic);
      heard = true;
    });
    if (heard) this.tellOf(follower, conv);
  }

  /** The event by which the user came was just published; the topic may have ended with their going. */
  onCame(conv: string, user: string, seq: number): void {
    const followed = this.conversations.get(conv);
    if (followed !== undefined && this.followers.get(user)?.convs.has(conv) === true)
      this.openTo(followed, seq);
  }

  private onLoaded(follower: Follower, convs: readonly string[], held: ReadonlyMap<string, number>): void {
    const now = new Set(convs);
    for (const [conv, isIn] of follower.moves ?? []) {
      if (isIn) now.add(conv);
      else now.delete(conv);
    }
    follower.moves = undefined;
    for (const conv of [...follower.convs]) if (!now.has(conv)) this.conversations.remove(follower, conv);
    for (const conv of now) this.conversations.add(follower, conv);
    follower.isSure = true;
    const at = this.host.clock.now();
    for (const [conv, first] of held) {
      const followed = follower.convs.has(conv) ? this.conversations.get(conv) : undefined;
      if (followed !== undefined) this.stir(followed, first, at);
    }
    if (follower.wasSure) forEachOf(follower.sessions, (each) => this.updates.mustSync(each));
    follower.wasSure = true;
    for (const { resolve } of follower.waiting.splice(0)) resolve();
  }

  private onFailed(follower: Follower, error: unknown): void {
    const waiting = follower.waiting.splice(0);
    if (follower.wasSure) this.loads.add(follower);
    else for (const each of itemsOf(follower.sessions)) this.remove(each.session);
    for (const { reject } of waiting) reject(error);
  }

  /** What shards have told may have a hole. */
  onUnsure(): void {
    for (const follower of this.followers.values()) this.loads.add(follower);
    void this.loads.pump();
  }

  shardGone(shard: number): void {
    this.loads.shardGone(shard);
  }

  /** It does not know that this front follows, and what it did before it died was perhaps not told. */
  shardBack(shard: number): void {
    this.loads.shardGone(shard);
    if (this.followers.size > 0) this.onUnsure();
  }

  sweep(): void {
    if (this.followers.size === 0) return;
    const now = this.host.clock.now();
    const due = this.due;
    this.due = [];
    for (const followed of due) {
      followed.isDue = false;
      // Who can take part again does so with the next event.
      followed.isOpen = false;
      const topic = this.host.topics.get(followed.conv);
      forEachSession(followed, (each) => {
        if (topic === undefined || !each.session.hasTopic(topic)) this.updates.add(each, followed.conv);
      });
    }
    this.updates.sweep(now);
    void this.loads.pump();
    if (now - this.restedAt < restEveryMs) return;
    this.restedAt = now;
    this.letGo(now);
  }

  /** Of conversations that have been silent for a while. */
  private letGo(now: number): void {
    for (const conv of this.open) {
      const followed = this.conversations.get(conv);
      if (followed !== undefined && now - followed.stirredAt < silentMs) continue;
      this.open.delete(conv);
      if (followed === undefined) continue;
      followed.isOpen = false;
      const topic = this.host.topics.get(conv);
      if (topic === undefined) continue;
      forEachSession(followed, (each) => {
        if (!hasItem(each.topics, topic)) return;
        each.topics = withoutItem(each.topics, topic);
        each.session.leave(topic);
      });
    }
  }
}

/** A conversation whose last event is so long ago is let go of, in milliseconds. */
const silentMs = 60_000;
const restEveryMs = 5_000;

function mayJoin({ session, follower, isQuiet }: FollowingSession): boolean {
  return !isQuiet && follower.isSure && !session.isBehind && session.topicsAsked < wireLimits.socketTopicsMax;
}
