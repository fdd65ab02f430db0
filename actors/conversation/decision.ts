/** What the rules say of an operation, and what they must know to say it. */
import type { Target, TargetQuestion } from '#src/storage/ports.js';
import type { DurableRequest, PlainName, Refusal } from '#src/threads/messages.js';
import type { Attachment, LogEvent } from '#src/wire/events.js';
import type { Pending } from './pending.js';
import type { ConversationState } from './state.js';

export type Decision =
  | { kind: 'append'; event: LogEvent }
  /** Nothing changes: answered with the current seq, none is taken (L7). */
  | { kind: 'unchanged' }
  /** Depends on an operation that is not settled (L6). */
  | { kind: 'wait' }
  /** These users must exist before it can be said. */
  | { kind: 'check users'; users: string[] }
  /** What is true of the message that it is about, or replies to, must be known before it can be said. */
  | { kind: 'ask target'; question: TargetQuestion }
  | { kind: 'ask attachments'; ids: readonly string[] }
  | { kind: 'refuse'; refusal: Refusal }
  /** Too early, and welcome later: nothing is promised (L5). */
  | { kind: 'too early'; retryMs: number };

/** What was asked for an operation, and what came of it. */
export interface Known {
  /** Those whom it names exist; with some of them one has blocked the other. */
  users?: { readonly areBlocked: boolean };
  /** The message that it is about or replies to; `askedAt`: the head when it was asked. */
  target?: { readonly askedAt: number; readonly found: Target | undefined };
  /** undefined: one of them is not there, or not to be attached by this user. */
  attachments?: { readonly found: readonly Attachment[] | undefined };
}

export interface Case<Request extends DurableRequest = DurableRequest> {
  readonly state: ConversationState;
  readonly pending: Pending;
  readonly request: Request;
  readonly known: Known;
  /** Unix ms */
  readonly now: number;
}

export type CaseOf<Kind extends DurableRequest['kind']> = Case<Extract<DurableRequest, { kind: Kind }>>;

export function refuse(code: PlainName, message: string): Decision {
  return { kind: 'refuse', refusal: { code, message, stored: false } };
}

export const notFound: Decision = refuse('not_found', 'There is no such conversation.');
export const wait: Decision = { kind: 'wait' };
export const unchanged: Decision = { kind: 'unchanged' };

/** Fields every new event has; its place is given with its batch. */
export function draft(request: DurableRequest) {
  return { conv: request.conv, seq: 0, number: 0, id: request.id, from: request.user, at: 0 };
}
