/** From what a client asks to what the conversation's shard is asked. No rule of the conversation is known here. */
import { directConversationId } from '../ids.js';
import type { ConversationRequest, DurableRequest, RateClass, Refusal } from '../threads/messages.js';
import { wireLimits } from '../wire/limits.js';
import type { DurableOperation, Operation } from '../wire/operations.js';

/** Who asks, and by which number the answer finds its way. */
export interface Asker {
  readonly request: number;
  readonly user: string;
  readonly rate: RateClass;
}

/** What an operation carries besides its name: on the wire there is a `ref` as well. */
export type Unreferenced<Op> = Op extends unknown ? Omit<Op, 'ref'> : never;
export type DurableAsk = Unreferenced<DurableOperation>;
export type HistoryAsk = Unreferenced<Operation<'history'>>;

/** The conversation an operation is for. One to be created takes the id of its operation; a pair owns its own. */
export function conversationOf(operation: DurableAsk, user: string): string {
  if (operation.op !== 'create') return operation.conv;
  const other = operation.type === 'direct' ? operation.members?.[0] : undefined;
  return other === undefined ? operation.id : directConversationId(user, other);
}

/** What is wrong with the operation as a whole, beyond what its schema says of each field (W16). */
export function faultOf(operation: DurableAsk | HistoryAsk, user: string): Refusal | undefined {
  if (operation.op === 'create' && operation.type === 'direct') {
    const members = operation.members ?? [];
    if (members.length !== 1 || members[0] === user)
      return invalid('members must name exactly the other member');
  }
  if (operation.op === 'history') {
    const given = [operation.before, operation.after, operation.around].filter(
      (place) => place !== undefined,
    );
    if (given.length > 1) return invalid('only one of before, after and around may be given');
  }
  return undefined;
}

export function invalid(message: string): Refusal {
  // No `stored`: the id may be that of an operation that was taken when the rules were others (P7).
  return { code: 'invalid', message };
}

/** `conv` is what conversationOf said. */
export function durableRequest(operation: DurableAsk, conv: string, asker: Asker): DurableRequest {
  const { request, user, rate } = asker;
  if (operation.op === 'send') {
    const message: Extract<DurableRequest, { kind: 'send' }> = {
      kind: 'send',
      request,
      user,
      rate,
      conv,
      id: operation.id,
      text: operation.text,
    };
    const { type, metadata, replyTo, mentions, everyone, attachments } = operation;
    if (type !== undefined) message.type = type;
    if (metadata !== undefined) message.metadata = metadata;
    if (replyTo !== undefined) message.replyTo = replyTo;
    if (mentions !== undefined) message.mentions = mentions;
    if (everyone !== undefined) message.everyone = everyone;
    if (attachments !== undefined) message.attachments = attachments;
    return message;
  }
  const { op: kind, ...fields } = operation;
  // What the schema let through, without the `ref` that REST has none of; a request and its operation share their names.
  const { ref: _, ...given } = fields as typeof fields & { ref?: number };
  return { ...given, kind, request, user, rate, conv } as DurableRequest;
}

/** Without a place in the conversation: its last page. */
export function historyRequest(operation: HistoryAsk, request: number, user: string): ConversationRequest {
  const { conv, before, after, around, limit } = operation;
  return {
    kind: 'history',
    request,
    user,
    conv,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(around === undefined ? {} : { around }),
    limit: limit ?? historyEventsDefault,
  };
}

const historyEventsDefault = Math.min(50, wireLimits.historyEventsMax);
