/**
 * Presence of the users whose ids this shard owns. Fronts say what became of their sockets; what that comes to for a
 * user is told, once a second and only when it is another, to the fronts that watch them. Nothing of it outlives the
 * actor: a new one asks the fronts to say everything again (E5). Only when a user was last seen is kept, for many at
 * once (E6).
 */
import type { Actor } from '#src/runtime/actor.js';
import type { DeviceStatus, Presence as Seen, SeenStatus } from '#src/threads/presence.js';
import { Devices, type Standing } from './devices.js';
import type { Asked, PresenceContext, PresenceMessage, PresencePorts } from './ports.js';

/** Between two tellings of the same user, in milliseconds (E4). */
const tellMs = 1_000;
/** How long the end of somebody's presence waits to be kept together with others. */
const keepMs = 5_000;
const keptItemsMax = 5_000;
const told = { itemsMax: 500 } as const;

interface Watched {
  readonly fronts: Set<number>;
  lastSeen: number | undefined;
  hidesLastSeen: boolean;
}

type Message<Kind extends PresenceMessage['kind']> = Extract<PresenceMessage, { kind: Kind }>;

export class Presence implements Actor<PresenceMessage> {
  private readonly context: PresenceContext;
  private readonly ports: PresencePorts;
  private readonly devices = new Devices();
  private readonly watched = new Map<string, Watched>();
  /** Watched users who are not as they were told, each with the fronts that have to hear it. */
  private untold = new Map<string, Set<number>>();
  private isTellDue = false;
  /** Seen for the last time since the last keeping, Unix ms. */
  private seen = new Map<string, number>();
  private isKeepDue = false;

  constructor(context: PresenceContext, ports: PresencePorts) {
    this.context = context;
    this.ports = ports;
    if (context.crashes === 0) return;
    for (const front of ports.fronts()) ports.offer(front, { kind: 'presence lost' });
  }

  receive(message: PresenceMessage): void {
    switch (message.kind) {
      case 'present':
        for (const [user, status] of message.users) this.set(message.front, user, status);
        return;
      case 'watch':
        return this.ask(undefined, { ...message, kind: 'watch' });
      case 'look':
        return this.ask(message.asker, message);
      case 'found':
        return this.onFound(message);
      case 'unwatch':
        for (const user of message.users) this.unwatch(message.front, user);
        return;
      case 'front gone':
        return this.onFrontGone(message.front);
      case 'privacy changed':
        return this.onPrivacy(message);
      case 'tell':
        return this.tell();
      case 'keep':
        return this.keep();
      case 'kept':
        return this.onKept(message);
      case 'end':
        return this.onEnd(message.done);
      default:
        return message satisfies never;
    }
  }

  private set(front: number, user: string, status: DeviceStatus): void {
    const before = this.devices.standing(user);
    this.devices.set(front, user, status);
    const after = this.devices.standing(user);
    if (statusOf(before) === statusOf(after)) return;
    const watched = this.watched.get(user);
    if (statusOf(after) === 'offline') {
      const now = this.ports.clock.now();
      if (watched !== undefined) watched.lastSeen = now;
      this.seen.set(user, now);
      this.keepSoon();
    }
    if (watched !== undefined) this.changed(user, watched);
  }

  private changed(user: string, { fronts }: Watched): void {
    this.untold.set(user, new Set(fronts));
    this.tellSoon();
  }

  private ask(asker: string | undefined, asked: Asked): void {
    this.ports.store.about(asker, asked.users, (found) =>
      this.context.tellSelf({ kind: 'found', asked, found }),
    );
  }

  /** Watched and told in one step: what changes from here on follows the answer on the same link. */
  private onFound({ asked, found }: Message<'found'>): void {
    const { front } = asked;
    const known = new Map(found?.map((about) => [about.user, about]));
    // The store being away hides when users were seen, and not that they are there.
    const isBlind = found === undefined && asked.kind === 'watch';
    if (found === undefined && !isBlind) return asked.kind === 'look' ? asked.done(undefined) : undefined;
    for (const user of asked.users) {
      const about = known.get(user);
      if (front === undefined || (about === undefined && !isBlind)) continue;
      const watched = this.watched.get(user) ?? {
        fronts: new Set(),
        lastSeen: undefined,
        hidesLastSeen: true,
      };
      watched.fronts.add(front);
      if (about !== undefined) {
        watched.hidesLastSeen = about.hidesLastSeen;
        watched.lastSeen = latest(watched.lastSeen, latest(about.lastSeen, this.seen.get(user)));
      }
      this.watched.set(user, watched);
      if (asked.kind === 'watch') this.changed(user, watched);
    }
    if (asked.kind === 'look') asked.done(asked.users.map((user) => this.shown(user, known.get(user))));
  }

