/** Which users are at which front, and what that comes to (E1). */
import type { DeviceStatus } from '#src/threads/presence.js';

/** `hidden`: somebody is there, and does not want to be seen. */
export type Standing = 'online' | 'away' | 'hidden' | 'gone';

export class Devices {
  private readonly fronts = new Map<number, Map<string, DeviceStatus>>();

  set(front: number, user: string, status: DeviceStatus): void {
    if (status === 'gone') this.fronts.get(front)?.delete(user);
    else this.at(front).set(user, status);
  }

  /** Invisible anywhere hides them everywhere; else they are as present as where they are most present. */
  standing(user: string): Standing {
    let standing: Standing = 'gone';
    for (const users of this.fronts.values()) {
      const status = users.get(user);
      if (status === 'invisible') return 'hidden';
      if (status === 'online' || (status === 'away' && standing === 'gone')) standing = status;
    }
    return standing;
  }

  /** Forgets the front; those who were there. */
  drop(front: number): string[] {
    const users = [...(this.fronts.get(front)?.keys() ?? [])];
    this.fronts.delete(front);
    return users;
  }

  usersOf(front: number): string[] {
    return [...(this.fronts.get(front)?.keys() ?? [])];
  }

  all(): Set<string> {
    return new Set([...this.fronts.values()].flatMap((users) => [...users.keys()]));
  }

  private at(front: number): Map<string, DeviceStatus> {
    let users = this.fronts.get(front);
    if (users === undefined) {
      users = new Map();
      this.fronts.set(front, users);
    }
    return users;
  }
}
