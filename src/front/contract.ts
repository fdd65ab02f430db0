/** What a front is to its thread: what it is given, and what may be asked of it. */
import type { Identity } from '../people/identity.js';
import type { Revocations } from '../people/revocations.js';
import type { Rates } from '../rates.js';
import type { RuntimePorts } from '../runtime/ports.js';
import type { AckResult, ToFront } from '../threads/messages.js';
import type { ServiceName, Services } from '../threads/services.js';
import type { Codec } from '../wire/prescan.js';
import type { Question } from './calls.js';
import type { FrontCounters } from './counters.js';
import type { FrontLimits } from './limits.js';
import type { BroadcastPort, SocketPort } from './ports.js';
import type { Session } from './session.js';
import type { Placement, PostToShard } from './shards.js';

export interface FrontDependencies {
  /** 0 to 255; request numbers carry it. */
  readonly number: number;
  readonly ports: RuntimePorts;
  readonly broadcast: BroadcastPort;
  readonly placement: Placement;
  readonly post: PostToShard;
  /** At once or later; throws or rejects with a NuboError. See src/people/tokens.ts. */
  readonly verify: (token: string) => Identity | Promise<Identity>;
  readonly revocations: Revocations;
  /** What a user may ask of the shards, far above what a conversation admits; no guard when absent. */
  readonly rates?: Rates;
  /** Other bounds than those of limits.ts, for tests. */
  readonly limits?: Partial<FrontLimits>;
  /** Seconds that only grow; the clock's when absent. */
  readonly stopwatch?: () => number;
  /** Errors that are a bug of ours: their clients hear `internal`. */
  readonly onFault?: (error: unknown) => void;
}

export interface FrontStats {
  readonly sessions: number;
  readonly users: number;
  readonly topics: number;
  /** Requests that wait for a shard. */
  readonly requests: number;
}

export interface Front {
  readonly counters: FrontCounters;
  /** The guard before the shards, shared by sockets and REST. */
  readonly rates?: Rates | undefined;
  readonly shardCount: number;
  shardOf(id: string): number;
  /** What a shard posted, in its order. */
  onShardMessages(shard: number, messages: readonly ToFront[]): void;
  /** Its requests are answered `unavailable`, and so are new ones until it is back (P7). */
  shardGone(shard: number): void;
  /**
   * It is there, for the first time or in the place of one that died: it is told what was refused (P7), topics are
   * registered again, users told (P6, A10). Until it was told, it takes no operation.
   */
  shardBack(shard: number): void;
  /** It waits for its token: `Session.authenticate` when the upgrade brought one. */
  openSession(socket: SocketPort, codec: Codec): Session;
  /** For REST: throws or rejects with a NuboError. */
  authenticate(token: string): Identity | Promise<Identity>;
  /** For REST: one question to a conversation. Rejects with RefusedError. */
  ask(question: Question): Promise<AckResult>;
  /** For REST: one call of a service. Rejects with RefusedError. */
  call<Name extends ServiceName>(
    shard: number,
    service: Name,
    input: Services[Name]['input'],
  ): Promise<Services[Name]['output']>;
  stats(): FrontStats;
  readonly isDraining: boolean;
  /** Closes every socket with 4000, in batches spread over `windowMs` (O4). Resolves when none is left, or late. */
  drain(windowMs: number): Promise<void>;
  /** Ends the timers. Sockets are the server's to close. */
  stop(): void;
}