  /** Of one whom the asker may not know, or who does not exist: offline, and no more (E3). */
  private shown(
    user: string,
    about: { lastSeen: number | undefined; hidesLastSeen: boolean } | undefined,
  ): Seen {
    if (about === undefined) return { user, status: 'offline' };
    const lastSeen = latest(about.lastSeen, this.seen.get(user));
    return seenAs(user, this.devices.standing(user), { ...about, lastSeen });
  }

  private unwatch(front: number, user: string): void {
    const watched = this.watched.get(user);
    if (watched === undefined) return;
    watched.fronts.delete(front);
    if (watched.fronts.size > 0) return;
    this.watched.delete(user);
    this.untold.delete(user);
  }

  /** Its sockets are gone with it. */
  private onFrontGone(front: number): void {
    for (const user of this.devices.usersOf(front)) this.set(front, user, 'gone');
    this.devices.drop(front);
    for (const user of [...this.watched.keys()]) this.unwatch(front, user);
  }

  private onPrivacy({ user, hidesLastSeen }: Message<'privacy changed'>): void {
    const watched = this.watched.get(user);
    if (watched === undefined || watched.hidesLastSeen === hidesLastSeen) return;
    watched.hidesLastSeen = hidesLastSeen;
    this.changed(user, watched);
  }

  private tellSoon(): void {
    if (this.isTellDue) return;
    this.isTellDue = true;
    this.ports.timers.after(tellMs, () => this.context.tellSelf({ kind: 'tell' }));
  }

  /** A front without room hears it the next time, as it is then. */
  private tell(): void {
    this.isTellDue = false;
    const untold = this.untold;
    this.untold = new Map();
    const byFront = new Map<number, Seen[]>();
    for (const [user, fronts] of untold) {
      const watched = this.watched.get(user);
      if (watched === undefined) continue;
      const presence = seenAs(user, this.devices.standing(user), watched);
      for (const front of fronts) {
        const list = byFront.get(front);
        if (list === undefined) byFront.set(front, [presence]);
        else list.push(presence);
      }
    }
    for (const [front, presences] of byFront) this.tellFront(front, presences);
    if (this.untold.size > 0) this.tellSoon();
  }

  private tellFront(front: number, presences: readonly Seen[]): void {
    for (let start = 0; start < presences.length; start += told.itemsMax) {
      const part = presences.slice(start, start + told.itemsMax);
      if (this.ports.offer(front, { kind: 'presences', presences: part })) continue;
      if (!this.ports.fronts().includes(front)) return;
      for (const { user } of part) {
        const fronts = this.untold.get(user);
        if (fronts === undefined) this.untold.set(user, new Set([front]));
        else fronts.add(front);
      }
    }
  }

  private keepSoon(): void {
    if (this.isKeepDue) return;
    this.isKeepDue = true;
    this.ports.timers.after(keepMs, () => this.context.tellSelf({ kind: 'keep' }));
  }

  private keep(): void {
    const seen = new Map([...this.seen].slice(0, keptItemsMax));
    this.ports.store.keep(seen, (isKept) => this.context.tellSelf({ kind: 'kept', seen, isKept }));
  }

  /** What could not be kept is tried again with what has come since. */
  private onKept({ seen, isKept }: Message<'kept'>): void {
    this.isKeepDue = false;
    if (isKept) for (const [user, at] of seen) if (this.seen.get(user) === at) this.seen.delete(user);
    if (this.seen.size > 0) this.keepSoon();
  }

  private onEnd(done: () => void): void {
    const now = this.ports.clock.now();
    const seen = new Map(this.seen);
    for (const user of this.devices.all())
      if (statusOf(this.devices.standing(user)) !== 'offline') seen.set(user, now);
    if (seen.size === 0) return done();
    this.ports.store.keep(seen, () => done());
  }
}

function statusOf(standing: Standing): SeenStatus {
  return standing === 'hidden' || standing === 'gone' ? 'offline' : standing;
}

function seenAs(user: string, standing: Standing, about: Omit<Watched, 'fronts'>): Seen {
  const status = statusOf(standing);
  const { lastSeen, hidesLastSeen } = about;
  return status === 'offline' && lastSeen !== undefined && !hidesLastSeen
    ? { user, status, lastSeen }
    : { user, status };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}
