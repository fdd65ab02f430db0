/**
 * What becomes of an operation: pure decisions over the state, what is pending and what was asked. The duplicate check
 * comes before, the rate after (L5). Who may what is in src/permissions.ts.
 */
import { isAllowed, isOpen } from '#src/permissions.js';
import {
  type Case,
  type CaseOf,
  type Decision,
  draft,
  notFound,
  refuse,
  unchanged,
  wait,
} from './decision.js';
import { subjects } from './pending.js';
import {
  decideAdd,
  decideBan,
  decideMute,
  decideNickname,
  decideRemove,
  decideRole,
  decideUnban,
  decideUnmute,
} from './rules-members.js';
import {
  decideDelete,
  decideEdit,
  decidePin,
  decideReact,
  decideSend,
  decideUnpin,
  decideUnreact,
} from './rules-messages.js';
import { actorOf, bannedUntil, blocked, full, isDecision, isFull, notAllowed } from './standing.js';

export function decide(situation: Case): Decision {
  const { state, pending, request } = situation;
  if (request.kind === 'create') return decideCreate(situation as CaseOf<'create'>);
  if (state.info === undefined) return pending.isCreating ? wait : notFound;
  if (state.info.state === 'deleted') return notFound;
  // See isDurable: a name that came from elsewhere is not looked up for every message.
  if (request.kind === 'send') return decideSend(situation as CaseOf<'send'>);
  return rules[request.kind](situation as never);
}

const rules: {
  readonly [Kind in Exclude<Case['request']['kind'], 'create' | 'send'>]: (
    situation: CaseOf<Kind>,
  ) => Decision;
} = {
  edit: decideEdit,
  delete: decideDelete,
  react: decideReact,
  unreact: decideUnreact,
  pin: decidePin,
  unpin: decideUnpin,
  join: decideJoin,
  leave: decideLeave,
  change: decideChange,
  add: decideAdd,
  remove: decideRemove,
  role: decideRole,
  ban: decideBan,
  unban: decideUnban,
  mute: decideMute,
  unmute: decideUnmute,
  nickname: decideNickname,
};

function decideCreate({ state, pending, request, known }: CaseOf<'create'>): Decision {
  const others = [...new Set(request.members ?? [])].filter((member) => member !== request.user);
  if (request.type === 'direct' && others.length !== 1) {
    return refuse('invalid', 'members: a direct conversation has exactly one other member.');
  }
  if (state.info !== undefined) {
    return state.members.has(request.user)
      ? unchanged
      : refuse('conflict', 'This id belongs to another operation.');
  }
  if (pending.isCreating) return wait;
  if (state.blockers.length > 0) return blocked;
  const { type, title, description, avatar, membersMax = 0 } = request;
  if (membersMax > 0 && others.length + 1 > membersMax)
    return refuse('invalid', 'members: more than membersMax allows.');
  if (others.length > 0 && known.users === undefined) return { kind: 'check users', users: others };
  if (known.users?.areBlocked === true) return blocked;
  const described = type === 'direct' ? {} : { title, description, avatar };
  const given = Object.entries(described).filter(([, value]) => value !== undefined && value !== '');
  return {
    kind: 'append',
    event: {
      ev: 'conversation.create',
      ...draft(request),
      type,
      ...Object.fromEntries(given),
      members: others,
      ...(membersMax === 0 || type === 'direct' ? {} : { membersMax }),
    },
  };
}

function decideJoin(situation: CaseOf<'join'>): Decision {
  const { state, pending, request } = situation;
  const { user } = request;
  if (pending.isRestricted(user) || pending.isBeingAdmitted(user)) return wait;
  if (pending.touches(subjects.user(user), subjects.info)) return wait;
  if (state.members.has(user)) return unchanged;
  if (state.info === undefined || state.info.type === 'direct') return notFound;
  const isForAll = isOpen(state.info.type);
  if (!isForAll && request.invited !== true) return notFound;
  const isBanned = bannedUntil(situation, user) !== undefined;
  if (isBanned && !isForAll) return notFound;
  if (state.info.state === 'archived') return refuse('forbidden', 'The conversation is archived.');
  if (isBanned) return refuse('forbidden', 'You are banned from here.');
  if (isFull(situation, state.info)) return full;
  return { kind: 'append', event: { ev: 'member.join', ...draft(request) } };
}

function decideLeave({ state, pending, request }: CaseOf<'leave'>): Decision {
  const { user } = request;
  if (pending.isRestricted(user) || pending.isBeingAdmitted(user)) return wait;
  if (pending.touches(subjects.user(user))) return wait;
  const member = state.members.get(user);
  if (member === undefined || state.info === undefined) return notFound;
  if (!isAllowed('leave', state.info.type, member.role))
    return refuse('forbidden', 'Nobody leaves a direct conversation.');
  if (member.role === 'owner' && state.members.size > 1)
    return refuse('forbidden', 'The owner first makes somebody else the owner.');
  return { kind: 'append', event: { ev: 'member.leave', ...draft(request) } };
}

function decideChange(situation: CaseOf<'change'>): Decision {
  const { request } = situation;
  const actor = actorOf(situation);
  if (isDecision(actor)) return actor;
  const { info, role } = actor;
  const permission = request.state === 'deleted' ? 'delete' : 'change';
  if (!isAllowed(permission, info.type, role)) return notAllowed(info, permission);
  if (info.state === 'archived' && request.state === undefined)
    return refuse('forbidden', 'The conversation is archived: make it active first.');
  const { title, description, avatar, state: status, slowMs, membersMax } = request;
  const wanted = { title, description, avatar, state: status, slowMs, membersMax };
  const changed = Object.entries(wanted).filter(([name, value]) => {
    const before = info[name as keyof typeof wanted] ?? (typeof value === 'number' ? 0 : '');
    return value !== undefined && value !== before;
  });
  if (changed.length === 0) return unchanged;
  return {
    kind: 'append',
    event: { ev: 'conversation.change', ...draft(request), ...Object.fromEntries(changed) },
  };
}
