/**
 * Operations that were admitted and are not settled: what they will change. Restrictions count from admission,
 * permissions from commit (L6): `isRestricted`, `isBeingAdmitted` and `touches` are how the rules ask.
 */

import { membershipChange } from '#src/memberships.js';
import type { LogEvent } from '#src/wire/events.js';

/** What an operation may depend on, as a key. */
export const subjects = {
  /** What is true of a user here: role, ban, mute, nickname. */
  user: (user: string) => `user ${user}`,
  /** What the conversation is. */
  info: 'info',
  pins: 'pins',
  /** An upload is in one message at most. */
  attachment: (id: string) => `attachment ${id}`,
  /** Whether a message is there. */
  message: (id: string) => `message ${id}`,
  reaction: (id: string, user: string, emoji: string) => `reaction ${id} ${user} ${emoji}`,
  reactions: (id: string) => `reactions ${id}`,
} as const;

/** What an event will change, beside memberships. */
function subjectsOf(event: LogEvent): string[] {
  switch (event.ev) {
    case 'message.new':
      return event.attachments?.map(({ id }) => subjects.attachment(id)) ?? [];
    case 'conversation.change':
      return [subjects.info];
    case 'member.role':
      return [subjects.user(event.user), subjects.user(event.from)];
    case 'member.ban':
    case 'member.unban':
    case 'member.mute':
    case 'member.unmute':
    case 'member.nickname':
      return [subjects.user(event.user)];
    case 'message.delete':
      return [subjects.message(event.message), subjects.pins];
    case 'message.pin':
    case 'message.unpin':
      return [subjects.pins];
    case 'reaction.add':
    case 'reaction.remove':
      return [subjects.reaction(event.message, event.from, event.emoji), subjects.reactions(event.message)];
    default:
      return [];
  }
}

export class Pending {
  private readonly events = new Map<string, LogEvent>();
  private readonly grants = new Map<string, number>();
  private readonly restrictions = new Map<string, number>();
  private readonly subjects = new Map<string, number>();
  private creations = 0;

  get size(): number {
    return this.events.size;
  }

  has(id: string): boolean {
    return this.events.has(id);
  }

  find(id: string): LogEvent | undefined {
    return this.events.get(id);
  }

  ids(): string[] {
    return [...this.events.keys()];
  }

  /** The conversation itself is being created. */
  get isCreating(): boolean {
    return this.creations > 0;
  }

  /** Users who are about to become members. */
  get admissions(): number {
    return this.grants.size;
  }

  /** A leave, a removal or a ban of this user is on its way: they may do nothing more. */
  isRestricted(user: string): boolean {
    return this.restrictions.has(user);
  }

  /** This user is about to become a member: wait before saying no. */
  isBeingAdmitted(user: string): boolean {
    return this.grants.has(user);
  }

  /** Anything but messages is about to change. */
  get hasSubjects(): boolean {
    return this.subjects.size > 0;
  }

  /** One of these is about to change: wait before deciding what depends on it. */
  touches(...wanted: readonly string[]): boolean {
    return this.subjects.size > 0 && wanted.some((subject) => this.subjects.has(subject));
  }

  /** How many reactions to this message are under way. */
  reactionsTo(message: string): number {
    return this.subjects.get(subjects.reactions(message)) ?? 0;
  }

  add(event: LogEvent): void {
    this.events.set(event.id, event);
    this.count(event, 1);
  }

  settle(id: string): void {
    const event = this.events.get(id);
    if (event === undefined) return;
    this.events.delete(id);
    this.count(event, -1);
  }

  private count(event: LogEvent, step: 1 | -1): void {
    if (event.ev === 'message.new' && event.attachments === undefined) return;
    if (event.ev === 'conversation.create') this.creations += step;
    for (const subject of subjectsOf(event)) move(this.subjects, subject, step);
    const change = membershipChange(event);
    if (change === undefined) return;
    const counts = change.grants ? this.grants : this.restrictions;
    for (const user of change.users) move(counts, user, step);
  }
}

function move(counts: Map<string, number>, key: string, step: 1 | -1): void {
  const left = (counts.get(key) ?? 0) + step;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}
