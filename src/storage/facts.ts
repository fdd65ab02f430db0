/**
 * What is true of a conversation, as far as the rules must know it: moved by the events of its log and by nothing else,
 * the same for its actor, for a snapshot that is brought up to date, and for a store in memory.
 */
import type { LogEvent, MemberChange, MessageChange } from '../wire/events.js';
import type { ConversationInfo, Member, Standing } from './ports.js';

export type KnownMember = Omit<Member, 'mark'>;

export interface Facts {
  /** undefined: it does not exist (yet). */
  info: ConversationInfo | undefined;
  /** Present members only. */
  readonly members: Map<string, KnownMember>;
  /** Unix ms (Infinity: until it is taken back) by user; those that are over may still be here. */
  readonly bans: Map<string, number>;
  /** Mutes of those who left: they hold when they come back. */
  readonly mutesOfAbsent: Map<string, number>;
  /** Ids of the pinned messages, in the order in which they were pinned. */
  readonly pins: Set<string>;
  /** Was any message ever changed? */
  isChanged: boolean;
}

export function factsOf({
  info,
  members,
  standing,
}: {
  readonly info: ConversationInfo | undefined;
  readonly members: Iterable<KnownMember>;
  readonly standing: Standing;
}): Facts {
  const known = new Map<string, KnownMember>();
  for (const member of members) known.set(member.user, member);
  return {
    info,
    members: known,
    bans: new Map(standing.bans.map(({ user, until }) => [user, until])),
    mutesOfAbsent: new Map(standing.mutesOfAbsent.map(({ user, until }) => [user, until])),
    pins: new Set(standing.pins),
    isChanged: standing.isChanged,
  };
}

export const nothing: Standing = { isChanged: false, pins: [], bans: [], mutesOfAbsent: [] };

export function standingOf({ isChanged, pins, bans, mutesOfAbsent }: Facts): Standing {
  return {
    isChanged,
    pins: [...pins],
    bans: [...bans].map(([user, until]) => ({ user, until })),
    mutesOfAbsent: [...mutesOfAbsent].map(([user, until]) => ({ user, until })),
  };
}

/** Moves the facts by the next event. */
export function applyToFacts(facts: Facts, event: LogEvent): void {
  switch (event.ev) {
    case 'message.new':
      return;
    case 'conversation.create':
      facts.info = infoOfCreation(event);
      for (const user of event.members) come(facts, user);
      facts.members.set(event.from, { user: event.from, role: 'owner' });
      return;
    case 'conversation.change':
      facts.info = facts.info && withChange(facts.info, event);
      return;
    case 'member.join':
      return come(facts, event.from);
    case 'member.leave':
      return go(facts, event.from);
    default:
      if ('user' in event) applyMemberChange(facts, event);
      else applyMessageChange(facts, event);
  }
}

function applyMemberChange(facts: Facts, event: MemberChange): void {
  const { user } = event;
  const member = facts.members.get(user);
  switch (event.ev) {
    case 'member.add':
      return come(facts, user);
    case 'member.remove':
      return go(facts, user);
    case 'member.ban':
      go(facts, user);
      facts.bans.set(user, event.until ?? Number.POSITIVE_INFINITY);
      return;
    case 'member.unban':
      facts.bans.delete(user);
      return;
    case 'member.role': {
      if (member !== undefined) facts.members.set(user, { ...member, role: event.role });
      const giver = facts.members.get(event.from);
      // There is one owner: who gives it away becomes an admin.
      if (event.role === 'owner' && giver !== undefined)
        facts.members.set(event.from, { ...giver, role: 'admin' });
      return;
    }
    case 'member.mute': {
      const mutedUntil = event.until ?? Number.POSITIVE_INFINITY;
      if (member !== undefined) facts.members.set(user, { ...member, mutedUntil });
      else facts.mutesOfAbsent.set(user, mutedUntil);
      return;
    }
    case 'member.unmute': {
      facts.mutesOfAbsent.delete(user);
      if (member === undefined) return;
      const { mutedUntil: _, ...rest } = member;
      facts.members.set(user, rest);
      return;
    }
    case 'member.nickname': {
      if (member === undefined) return;
      const { nickname: _, ...rest } = member;
      facts.members.set(user, event.nickname === '' ? rest : { ...rest, nickname: event.nickname });
      return;
    }
  }
}

function applyMessageChange(facts: Facts, event: MessageChange): void {
  facts.isChanged = true;
  if (event.ev === 'message.pin') facts.pins.add(event.message);
  else if (event.ev === 'message.unpin' || event.ev === 'message.delete') facts.pins.delete(event.message);
}

/** Whoever comes begins as a member; a mute outlasts leaving. */
function come(facts: Facts, user: string): void {
  const mutedUntil = facts.mutesOfAbsent.get(user);
  facts.mutesOfAbsent.delete(user);
  facts.members.set(user, { user, role: 'member', ...(mutedUntil === undefined ? {} : { mutedUntil }) });
}

function go(facts: Facts, user: string): void {
  const mutedUntil = facts.members.get(user)?.mutedUntil;
  if (mutedUntil !== undefined) facts.mutesOfAbsent.set(user, mutedUntil);
  facts.members.delete(user);
}

export function infoOfCreation(event: LogEvent<'conversation.create'>): ConversationInfo {
  const { conv, type, title, description, avatar, membersMax, from, at } = event;
  return {
    conv,
    type,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(avatar === undefined ? {} : { avatar }),
    ...(membersMax === undefined || membersMax === 0 ? {} : { membersMax }),
    state: 'active',
    creator: from,
    createdAt: at,
  };
}

/** '' and 0 take away. */
function withChange(info: ConversationInfo, event: LogEvent<'conversation.change'>): ConversationInfo {
  const { title, description, avatar, state, slowMs, membersMax } = event;
  const given = Object.entries({ title, description, avatar, state, slowMs, membersMax }).filter(
    ([, value]) => value !== undefined,
  );
  const all = { ...info, ...Object.fromEntries(given) };
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => (value !== '' && value !== 0) || name === 'createdAt'),
  ) as unknown as ConversationInfo;
}

/** What is left of an event in the log when what it said is deleted; the same as nubo_forget_contents. */
export function withoutContents(event: LogEvent): LogEvent {
  const { conv, seq, number, id, from, at } = event;
  if (event.ev === 'message.new') return { ev: event.ev, conv, seq, number, id, from, at, text: '' };
  if (event.ev !== 'message.edit') return event;
  const { message, messageSeq } = event;
  return { ev: event.ev, conv, seq, number, id, from, at, message, messageSeq, text: '' };
}
