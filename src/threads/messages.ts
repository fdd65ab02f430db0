/**
 * Everything that fronts and shards say to each other, and main to both. Each is a plain object that can be
 * cloned between threads; they are gathered per turn and posted as one array (A8).
 */

import type { ErrorName } from '../wire/codes.js';
import type { ControlEvent, LogEvent } from '../wire/events.js';
import { type DurableOperation, isDurableName } from '../wire/operations.js';
import type { Presence, PresenceNotice } from './presence.js';

/** Which token bucket a sender draws from; `high` only by a token that an operator or the application signed. */
export type RateClass = 'standard' | 'high';

/** A durable operation on its way to its conversation: without the client's `ref`, with who and where to answer. */
export type DurableRequest = {
  [Op in DurableOperation['op']]: {
    kind: Op;
    request: number;
    user: string;
    rate: RateClass;
    conv: string;
  } & Omit<Extract<DurableOperation, { op: Op }>, 'op' | 'ref' | 'conv'> &
    /** They have taken a use of an invitation: no client can say so itself. */
    (Op extends 'join' ? { invited?: true } : unknown);
}[DurableOperation['op']];

/** Is this an operation that is stored? */
export function isDurable<Message extends { readonly kind: string }>(
  message: Message | DurableRequest,
): message is DurableRequest {
  // Nearly all are, and to look up a name that another thread has sent costs more than all the rules of it.
  return message.kind === 'send' || isDurableName(message.kind);
}

/** `request` numbers are a front's own counter × 256 + the front's number, so that an answer finds its way. */
export function frontOf(request: number): number {
  return request % 256;
}

/** Up to where a member has read, or has been given, what was said; or what they want to read once more. */
export type MarkRequest = {
  [Kind in 'read' | 'delivered' | 'unread']: {
    kind: Kind;
    request: number;
    user: string;
    conv: string;
    seq: number;
  };
}['read' | 'delivered' | 'unread'];

/** A member wants to hear nothing of the conversation until then, as `MarkMove` has it. */
export interface QuietRequest {
  readonly kind: 'quiet';
  readonly request: number;
  readonly user: string;
  readonly conv: string;
  readonly until: number;
}

/** One of the two of a direct conversation blocks the other, or takes it back; the conversation need not exist. */
export interface BlockRequest {
  readonly kind: 'block';
  readonly request: number;
  readonly user: string;
  readonly conv: string;
  readonly other: string;
  readonly isOn: boolean;
}

/** What a front asks of a conversation. */
export type ConversationRequest =
  | DurableRequest
  | { kind: 'subscribe'; request: number; user: string; conv: string; have?: number }
  | {
      kind: 'history';
      request: number;
      user: string;
      conv: string;
      before?: number;
      after?: number;
      around?: number;
      limit: number;
    }
  | MarkRequest
  | BlockRequest
  | QuietRequest
  | { kind: 'typing'; user: string; conv: string; active: boolean; at: number }
  /** After a shard was started again: a front still has subscribers and has published up to `have`. */
  | { kind: 'register'; front: number; conv: string; have: number };

/** An operation that was refused with `stored: false` at this time, Unix ms: no copy of it may ever be stored (P7). */
export interface Refused {
  readonly user: string;
  readonly conv: string;
  readonly id: string;
  readonly refusal: Refusal;
  readonly at: number;
}

/** Tells an operation from every other in a map. */
export function operationKey({ user, conv, id }: Pick<Refused, 'user' | 'conv' | 'id'>): string {
  return `${user}${conv}${id}`;
}

/** The first that a shard hears of a front, in one message or several: what it knows to be refused by that shard. */
export interface Recollection {
  readonly kind: 'recollection';
  readonly front: number;
  readonly refused: readonly Refused[];
  readonly isLast: boolean;
}

export type ToShard =
  | ConversationRequest
  | Recollection
  | PresenceNotice
  /** From now on the front hears which conversations move (`stirred`), or does no more. */
  | { kind: 'follow' | 'unfollow'; front: number }
  /** The front has no subscriber of this conversation left. */
  | { kind: 'unregister'; front: number; conv: string }
  /** A call of a service (people, lists, operators); see services.ts. */
  | { kind: 'call'; request: number; service: string; input: unknown };

