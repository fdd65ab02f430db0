/** The actor that knows who is there, wired: there is one in a shard. */
import type { PresenceMessage } from '#actors/presence/ports.js';
import { Presence } from '#actors/presence/presence.js';
import type { ActorKind } from '#src/runtime/actor.js';
import type { PresenceStore } from '#src/threads/presence.js';
import type { ShardCoreOptions } from './shard-core.js';

/** Where nothing is stored: everybody exists, and was never seen. */
const nothingKept: PresenceStore = {
  about: (_asker, users, done) =>
    done(users.map((user) => ({ user, lastSeen: undefined, hidesLastSeen: false }))),
  keep: (_seen, done) => done(true),
};

export function presenceKind(options: ShardCoreOptions): ActorKind<PresenceMessage> {
  const { ports, post, offer, fronts, presenceStore = nothingKept } = options;
  return {
    create: (context) =>
      new Presence(context, {
        ...{ clock: ports.clock, timers: ports.timers, store: presenceStore, fronts },
        offer: (front, message) => {
          if (offer !== undefined) return offer(front, message);
          post(front, message);
          return true;
        },
      }),
    // All it hears is bounded where it comes from: a message a sweep and front, and answers.
    mailboxItemsMax: 1,
    mailboxBytesMax: 1,
    onUndelivered: (message) => {
      if (message.kind === 'look') message.done(undefined);
      if (message.kind === 'end') message.done();
    },
  };
}
