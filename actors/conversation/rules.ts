/**
 * Who may do what: pure decisions over the state and what is pending. The duplicate check comes before, the rate
 * after (L5). What one may not see answers as what does not exist (R6).
 */
import type { DurableRequest, Refusal } from '#src/threads/messages.js';
import type { LogEvent, Role } from '#src/wire/events.js';
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
  /** This message must exist in the conversation before it can be said. */
  | { kind: 'check message'; id: string }
  | { kind: 'refuse'; refusal: Refusal };

const notFound: Decision = refuse('not_found', 'There is no such conversation.');

function refuse(code: Refusal['code'], message: string): Decision {
  return { kind: 'refuse', refusal: { code, message, stored: false } };
}

/** Is this user a member as far as new operations are concerned? */
export function standing(
  state: ConversationState,
  pending: Pending,
  user: string,
): 'member' | 'stranger' | 'undecided' {
  if (state.members.has(user) && !pending.isRestricted(user)) return 'member';
  return pending.isBeingAdmitted(user) ? 'undecided' : 'stranger';
}

/** `checked`: what had to be asked (users, the message replied to) was found good. */
export function decide(
  state: ConversationState,
  pending: Pending,
  request: DurableRequest,
  checked: boolean,
): Decision {
  if (request.kind === 'create') return decideCreate(state, pending, request, checked);
  if (state.info === undefined) return pending.isCreating ? { kind: 'wait' } : notFound;
  switch (request.kind) {
    case 'send':
      return decideSend(state, pending, request, checked);
    case 'join':
      return decideJoin(state, pending, request);
    case 'leave':
      return decideLeave(state, pending, request);
    case 'add':
      return decideAdd(state, pending, request, checked);
    case 'remove':
      return decideRemove(state, pending, request);
    default:
      return request satisfies never;
  }
}

type Request<Kind extends DurableRequest['kind']> = Extract<DurableRequest, { kind: Kind }>;

/** Fields every new event has; its place is given with its batch. */
function draft(request: DurableRequest) {
  return { conv: request.conv, seq: 0, number: 0, id: request.id, from: request.user, at: 0 };
}

function decideCreate(
  state: ConversationState,
  pending: Pending,
  request: Request<'create'>,
  checked: boolean,
): Decision {
  const others = [...new Set(request.members ?? [])].filter((member) => member !== request.user);
  if (request.type === 'direct' && others.length !== 1) {
    return refuse('invalid', 'members: a direct conversation has exactly one other member.');
  }
  if (state.info !== undefined) {
    return state.members.has(request.user)
      ? { kind: 'unchanged' }
      : refuse('conflict', 'This id belongs to another operation.');
  }
  if (pending.isCreating) return { kind: 'wait' };
  if (others.length > 0 && !checked) return { kind: 'check users', users: others };
  const { type, title, description } = request;
  return {
    kind: 'append',
    event: {
      ev: 'conversation.create',
      ...draft(request),
      type,
      ...(title === undefined || type === 'direct' ? {} : { title }),
      ...(description === undefined || type === 'direct' ? {} : { description }),
      members: others,
    },
  };
}

function decideSend(
  state: ConversationState,
  pending: Pending,
  request: Request<'send'>,
  checked: boolean,
): Decision {
  const sender = standing(state, pending, request.user);
  if (sender !== 'member') return sender === 'undecided' ? { kind: 'wait' } : notFound;
  const { replyTo } = request;
  if (replyTo !== undefined && !checked) {
    if (pending.has(replyTo)) return { kind: 'wait' };
    if (state.window.remembered(replyTo) === undefined) return { kind: 'check message', id: replyTo };
  }
  const event: LogEvent<'message.new'> = {
    ev: 'message.new',
    // The names that are here already: each message brought its own copy of them, which need not stay.
    conv: state.info?.conv ?? request.conv,
    seq: 0,
    number: 0,
    id: request.id,
    from: state.members.get(request.user)?.user ?? request.user,
    at: 0,
    text: request.text,
  };
  if (request.type !== undefined && request.type !== 'text') event.type = request.type;
  if (request.metadata !== undefined) event.metadata = request.metadata;
  if (replyTo !== undefined) event.replyTo = replyTo;
  return { kind: 'append', event };
}

function decideJoin(state: ConversationState, pending: Pending, request: Request<'join'>): Decision {
  const { user } = request;
  if (pending.isRestricted(user) || pending.isBeingAdmitted(user)) return { kind: 'wait' };
  if (state.members.has(user)) return { kind: 'unchanged' };
  if (state.info?.type !== 'channel') return notFound;
  return { kind: 'append', event: { ev: 'member.join', ...draft(request) } };
}

function decideLeave(state: ConversationState, pending: Pending, request: Request<'leave'>): Decision {
  const { user } = request;
  if (pending.isRestricted(user) || pending.isBeingAdmitted(user)) return { kind: 'wait' };
  if (!state.members.has(user)) return notFound;
  if (state.info?.type === 'direct') return refuse('forbidden', 'Nobody leaves a direct conversation.');
  return { kind: 'append', event: { ev: 'member.leave', ...draft(request) } };
}

const rank: Record<Role, number> = { owner: 3, admin: 2, moderator: 1, member: 0 };

function decideAdd(
  state: ConversationState,
  pending: Pending,
  request: Request<'add'>,
  checked: boolean,
): Decision {
  const refused = decideManage(state, pending, request);
  if (refused !== undefined) return refused;
  if (pending.isRestricted(request.member) || pending.isBeingAdmitted(request.member))
    return { kind: 'wait' };
  if (state.members.has(request.member)) return { kind: 'unchanged' };
  if (!checked) return { kind: 'check users', users: [request.member] };
  return { kind: 'append', event: { ev: 'member.add', ...draft(request), user: request.member } };
}

function decideRemove(state: ConversationState, pending: Pending, request: Request<'remove'>): Decision {
  const refused = decideManage(state, pending, request);
  if (refused !== undefined) return refused;
  if (request.member === request.user) return refuse('invalid', 'user: use leave to go yourself.');
  if (pending.isRestricted(request.member) || pending.isBeingAdmitted(request.member))
    return { kind: 'wait' };
  const role = state.members.get(request.member)?.role;
  if (role === undefined) return { kind: 'unchanged' };
  const own = state.members.get(request.user)?.role ?? 'member';
  if (rank[role] >= rank[own])
    return refuse('forbidden', `A member with the role ${role} can be removed only from above.`);
  return { kind: 'append', event: { ev: 'member.remove', ...draft(request), user: request.member } };
}

/** Adding and removing take the role owner or admin, and are not for direct conversations. */
function decideManage(
  state: ConversationState,
  pending: Pending,
  request: Request<'add' | 'remove'>,
): Decision | undefined {
  const actor = standing(state, pending, request.user);
  if (actor !== 'member') return actor === 'undecided' ? { kind: 'wait' } : notFound;
  if (state.info?.type === 'direct')
    return refuse('forbidden', 'A direct conversation keeps its two members.');
  if (rank[state.members.get(request.user)?.role ?? 'member'] < rank.admin) {
    return refuse('forbidden', 'Only the owner and admins add and remove members.');
  }
  return undefined;
}