export interface AckResult {
  readonly id?: string;
  readonly seq?: number;
  readonly at?: number;
  readonly conv?: string;
  readonly head?: number;
  readonly events?: LogEvent[];
}

/**
 * Operations of one front that a batch has brought into the log at this time: the nth request has the nth seq. Of which
 * ids and conversations they were the front knows. Columns of numbers, since there are very many.
 */
export interface Acks {
  readonly kind: 'acks';
  readonly at: number;
  readonly requests: Float64Array;
  readonly seqs: Float64Array;
}

/** What a batch has brought, for fronts that follow: the nth conversation has gone on with the nth seq. */
export interface Stirred {
  readonly kind: 'stirred';
  readonly convs: readonly string[];
  readonly firsts: readonly number[];
  /** Who came (true) or went (false), in order. */
  readonly moves: ReadonlyArray<readonly [conv: string, user: string, isIn: boolean]>;
}

/** Refusals that are over by themselves: they say when (L5). */
export type WaitName = 'rate_limited' | 'overloaded';
export type PlainName = Exclude<ErrorName, WaitName>;

export type Refusal = RefusalDetails &
  (
    | { readonly code: WaitName; readonly retryMs: number }
    | { readonly code: PlainName; readonly retryMs?: number }
  );

interface RefusalDetails {
  readonly message: string;
  readonly stored?: false;
  readonly at?: number;
  /** Which limit was reached; only REST tells (R7). */
  readonly limit?: LimitName;
}

/** Limits as REST names them: of a user at a front and in a shard, of a conversation, of attempts to log in. */
export type LimitName = 'requests' | 'operations' | 'conversation' | 'slow-mode' | 'address' | 'name';

export const refusedLimits = {
  /** Copies are in flight for seconds at most: a socket's buffers and our own queues. */
  keepMs: 10 * 60 * 1000,
  /** Of one shard. Beyond it nothing is promised. */
  itemsMax: 50_000,
} as const;

/** How a subscription begins (W10, W12): the events have + 1 … head, or a gap. Without `have`: nothing. */
export type Backlog =
  | { kind: 'none' }
  | { kind: 'events'; events: LogEvent[] }
  | { kind: 'gap'; have: number };

export type ToFront =
  | ({ kind: 'ack'; request: number } & AckResult)
  | Acks
  | ({ kind: 'err'; request: number } & Refusal)
  /** What a service answered. */
  | { kind: 'answer'; request: number; output: unknown }
  | { kind: 'subscribed'; request: number; conv: string; head: number; backlog: Backlog }
  /** To every front, before anybody else hears of it: they remember it for the shard's successor. */
  | { kind: 'refused'; refused: Refused }
  /** Durable events in order, the first one following the last one published to this front. */
  | { kind: 'publish'; conv: string; events: readonly LogEvent[] }
  /**
   * The front's subscribers lack the events after the last one published, up to head. `gone`: who lost the conversation
   * with one of these, as far as it is known; the front asks about all others.
   */
  | { kind: 'missed'; conv: string; head: number; gone?: readonly string[] }
  /** `to`: only for the sockets of these users. */
  | {
      kind: 'ephemeral';
      conv: string;
      event: ControlEvent | readonly ControlEvent[];
      at: number;
      to?: readonly string[];
    }
  | Stirred
  /** The front was not told of everything that stirred. */
  | { kind: 'unsure' }
  /** Users whom sockets of the front watch are like this now. */
  | { kind: 'presences'; presences: readonly Presence[] }
  /** What the shard knew of presence is lost: the front says it again (E5). */
  | { kind: 'presence lost' }
  /** From now on `from` sees nothing of the user any more: one has blocked the other. */
  | { kind: 'hidden'; user: string; from: string }
  /** For every socket of one user. */
  | { kind: 'notify'; user: string; event: ControlEvent }
  /** Tokens that are no longer good: their sockets close (H5, H7). */
  | { kind: 'revoked'; revocation: Revocation };

/**
 * Tokens of this session, this user or this `jti`, issued before `since` (Unix ms), are refused; the entry may be
 * forgotten after `until` (when every token it concerns has expired).
 */
export interface Revocation {
  readonly subject: 'session' | 'user' | 'jti';
  readonly value: string;
  readonly since: number;
  readonly until: number;
}
