/** Who is connected to this front, and with which sockets. Their shard hears of the first and the last one. */
import type { Session } from './session.js';
import type { Shards } from './shards.js';

const nobody: ReadonlySet<Session> = new Set();

export class Users {
  private readonly sessions = new Map<string, Set<Session>>();
  /** Users whose shard had no room when it should have been told. */
  private readonly untold = new Set<string>();
  private readonly shards: Shards;
  private readonly front: number;

  constructor(front: number, shards: Shards) {
    this.front = front;
    this.shards = shards;
  }

  get size(): number {
    return this.sessions.size;
  }

  sessionsOf(user: string): ReadonlySet<Session> {
    return this.sessions.get(user) ?? nobody;
  }

  add(user: string, session: Session): void {
    const sessions = this.sessions.get(user);
    if (sessions !== undefined) {
      sessions.add(session);
      return;
    }
    this.sessions.set(user, new Set([session]));
    this.tell(user);
  }

  remove(user: string, session: Session): void {
    const sessions = this.sessions.get(user);
    if (!sessions?.delete(session) || sessions.size > 0) return;
    this.sessions.delete(user);
    this.tell(user);
  }

  /** Once a sweep: tells what found no room before. */
  sweep(): void {
    for (const user of this.untold) this.tell(user);
  }

  /** A shard that was started again knows nobody. */
  shardBack(shard: number): void {
    for (const user of this.sessions.keys()) if (this.shards.of(user) === shard) this.tell(user);
  }

  /** Says what is true now, so that a late word cannot contradict a newer one. */
  private tell(user: string): void {
    const kind = this.sessions.has(user) ? 'online' : 'offline';
    const shard = this.shards.of(user);
    const refusal = this.shards.post(shard, { kind, front: this.front, user });
    // A shard that is gone has forgotten the user and is told by shardBack.
    if (refusal === undefined || this.shards.isGone(shard)) this.untold.delete(user);
    else this.untold.add(user);
  }
}
