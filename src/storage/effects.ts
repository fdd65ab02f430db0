/** What the events of one batch do to conversations and members: the same for every store. */
import type { LogEvent, Role } from '../wire/events.js';
import type { ConversationInfo } from './ports.js';

/** What is true of one member after the batch. */
export interface MemberEffect {
  readonly conv: string;
  readonly user: string;
  readonly role: Role;
  /** Of the event that made it so; `number` is where a newcomer's mark starts (L14). */
  readonly seq: number;
  readonly number: number;
  readonly at: number;
  readonly present: boolean;
}

export interface Effects {
  readonly conversations: ConversationInfo[];
  /** At most one entry a member: the last event about them decides. */
  readonly members: MemberEffect[];
}

/** @returns undefined when the events are nothing but messages */
export function effectsOf(events: readonly LogEvent[]): Effects | undefined {
  const changes = events.filter((event) => event.ev !== 'message.new');
  if (changes.length === 0) return undefined;
  changes.sort((one, other) => one.seq - other.seq);
  const conversations: ConversationInfo[] = [];
  const members = new Map<string, MemberEffect>();
  for (const event of changes) {
    if (event.ev === 'conversation.create') conversations.push(infoOf(event));
    for (const [user, role, present] of changesOf(event)) {
      const { conv, seq, number, at } = event;
      members.set(conv + user, { conv, user, role, seq, number, at, present });
    }
  }
  return { conversations, members: [...members.values()] };
}

function infoOf(event: LogEvent<'conversation.create'>): ConversationInfo {
  const { conv, type, title, description, from, at } = event;
  return {
    conv,
    type,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    creator: from,
    createdAt: at,
  };
}

/** The creator owns what they create; everybody else begins as a member. */
function changesOf(event: LogEvent): Array<[user: string, role: Role, present: boolean]> {
  switch (event.ev) {
    case 'conversation.create':
      return [
        ...event.members.map((user): [string, Role, boolean] => [user, 'member', true]),
        [event.from, 'owner', true],
      ];
    case 'member.join':
      return [[event.from, 'member', true]];
    case 'member.leave':
      return [[event.from, 'member', false]];
    case 'member.add':
      return [[event.user, 'member', true]];
    case 'member.remove':
      return [[event.user, 'member', false]];
    case 'message.new':
      return [];
  }
}
