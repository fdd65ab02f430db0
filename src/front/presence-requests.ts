/** `presence.set`, `presence.watch` and `presence.unwatch` of a socket (E1, E3). */
import type { Refusal } from '../threads/messages.js';
import type { Presence } from '../threads/presence.js';
import { wireLimits } from '../wire/limits.js';
import type { Operation } from '../wire/operations.js';
import { invalid } from './asks.js';
import { byShard } from './presence.js';
import type { Answer, Waiting } from './requests.js';
import type { Session } from './session.js';
import type { Live } from './session-state.js';
import type { Watcher } from './watches.js';

export function performPresence(
  session: Session,
  identity: Live,
  operation: Operation<'presence.set' | 'presence.watch' | 'presence.unwatch'>,
): void {
  switch (operation.op) {
    case 'presence.set':
      session.count(operation.status);
      return session.tell({ ack: operation.ref });
    case 'presence.unwatch':
      session.host.watches.remove(session, operation.users);
      return session.tell({ ack: operation.ref });
    case 'presence.watch':
      return watch(session, identity.user, operation);
  }
}

function watch(session: Session, user: string, { ref, users: named }: Operation<'presence.watch'>): void {
  const users = [...new Set(named)];
  const { host } = session;
  const watcher = host.watches.watcherOf(session);
  const fresh = users.filter((other) => !watcher.users.has(other)).length;
  if (watcher.users.size + watcher.asked + fresh > wireLimits.watchedUsersMax) {
    host.watches.forgetIfIdle(watcher);
    return session.refuse(ref, invalid(`a socket watches at most ${wireLimits.watchedUsersMax} users`));
  }
  new WatchRequest(watcher, ref, users).ask(user);
}

/** One question to each shard that owns some of the users, and one answer when all have said theirs. */
class WatchRequest {
  private readonly watcher: Watcher;
  private readonly ref: number;
  private readonly users: readonly string[];
  private partsLeft = 0;
  private refusal: Refusal | undefined;

  constructor(watcher: Watcher, ref: number, users: readonly string[]) {
    this.watcher = watcher;
    this.ref = ref;
    this.users = users;
  }

  ask(user: string): void {
    const { session } = this.watcher;
    const { host } = session;
    const groups = byShard(this.users, host.shards);
    this.partsLeft = groups.size;
    this.watcher.asked += this.users.length;
    session.requestsOpen += 1;
    host.watches.ask(this.users);
    for (const [shard, users] of groups) {
      const waiting: Waiting = { shard, settle: (answer) => this.onPart(users, answer) };
      const request = host.requests.open(waiting);
      const input = { front: host.number, user, users };
      const refusal = host.shards.post(shard, { kind: 'call', request, service: 'presence.look', input });
      if (refusal === undefined) continue;
      host.requests.forget(request);
      waiting.settle({ kind: 'err', request, ...refusal });
    }
  }

  /** Taken at once: what the shard says of these users next is newer. */
  private onPart(users: readonly string[], answer: Answer): void {
    const { session } = this.watcher;
    const { watches } = session.host;
    if (answer.kind === 'err') this.refusal = answer;
    else if (answer.kind === 'answer' && !session.isClosing)
      for (const presence of answer.output as readonly Presence[]) watches.add(this.watcher, presence);
    watches.asked(users);
    this.partsLeft -= 1;
    if (this.partsLeft === 0) this.end();
  }

  private end(): void {
    const { watcher, users, ref, refusal } = this;
    const { session } = watcher;
    const { watches } = session.host;
    watcher.asked -= users.length;
    session.requestsOpen -= 1;
    if (refusal !== undefined) {
      watches.remove(session, users);
      session.refuse(ref, refusal);
    } else {
      session.tell({ ack: ref });
      for (const user of users) session.tell({ ev: 'presence.update', ...watches.presenceOf(user) });
      watches.told(watcher, users);
    }
    watches.forgetIfIdle(watcher);
  }
}
