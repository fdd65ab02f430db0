/**
 * Who is there: what fronts and shards say to each other about it. The shard that owns a user's id adds up what every
 * front has of them; fronts hear of those whom their sockets watch. Nothing of it is stored but when one was last seen.
 */

/** What the sockets of a user at one front come to (E1). */
export type DeviceStatus = 'online' | 'away' | 'invisible' | 'gone';

export type SeenStatus = 'online' | 'away' | 'offline';

/** A user as others see them; `lastSeen`: Unix ms, of those who are offline and do not hide it (E6). */
export interface Presence {
  readonly user: string;
  readonly status: SeenStatus;
  readonly lastSeen?: number;
}

/** What a front says, in order; none of it is answered. */
export type PresenceNotice =
  | { kind: 'present'; front: number; users: ReadonlyArray<readonly [user: string, status: DeviceStatus]> }
  /** After a restart: sockets of the front still watch these. It is told what they are. */
  | { kind: 'watch'; front: number; users: readonly string[] }
  | { kind: 'unwatch'; front: number; users: readonly string[] };

/** What is stored of a user whom somebody watches. */
export interface About {
  readonly user: string;
  /** Unix ms */
  readonly lastSeen: number | undefined;
  readonly hidesLastSeen: boolean;
}

const shownTo: ReadonlySet<unknown> = new Set([undefined, null, 'everybody', 'public']);

/** What a user's privacy settings say of `lastSeen`. Nobody here is known as a friend: what is not for all is hidden. */
export function hidesLastSeen(privacy: unknown): boolean {
  const value =
    typeof privacy === 'object' && privacy !== null && 'lastSeen' in privacy ? privacy.lastSeen : null;
  return !shownTo.has(value);
}

/** When users were last seen, and who may know of whom. */
export interface PresenceStore {
  /**
   * What is known of those users of whom `asker` may know; undefined: the store could not say. Without an asker: of
   * all that exist.
   */
  about(
    asker: string | undefined,
    users: readonly string[],
    done: (found: readonly About[] | undefined) => void,
  ): void;
  /** Keeps when users were last seen, Unix ms; never goes back. false: it could not. */
  keep(seen: ReadonlyMap<string, number>, done: (isKept: boolean) => void): void;
}
