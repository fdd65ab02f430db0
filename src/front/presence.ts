/**
 * What this front tells the shards of its users: who is there, and how (E1). What changes is said with a sweep or two of
 * delay, as it is then: who reconnects at once was never away, and who says `invisible` first was never seen. What finds
 * no room is said later; a shard that has forgotten is told everybody (E5).
 */
import type { DeviceStatus } from '../threads/presence.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';

/** How a socket counts. `idle` is found by the sweep: nothing was asked for a while (E2). */
export type SocketStatus = 'online' | 'idle' | 'away' | 'invisible';

/** Users in one message to a shard. */
const toldItemsMax = 500;

export interface PresenceHost {
  readonly number: number;
  readonly shards: Shards;
  sessionsOf(user: string): readonly Session[];
  users(): Iterable<string>;
}

export class UserPresence {
  private readonly host: PresenceHost;
  /** Changed since the last sweep. */
  private fresh = new Set<string>();
  /** To be told with the next sweep. */
  private due = new Set<string>();

  constructor(host: PresenceHost) {
    this.host = host;
  }

  /** A socket of theirs came, went, or counts otherwise. */
  changed(user: string): void {
    this.fresh.add(user);
  }

  /** A shard that knows nothing of this front's users. */
  tellAll(shard: number): void {
    for (const user of this.host.users()) if (this.host.shards.of(user) === shard) this.due.add(user);
  }

  sweep(): void {
    const due = this.due;
    this.due = this.fresh;
    this.fresh = new Set();
    if (due.size === 0) return;
    for (const [shard, users] of byShard(due, this.host.shards)) {
      for (const part of parts(users, toldItemsMax)) {
        const told = part.map((user) => [user, this.statusOf(user)] as const);
        const message = { kind: 'present', front: this.host.number, users: told } as const;
        // A shard that is away is told everybody when it is back.
        if (this.host.shards.post(shard, message) !== undefined && !this.host.shards.isGone(shard))
          for (const user of part) this.due.add(user);
      }
    }
  }

  private statusOf(user: string): DeviceStatus {
    let status: DeviceStatus = 'gone';
    for (const session of this.host.sessionsOf(user)) {
      if (session.status === 'invisible') return 'invisible';
      if (session.status === 'online') status = 'online';
      else if (status === 'gone') status = 'away';
    }
    return status;
  }
}

export function byShard(users: Iterable<string>, shards: Pick<Shards, 'of'>): Map<number, string[]> {
  const grouped = new Map<number, string[]>();
  for (const user of users) {
    const shard = shards.of(user);
    const list = grouped.get(shard);
    if (list === undefined) grouped.set(shard, [user]);
    else list.push(user);
  }
  return grouped;
}

export function parts<Item>(items: readonly Item[], itemsMax: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / itemsMax) }, (_, index) =>
    items.slice(index * itemsMax, (index + 1) * itemsMax),
  );
}
