/** Who is connected to this front, and with which sockets. */
import type { Session } from './session.js';

const nobody: ReadonlySet<Session> = new Set();

export class Users {
  private readonly sessions = new Map<string, Set<Session>>();

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
  }

  remove(user: string, session: Session): void {
    const sessions = this.sessions.get(user);
    if (!sessions?.delete(session) || sessions.size > 0) return;
    this.sessions.delete(user);
  }
}
