/** A front without network, the actor that knows who is there, and what it keeps: all on one clock the test moves. */
import type { PresenceMessage } from '#actors/presence/ports.js';
import { Presence } from '#actors/presence/presence.js';
import type { FrontLimits } from '#src/front/limits.js';
import type { ToFront } from '#src/threads/messages.js';
import type { About, PresenceStore } from '#src/threads/presence.js';
import type { ServerMessage } from '#src/wire/events.js';
import { type FakeClient, FrontHarness } from './front-harness.js';

const frontNumber = 3;

export class PresenceWorld {
  readonly harness: FrontHarness;
  /** What is kept of users; those who are not named exist and were never seen. */
  readonly kept = new Map<string, Partial<About>>();
  /** Who does not exist, or of whom nobody may know. */
  readonly unknown = new Set<string>();
  isStoreAway = false;
  /** The link to the front is full. */
  isFull = false;
  actor: Presence;
  private crashes = 0;

  constructor(limits: Partial<FrontLimits> = {}) {
    this.harness = new FrontHarness({ limits });
    this.actor = this.start();
  }

  /** The front, and the actor, hear what the other one says until nobody says anything. */
  exchange(): void {
    for (
      let posted = this.harness.takeAllPosted();
      posted.length > 0;
      posted = this.harness.takeAllPosted()
    ) {
      for (const message of posted) {
        if (message.kind === 'present' || message.kind === 'watch' || message.kind === 'unwatch')
          this.actor.receive(message);
        if (message.kind !== 'call') continue;
        const { request } = message;
        const input = message.input as { front: number; user: string; users: string[] };
        this.actor.receive({
          ...{ kind: 'look', front: input.front, asker: input.user, users: input.users },
          done: (output) => {
            if (output !== undefined) this.harness.answer({ kind: 'answer', request, output });
            else this.harness.answer({ kind: 'err', request, code: 'unavailable', message: 'away' });
          },
        });
      }
      this.harness.endTurn();
    }
  }

  /** Moves the clock, a quarter of a second at a time. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 250) {
      this.harness.advance(250);
      this.exchange();
    }
  }

  async live(user: string): Promise<FakeClient> {
    return this.harness.live(user);
  }

  /** Watches and returns what it is told at once. */
  watch(client: FakeClient, ...users: string[]): ServerMessage[] {
    client.heard();
    client.send({ op: 'presence.watch', ref: 1, users });
    this.exchange();
    return client.heard();
  }

  /** The actor crashed, or its thread did: a new one knows nothing. */
  restart(how: 'actor' | 'thread'): void {
    this.crashes = how === 'actor' ? 1 : 0;
    if (how === 'thread') this.harness.front.shardGone(0);
    this.actor = this.start();
    if (how === 'thread') this.harness.front.shardBack(0);
  }

  private start(): Presence {
    const store: PresenceStore = {
      about: (_asker, users, done) => {
        if (this.isStoreAway) return done(undefined);
        const known = users.filter((user) => !this.unknown.has(user));
        done(
          known.map((user) => ({ user, lastSeen: undefined, hidesLastSeen: false, ...this.kept.get(user) })),
        );
      },
      keep: (seen, done) => {
        if (!this.isStoreAway)
          for (const [user, lastSeen] of seen) this.kept.set(user, { ...this.kept.get(user), lastSeen });
        done(!this.isStoreAway);
      },
    };
    const tellSelf = (message: PresenceMessage): void => actor.receive(message);
    const offer = (_front: number, message: ToFront): boolean => {
      if (!this.isFull) this.harness.answer(message);
      return !this.isFull;
    };
    const actor: Presence = new Presence(
      { address: 'presence/0', id: '0', crashes: this.crashes, tellSelf },
      {
        clock: { now: () => this.harness.now },
        // A dead actor's timers are not heard of.
        timers: { after: (ms, run) => this.harness.after(ms, () => this.actor === actor && run()) },
        ...{ store, offer, fronts: () => [frontNumber] },
      },
    );
    return actor;
  }
}
