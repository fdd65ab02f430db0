/** What presence needs of its shard. */
import type { ActorContext } from '#src/runtime/actor.js';
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import type { About, Presence, PresenceNotice, PresenceStore } from '#src/threads/presence.js';

export interface PresencePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: PresenceStore;
  fronts(): readonly number[];
  /** false: no room on its link. */
  offer(front: number, message: ToFront): boolean;
}

export type PresenceMessage =
  | PresenceNotice
  /** `front` watches those of the users of whom the asker may know, from now on; `done`: how they are, now. */
  | {
      kind: 'look';
      front: number | undefined;
      asker: string;
      users: readonly string[];
      done: (presences: readonly Presence[] | undefined) => void;
    }
  | { kind: 'found'; asked: Asked; found: readonly About[] | undefined }
  | { kind: 'front gone'; front: number }
  | { kind: 'privacy changed'; user: string; hidesLastSeen: boolean }
  | { kind: 'tell' }
  | { kind: 'keep' }
  | { kind: 'kept'; seen: ReadonlyMap<string, number>; isKept: boolean }
  /** Keep when everybody who is there was last seen: now. */
  | { kind: 'end'; done: () => void };

/** Who waits for what the store knows. */
export type Asked =
  | { readonly kind: 'watch'; readonly front: number; readonly users: readonly string[] }
  | Extract<PresenceMessage, { kind: 'look' }>;

export type PresenceContext = ActorContext<PresenceMessage>;
