/**
 * Tells fronts that follow which conversations have moved, and who came or went: one message a batch, whatever is in it,
 * and nothing at all as long as no front follows. A front then asks for the events of those conversations that somebody
 * there follows; so somebody in very many conversations costs no more than those of them that are active.
 *
 * It is told by the writer, which knows every commit also when a conversation crashes. A front whose link has no room
 * is told `unsure` once there is room again, and asks its way from there.
 */
import { membershipChange } from '../memberships.js';
import type { LogEvent } from '../wire/events.js';
import type { Stirred } from './messages.js';
import type { FrontPost } from './publisher.js';
import { bytesToFront, messageBytes } from './weights.js';

interface Follower {
  /** It lacks something, and waits for room to be told so. */
  isLagging: boolean;
  /** The link whose `onCredit` we hear. */
  heard: FrontPost | undefined;
}

export class Stirs {
  private readonly posts: (front: number) => FrontPost | undefined;
  private readonly fronts = new Map<number, Follower>();

  /** `posts`: the link to a front; undefined while there is none. */
  constructor(posts: (front: number) => FrontPost | undefined) {
    this.posts = posts;
  }

  /** false: nobody need be told anything. */
  get isFollowed(): boolean {
    return this.fronts.size > 0;
  }

  follow(front: number): void {
    if (!this.fronts.has(front)) this.fronts.set(front, { isLagging: false, heard: undefined });
  }

  /** It follows no more, or is gone. */
  unfollow(front: number): void {
    this.fronts.delete(front);
  }

  /** Events of one batch; those of a conversation in their order. */
  committed(events: readonly LogEvent[]): void {
    if (this.fronts.size === 0 || events.length === 0) return;
    const message = stirredBy(events);
    const bytes = bytesToFront(message);
    for (const [front, follower] of this.fronts) {
      const link = this.posts(front);
      if (link === undefined || follower.isLagging || link.postOrQueue(message, bytes)) continue;
      follower.isLagging = true;
      this.hearCredit(front, follower, link);
    }
  }

  private hearCredit(front: number, follower: Follower, link: FrontPost): void {
    if (follower.heard === link) return;
    follower.heard = link;
    link.onCredit(() => {
      if (this.fronts.get(front) !== follower || follower.heard !== link || !follower.isLagging) return;
      if (link.postOrQueue({ kind: 'unsure' }, messageBytes)) follower.isLagging = false;
    });
  }
}

function stirredBy(events: readonly LogEvent[]): Stirred {
  const firsts = new Map<string, number>();
  const moves: Array<[conv: string, user: string, isIn: boolean]> = [];
  for (const event of events) {
    const { conv, seq } = event;
    if (!firsts.has(conv)) firsts.set(conv, seq);
    const change = membershipChange(event);
    if (change !== undefined) for (const user of change.users) moves.push([conv, user, change.grants]);
  }
  return { kind: 'stirred', convs: [...firsts.keys()], firsts: [...firsts.values()], moves };
}
