/** What the application has said of presence, said again on each new connection: the server forgets it with the old one. */
import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import type { Asked, Outbox } from './outbox.js';

export type OwnStatus = Extract<Operation, { op: 'presence.set' }>['status'];

export class PresenceWishes {
  private readonly outbox: Outbox;
  private status: OwnStatus = 'online';
  private readonly users = new Set<string>();

  constructor(outbox: Outbox) {
    this.outbox = outbox;
  }

  /** Before anything else is asked: who is invisible is not to be seen first. */
  onLive(): void {
    if (this.status !== 'online') this.say({ op: 'presence.set', status: this.status });
    if (this.users.size > 0) this.say({ op: 'presence.watch', users: [...this.users] });
  }

  set(status: OwnStatus): Promise<void> {
    this.status = status;
    return this.ask({ op: 'presence.set', status });
  }

  watch(users: readonly string[]): Promise<void> {
    for (const user of users) if (this.users.size < wireLimits.watchedUsersMax) this.users.add(user);
    return this.ask({ op: 'presence.watch', users: [...users] });
  }

  unwatch(users?: readonly string[]): Promise<void> {
    for (const user of users ?? [...this.users]) this.users.delete(user);
    return this.ask({ op: 'presence.unwatch', ...(users === undefined ? {} : { users: [...users] }) });
  }

  /** Nobody waits for it: what is lost with the connection is said again on the next. */
  private say(asked: Asked): void {
    this.outbox.ask(asked, { acked: () => {}, failed: () => {} }, { survives: false });
  }

  private ask(asked: Asked): Promise<void> {
    return new Promise((resolve, reject) => {
      this.outbox.ask(asked, { acked: () => resolve(), failed: reject });
    });
  }
}
