/** Members, and those who are to be or not to be. */
import { isAbove, type Permission } from '#src/permissions.js';
import { type Case, type CaseOf, type Decision, draft, refuse, unchanged, wait } from './decision.js';
import { subjects } from './pending.js';
import { type Actor, allowed, bannedUntil, blocked, full, isDecision, isFull } from './standing.js';

type MemberRequest = Extract<Case['request'], { member: string }>;

const above = refuse('forbidden', 'It takes a role above theirs.');
const noMember = refuse('not_found', 'They are no member here.');

/** Nothing about this user is under way: neither their membership nor what is true of them. */
function isSettled({ pending, request: { member } }: Case<MemberRequest>): boolean {
  const isMoving = pending.isRestricted(member) || pending.isBeingAdmitted(member);
  return !isMoving && !pending.touches(subjects.user(member));
}

export function decideAdd(situation: CaseOf<'add'>): Decision {
  const { state, request, known } = situation;
  const actor = allowed(situation, 'add');
  if (isDecision(actor)) return actor;
  if (!isSettled(situation)) return wait;
  if (state.members.has(request.member)) return unchanged;
  if (bannedUntil(situation, request.member) !== undefined)
    return refuse('forbidden', 'They are banned from here: take that back first.');
  if (isFull(situation, actor.info)) return full;
  if (known.users === undefined) return { kind: 'check users', users: [request.member] };
  if (known.users.areBlocked) return blocked;
  return { kind: 'append', event: { ev: 'member.add', ...draft(request), user: request.member } };
}

export function decideRemove(situation: CaseOf<'remove'>): Decision {
  const { state, request } = situation;
  const actor = allowed(situation, 'remove');
  if (isDecision(actor)) return actor;
  if (request.member === request.user) return refuse('invalid', 'member: use leave to go yourself.');
  if (!isSettled(situation)) return wait;
  const role = state.members.get(request.member)?.role;
  if (role === undefined) return unchanged;
  if (!isAbove(actor.role, role)) return above;
  return { kind: 'append', event: { ev: 'member.remove', ...draft(request), user: request.member } };
}

/** Who has it may do it to somebody else whose role is below theirs; who is no member counts as below. */
function over(situation: Case<MemberRequest>, permission: Permission): Actor | Decision {
  const { state, request } = situation;
  const actor = allowed(situation, permission);
  if (isDecision(actor)) return actor;
  if (request.member === request.user) return refuse('invalid', 'member: that cannot be done to oneself.');
  if (!isSettled(situation)) return wait;
  const role = state.members.get(request.member)?.role;
  return role !== undefined && !isAbove(actor.role, role) ? above : actor;
}

export function decideRole(situation: CaseOf<'role'>): Decision {
  const { state, request } = situation;
  const { member, role } = request;
  const actor = over(situation, role === 'owner' ? 'transfer' : 'setRole');
  if (isDecision(actor)) return actor;
  const before = state.members.get(member)?.role;
  if (before === undefined) return noMember;
  if (before === role) return unchanged;
  if (role !== 'owner' && !isAbove(actor.role, role))
    return refuse('forbidden', 'Nobody gives a role that is not below their own.');
  return { kind: 'append', event: { ev: 'member.role', ...draft(request), user: member, role } };
}

export function decideBan(situation: CaseOf<'ban'>): Decision {
  const { state, request, known, now } = situation;
  const actor = over(situation, 'ban');
  if (isDecision(actor)) return actor;
  const { member, until } = request;
  if (until !== undefined && until <= now) return refuse('invalid', 'until: must be in the future.');
  const isMember = state.members.has(member);
  if (!isMember && bannedUntil(situation, member) === (until ?? Number.POSITIVE_INFINITY)) return unchanged;
  if (!isMember && known.users === undefined) return { kind: 'check users', users: [member] };
  return { kind: 'append', event: { ev: 'member.ban', ...draft(request), user: member, ...endOf(request) } };
}

export function decideUnban(situation: CaseOf<'unban'>): Decision {
  const { request } = situation;
  const actor = over(situation, 'ban');
  if (isDecision(actor)) return actor;
  if (bannedUntil(situation, request.member) === undefined) return unchanged;
  return { kind: 'append', event: { ev: 'member.unban', ...draft(request), user: request.member } };
}

export function decideMute(situation: CaseOf<'mute'>): Decision {
  const { state, request, now } = situation;
  const actor = over(situation, 'mute');
  if (isDecision(actor)) return actor;
  const { member, until } = request;
  if (until !== undefined && until <= now) return refuse('invalid', 'until: must be in the future.');
  const before = state.members.get(member);
  if (before === undefined) return noMember;
  if (before.mutedUntil === (until ?? Number.POSITIVE_INFINITY)) return unchanged;
  return { kind: 'append', event: { ev: 'member.mute', ...draft(request), user: member, ...endOf(request) } };
}

export function decideUnmute(situation: CaseOf<'unmute'>): Decision {
  const { state, request, now } = situation;
  const actor = over(situation, 'mute');
  if (isDecision(actor)) return actor;
  const { member } = request;
  const until = state.members.get(member)?.mutedUntil ?? state.mutesOfAbsent.get(member) ?? 0;
  if (until <= now) return unchanged;
  return { kind: 'append', event: { ev: 'member.unmute', ...draft(request), user: member } };
}

export function decideNickname(situation: CaseOf<'nickname'>): Decision {
  const { state, request } = situation;
  const { member, user, nickname } = request;
  const actor = member === user ? allowed(situation, 'nicknameOwn') : over(situation, 'nicknameOthers');
  if (isDecision(actor)) return actor;
  if (!isSettled(situation)) return wait;
  const before = state.members.get(member);
  if (before === undefined) return noMember;
  if ((before.nickname ?? '') === nickname) return unchanged;
  return { kind: 'append', event: { ev: 'member.nickname', ...draft(request), user: member, nickname } };
}

function endOf({
  until,
  reason,
}: {
  readonly until?: number | undefined;
  readonly reason?: string | undefined;
}) {
  return { ...(until === undefined ? {} : { until }), ...(reason === undefined ? {} : { reason }) };
}
