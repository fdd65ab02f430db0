/**
 * Which sockets watch which users, and what they were told (E3, E4). A shard tells what has changed, at most once a
 * second of each user; here it waits for its turn in the socket's budget. What waits is users, not events: when its turn
 * comes, each is told as it is then, so nothing piles up however many come and go.
 */
import type { Presence } from '../threads/presence.js';
import type { Codec } from '../wire/prescan.js';
import type { FrontCounters } from './counters.js';
import { type Few, forEachOf, withItem, withoutItem } from './few.js';
import type { FrontLimits } from './limits.js';
import { byShard, parts } from './presence.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';

/** Between two frames of presence for one socket, in milliseconds. */
const frameMs = 1_000;
/** What a `presence.update` weighs at most, with its place in the frame. */
const updateBytes: Readonly<Record<Codec, number>> = { json: 120, msgpack: 60 };
const noticeItemsMax = 500;

interface Watched {
  presence: Presence;
  watchers: Few<Watcher>;
}

/** A socket that watches anybody. */
export interface Watcher {
  readonly session: Session;
  readonly users: Set<string>;
  /** Asked for, and not answered yet: how often. */
  asked: number;
  /** Not told as they are, those that wait the longest in front. */
  readonly waiting: Set<string>;
  /** Unix ms of the last frame. */
  toldAt: number;
}

export interface WatchesHost {
  readonly number: number;
  readonly shards: Shards;
  readonly limits: FrontLimits;
  readonly counters: FrontCounters;
  readonly clock: { now(): number };
}

export class Watches {
  private readonly host: WatchesHost;
  private readonly watched = new Map<string, Watched>();
  private readonly watchers = new Map<Session, Watcher>();
  /** With something to tell. */
  private readonly due = new Set<Watcher>();
  /** Users asked about, and by how many; the shard may have begun to tell of them. */
  private readonly asking = new Map<string, number>();
  /** The shards still tell of them, and nobody watches. */
  private unwanted = new Set<string>();
  /** A shard has forgotten that they are watched. */
  private forgotten = new Set<string>();

  constructor(host: WatchesHost) {
    this.host = host;
  }

  get size(): number {
    return this.watched.size;
  }

  watcherOf(session: Session): Watcher {
    let watcher = this.watchers.get(session);
    if (watcher === undefined) {
      watcher = {
        ...{ session, users: new Set(), asked: 0, waiting: new Set() },
        toldAt: Number.NEGATIVE_INFINITY,
      };
      this.watchers.set(session, watcher);
    }
    return watcher;
  }

  /** About to ask the shards about these users; `asked` follows. */
  ask(users: readonly string[]): void {
    for (const user of users) this.asking.set(user, (this.asking.get(user) ?? 0) + 1);
  }

  asked(users: readonly string[]): void {
    for (const user of users) {
      const others = (this.asking.get(user) ?? 1) - 1;
      if (others > 0) this.asking.set(user, others);
      else this.asking.delete(user);
      if (others <= 0 && !this.watched.has(user)) this.unwanted.add(user);
    }
  }

  /** What a shard has answered: the watcher hears of the user from now on. */
  add(watcher: Watcher, presence: Presence): void {
    const { user } = presence;
    const watched = this.watched.get(user);
    watcher.users.add(user);
    if (watched === undefined) this.watched.set(user, { presence, watchers: watcher });
    else watched.watchers = withItem(watched.watchers, watcher);
    this.unwanted.delete(user);
  }

  /** How a user was when it was last heard of; one who is not watched looks offline. */
  presenceOf(user: string): Presence {
    return this.watched.get(user)?.presence ?? { user, status: 'offline' };
  }

  /** Told in an answer just now. */
  told(watcher: Watcher, users: readonly string[]): void {
    for (const user of users) watcher.waiting.delete(user);
  }

  /** Without users: all. */
  remove(session: Session, users?: readonly string[]): void {
    const watcher = this.watchers.get(session);
    if (watcher === undefined) return;
    for (const user of users ?? [...watcher.users]) {
      if (!watcher.users.delete(user)) continue;
      watcher.waiting.delete(user);
      this.release(user, watcher);
    }
    this.forgetIfIdle(watcher);
  }

  /** A watcher of nobody, who has asked about nobody. */
  forgetIfIdle(watcher: Watcher): void {
    if (watcher.users.size > 0 || watcher.asked > 0) return;
    this.watchers.delete(watcher.session);
    this.due.delete(watcher);
  }

  onPresences(presences: readonly Presence[]): void {
    for (const presence of presences) {
      const { user } = presence;
      const watched = this.watched.get(user);
      if (watched === undefined) {
        if (!this.asking.has(user)) this.unwanted.add(user);
        continue;
      }
      if (isSame(watched.presence, presence)) continue;
      watched.presence = presence;
      forEachOf(watched.watchers, (watcher) => {
        watcher.waiting.add(user);
        this.due.add(watcher);
      });
    }
  }

  /** One has blocked the other: those of `from` who watch the user are told once more, and then nothing. */
  hide(user: string, from: readonly Session[]): void {
    for (const session of from) {
      const watcher = this.watchers.get(session);
      if (watcher?.users.has(user) !== true) continue;
      this.remove(session, [user]);
      session.tell({ ev: 'presence.update', user, status: 'offline' });
    }
  }

  /** A shard that knows nothing of what this front's sockets watch. */
  tellAll(shard: number): void {
    for (const user of this.watched.keys()) if (this.host.shards.of(user) === shard) this.forgotten.add(user);
  }

  sweep(): void {
    if (this.forgotten.size > 0) this.forgotten = this.post('watch', this.forgotten);
    if (this.unwanted.size > 0) {
      const unwanted = [...this.unwanted].filter((user) => !this.watched.has(user) && !this.asking.has(user));
      this.unwanted = this.post('unwatch', unwanted);
    }
    const now = this.host.clock.now();
    for (const watcher of this.due) this.tell(watcher, now);
  }

  /** Who is behind in reading waits: that is the first rung of the ladder (W15). */
  private tell(watcher: Watcher, now: number): void {
    const { session, waiting } = watcher;
    if (session.isBehind || now - watcher.toldAt < frameMs) return;
    const { limits, counters } = this.host;
    const updatesMax = Math.floor(limits.ephemeralBytesPerSecond / 2 / updateBytes[session.codec]);
    let left = Math.max(1, updatesMax);
    for (const user of waiting) {
      if (left === 0) break;
      left -= 1;
      waiting.delete(user);
      counters.presencesTold += 1;
      session.tell({ ev: 'presence.update', ...this.presenceOf(user) });
    }
    watcher.toldAt = now;
    if (waiting.size === 0) this.due.delete(watcher);
  }

  /** What found no room. */
  private post(kind: 'watch' | 'unwatch', users: Iterable<string>): Set<string> {
    const left = new Set<string>();
    const { shards, number: front } = this.host;
    for (const [shard, all] of byShard(users, shards)) {
      for (const part of parts(all, noticeItemsMax)) {
        const refusal = shards.post(shard, { kind, front, users: part });
        if (refusal !== undefined && !shards.isGone(shard)) for (const user of part) left.add(user);
      }
    }
    return left;
  }

  private release(user: string, watcher: Watcher): void {
    const watched = this.watched.get(user);
    if (watched === undefined) return;
    watched.watchers = withoutItem(watched.watchers, watcher);
    if (watched.watchers !== undefined) return;
    this.watched.delete(user);
    this.unwanted.add(user);
  }
}

function isSame(one: Presence, other: Presence): boolean {
  return one.status === other.status && one.lastSeen === other.lastSeen;
}
