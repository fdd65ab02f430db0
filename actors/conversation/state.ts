/** What a conversation is: pure state, moved only by the events of its log. */
import type { ConversationInfo, ConversationSnapshot, Head, Member } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { RecentWindow } from './window.js';

export interface ConversationState {
  /** undefined: it does not exist (yet). */
  info: ConversationInfo | undefined;
  head: Head;
  /** Present members only. */
  readonly members: Map<string, Pick<Member, 'user' | 'role'>>;
  readonly window: RecentWindow;
}

export function stateOf(snapshot: ConversationSnapshot): ConversationState {
  return {
    info: snapshot.info,
    head: snapshot.head,
    members: new Map(snapshot.members.map((member) => [member.user, member])),
    window: new RecentWindow(snapshot.recent),
  };
}

/**
 * Moves the state by the next event of the log.
 * @throws Error when the event is not the next one: a bug, and going on would break the order (P4).
 */
export function applyEvent(state: ConversationState, event: LogEvent): void {
  if (event.seq !== state.head.seq + 1) {
    throw new Error(`event ${event.seq} of ${event.conv} does not follow ${state.head.seq}`);
  }
  state.head = { seq: event.seq, number: event.number };
  state.window.add(event);
  switch (event.ev) {
    case 'message.new':
      return;
    case 'conversation.create':
      state.info = {
        conv: event.conv,
        type: event.type,
        creator: event.from,
        createdAt: event.at,
        ...(event.title === undefined ? {} : { title: event.title }),
        ...(event.description === undefined ? {} : { description: event.description }),
      };
      for (const user of event.members) state.members.set(user, { user, role: 'member' });
      state.members.set(event.from, { user: event.from, role: 'owner' });
      return;
    case 'member.join':
      state.members.set(event.from, { user: event.from, role: 'member' });
      return;
    case 'member.add':
      state.members.set(event.user, { user: event.user, role: 'member' });
      return;
    case 'member.leave':
      state.members.delete(event.from);
      return;
    case 'member.remove':
      state.members.delete(event.user);
      return;
    default:
      return event satisfies never;
  }
}

/** Whose membership an event changes, and how; undefined for a message. */
export function membershipChange(event: LogEvent): { users: readonly string[]; grants: boolean } | undefined {
  switch (event.ev) {
    case 'message.new':
      return undefined;
    case 'conversation.create':
      return { users: [event.from, ...event.members], grants: true };
    case 'member.join':
      return { users: [event.from], grants: true };
    case 'member.add':
      return { users: [event.user], grants: true };
    case 'member.leave':
      return { users: [event.from], grants: false };
    case 'member.remove':
      return { users: [event.user], grants: false };
    default:
      return event satisfies never;
  }
}
