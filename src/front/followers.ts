/** What a front keeps of users who follow all their conversations. Changed by Following and FollowerLoads only. */
import { type Few, forEachOf, hasItem, withItem, withoutItem } from './few.js';
import type { Session } from './session.js';
import type { Topic } from './topic.js';

/** A socket that follows. */
export interface FollowingSession {
  readonly session: Session;
  readonly follower: Follower;
  /** It wants no events, only to hear that there are some. */
  isQuiet: boolean;
  /** Those it hears only because it follows. */
  topics: Few<Topic>;
  /** Conversations that have changed without its hearing their events. */
  readonly due: Set<string>;
  /** Unix ms of the last frame of `conversation.update`. */
  toldAt: number;
  /** It must be told that something may have changed without a word. */
  mustSync: boolean;
}

/** A user with at least one of them. */
export class Follower {
  readonly user: string;
  readonly convs = new Set<string>();
  sessions: Few<FollowingSession>;
  /** `convs` are those of the user: nobody joins anything before. */
  isSure = false;
  /** It was sure once: its sockets were told something that may have an end in between. */
  wasSure = false;
  /** There are more conversations than are followed. */
  isPartial = false;
  /** Who waits until it is sure. */
  waiting: Array<{ resolve(): void; reject(error: unknown): void }> = [];
  /** Conversations they came to (true) or lost while being read. */
  moves: Map<string, boolean> | undefined;

  constructor(user: string) {
    this.user = user;
  }

  has(each: FollowingSession): boolean {
    return hasItem(this.sessions, each);
  }
}

/** A conversation that somebody here follows. */
export interface Followed {
  readonly conv: string;
  followers: Few<Follower>;
  /** Every socket that follows hears it, or was found not to: until something changes, an event needs no look. */
  isOpen: boolean;
  /** Some do not hear its events. */
  hasOthers: boolean;
  /** Those will be told that it has changed. */
  isDue: boolean;
  /** Unix ms of its last event. */
  stirredAt: number;
}

/** Who follows which conversation. */
export class FollowedConversations {
  private readonly byConversation = new Map<string, Followed>();

  get size(): number {
    return this.byConversation.size;
  }

  get(conv: string): Followed | undefined {
    return this.byConversation.get(conv);
  }

  add(follower: Follower, conv: string): Followed {
    follower.convs.add(conv);
    let followed = this.byConversation.get(conv);
    if (followed === undefined) {
      followed = {
        ...{ conv, followers: undefined, isOpen: false, hasOthers: false, isDue: false },
        stirredAt: 0,
      };
      this.byConversation.set(conv, followed);
    }
    followed.followers = withItem(followed.followers, follower);
    followed.isOpen = false;
    return followed;
  }

  remove(follower: Follower, conv: string): void {
    const followed = this.byConversation.get(conv);
    if (!follower.convs.delete(conv) || followed === undefined) return;
    followed.followers = withoutItem(followed.followers, follower);
    if (followed.followers === undefined) this.byConversation.delete(conv);
  }

  /** Somebody's sockets are other ones, or hear otherwise: the next event looks at each. */
  reopen(follower: Follower): void {
    for (const conv of follower.convs) {
      const followed = this.byConversation.get(conv);
      if (followed !== undefined) followed.isOpen = false;
    }
  }
}

/** Visits the sockets of all who follow it. */
export function forEachSession(followed: Followed, visit: (each: FollowingSession) => void): void {
  forEachOf(followed.followers, ({ sessions }) => forEachOf(sessions, visit));
}
