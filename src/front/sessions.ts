/**
 * All sessions of this front. Those that are live are found by their user, which is also how they are held: a second
 * set of them would take 30 bytes of every idle socket.
 */
import { type Few, forEachOf, itemsOf, withItem, withoutItem } from './few.js';
import type { Session } from './session.js';

export class Sessions {
  /** Not live yet, or no more. */
  private readonly others = new Set<Session>();
  private readonly live = new Map<string, Few<Session>>();
  private liveCount = 0;

  get size(): number {
    return this.others.size + this.liveCount;
  }

  /** Users with a live session. */
  get users(): number {
    return this.live.size;
  }

  /** With a live session, now. */
  liveUsers(): Iterable<string> {
    return this.live.keys();
  }

  /** The live ones, as they are now. */
  of(user: string): readonly Session[] {
    return itemsOf(this.live.get(user));
  }

  add(session: Session): void {
    this.others.add(session);
  }

  /** It became live. */
  entered(session: Session, user: string): void {
    this.others.delete(session);
    this.live.set(user, withItem(this.live.get(user), session));
    this.liveCount += 1;
  }

  /** It is live no more. */
  left(session: Session, user: string): void {
    const few = withoutItem(this.live.get(user), session);
    if (few === undefined) this.live.delete(user);
    else this.live.set(user, few);
    this.liveCount -= 1;
    this.others.add(session);
  }

  /** Its connection is gone, after it was live. */
  remove(session: Session): void {
    this.others.delete(session);
  }

  /** Visits each at least once; they may enter, leave and go meanwhile. */
  forEach(visit: (session: Session) => void): void {
    for (const session of this.others) visit(session);
    for (const few of this.live.values()) forEachOf(few, visit);
  }

  all(): Session[] {
    const all: Session[] = [];
    this.forEach((session) => {
      all.push(session);
    });
    return all;
  }
}
