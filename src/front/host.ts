/** What a session needs of its front. */
import type { Identity } from '../people/identity.js';
import type { Rates } from '../rates.js';
import type { Clock } from '../runtime/ports.js';
import type { Refusal } from '../threads/messages.js';
import type { Front } from './contract.js';
import type { FrontCounters } from './counters.js';
import type { Following } from './following.js';
import type { FrontLimits } from './limits.js';
import type { UserPresence } from './presence.js';
import type { Requests } from './requests.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';
import type { SlowReaders } from './slow.js';
import type { Topics } from './topics.js';
import type { Watches } from './watches.js';

export interface SessionHost extends Pick<Front, 'ask' | 'call' | 'shardOf' | 'shardCount'> {
  /** Of the front. */
  readonly number: number;
  readonly clock: Clock;
  readonly limits: FrontLimits;
  readonly counters: FrontCounters;
  /** The guard before the shards, by user; absent in tests that need none. */
  readonly rates: Rates | undefined;
  readonly requests: Requests;
  readonly shards: Shards;
  readonly topics: Topics;
  readonly slow: SlowReaders;
  readonly presence: UserPresence;
  readonly watches: Watches;
  readonly following: Following;
  /** At once or later; throws or rejects with a NuboError. The user is known to the store then (H6). */
  authenticate(token: string): Identity | Promise<Identity>;
  isRevoked(identity: Identity): boolean;
  /** What to tell of an error; one that is no NuboError is reported and told as `internal`. */
  refusalOf(error: unknown): Refusal;
  /** Seconds that only grow, for measuring. */
  stopwatch(): number;
  /** Something waits for the end of this turn. */
  schedule(): void;
  /** The session's outbox waits for the end of this turn. */
  markDirty(session: Session): void;
  /** The socket has room again: `recover` at the end of this turn. */
  drained(session: Session): void;
  /** The session became live, is live no more, is gone. */
  entered(session: Session, user: string): void;
  left(session: Session, user: string): void;
  removed(session: Session): void;
}
