/** Who is connected to this front, and with which sockets. */
import type { Session } from './session.js';
import { SmallSet } from './small-set.js';

const nobody: Iterable<Session> = [];

export class Users {
  private readonly sessions = new Map<string, SmallSet<Session>>();

  get size(): number {
    return this.sessions.size;
  }

  /** As they are now. */
  sessionsOf(user: string): Iterable<Session> {
    return this.sessions.get(user) ?? nobody;
  }

  add(user: string, session: Session): void {
    let sessions = this.sessions.get(user);
    if (sessions === undefined) {
      sessions = new SmallSet();
      this.sessions.set(user, sessions);
    }
    sessions.add(session);
  }

  remove(user: string, session: Session): void {
    const sessions = this.sessions.get(user);
    if (!sessions?.delete(session) || sessions.size > 0) return;
    this.sessions.delete(user);
  }
}
