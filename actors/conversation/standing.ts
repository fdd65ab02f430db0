/** Who is what here, as far as new operations are concerned. What one may not see answers as what is not there (R6). */
import { isAllowed, type Permission } from '#src/permissions.js';
import type { KnownMember } from '#src/storage/facts.js';
import type { ConversationInfo } from '#src/storage/ports.js';
import type { Role } from '#src/wire/events.js';
import { type Case, type Decision, notFound, refuse, wait } from './decision.js';
import { type Pending, subjects } from './pending.js';
import type { ConversationState } from './state.js';

/** Is this user a member? A deleted conversation has none. */
export function standing(
  state: ConversationState,
  pending: Pending,
  user: string,
): 'member' | 'stranger' | 'undecided' {
  if (state.info?.state === 'deleted') return 'stranger';
  if (state.members.has(user) && !pending.isRestricted(user)) return 'member';
  return pending.isBeingAdmitted(user) ? 'undecided' : 'stranger';
}

export interface Actor {
  readonly info: ConversationInfo;
  readonly member: KnownMember;
  readonly role: Role;
}

/** The member who asks; a decision instead when they are none, or it is not settled what they may. */
export function actorOf({ state, pending, request }: Case): Actor | Decision {
  const who = standing(state, pending, request.user);
  if (who !== 'member') return who === 'undecided' ? wait : notFound;
  // Asked first, since naming what is asked about costs more than all the rest.
  if (pending.hasSubjects && pending.touches(subjects.user(request.user), subjects.info)) return wait;
  const { info } = state;
  const member = state.members.get(request.user);
  return info === undefined || member === undefined ? notFound : { info, member, role: member.role };
}

export function isDecision(found: Actor | Decision): found is Decision {
  return 'kind' in found;
}

/** As `actorOf`, and they may do this, now. */
export function allowed(situation: Case, permission: Permission): Actor | Decision {
  const actor = actorOf(situation);
  if (isDecision(actor)) return actor;
  const { info, role } = actor;
  if (situation.state.blockers.length > 0 && !takesAway.has(situation.request.kind)) return blocked;
  if (info.state === 'archived')
    return refuse('forbidden', 'The conversation is archived: it only can be read.');
  return isAllowed(permission, info.type, role) ? actor : notAllowed(info, permission);
}

/** What is left to two of whom one has blocked the other: what says nothing new (B2). */
const takesAway: ReadonlySet<string> = new Set(['delete', 'unreact', 'unpin']);

/** The same whoever of the two has blocked the other. */
export const blocked: Decision = refuse('forbidden', 'You cannot do that: one of you has blocked the other.');

export function notAllowed({ type }: ConversationInfo, permission: Permission): Decision {
  if (type === 'direct') return refuse('forbidden', 'That cannot be done in a direct conversation.');
  return refuse('forbidden', `Your role here does not allow it (${permission}).`);
}

/** The end of this member's mute, in Unix ms; undefined: they are not muted. */
export function mutedUntil({ member }: Actor, now: number): number | undefined {
  const until = member.mutedUntil;
  return until !== undefined && until > now ? until : undefined;
}

export function mutedRefusal(until: number): Decision {
  const end =
    until === Number.POSITIVE_INFINITY ? 'until it is taken back' : `until ${new Date(until).toISOString()}`;
  return refuse('forbidden', `You are muted here ${end}.`);
}

/** Typing is nobody's business who could not send what they type. */
export function mayType(situation: Pick<Case, 'state' | 'pending' | 'now'>, user: string): boolean {
  const { state, pending, now } = situation;
  const { info } = state;
  const member = state.members.get(user);
  if (info?.state !== 'active' || member === undefined || state.blockers.length > 0) return false;
  if (standing(state, pending, user) !== 'member' || (member.mutedUntil ?? 0) > now) return false;
  return isAllowed('type', info.type, member.role);
}

/** The end of this user's ban, in Unix ms; undefined: they are not banned. */
export function bannedUntil({ state, now }: Case, user: string): number | undefined {
  const until = state.bans.get(user);
  return until !== undefined && until > now ? until : undefined;
}

export const full: Decision = refuse('forbidden', 'The conversation has as many members as it may have.');

export function isFull({ state, pending }: Case, { membersMax }: ConversationInfo): boolean {
  return membersMax !== undefined && state.members.size + pending.admissions >= membersMax;
}
