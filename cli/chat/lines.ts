/** What is said, as lines for a terminal. Pure. */
import { styleText } from 'node:util';
import type { LogEvent } from '#src/wire/events.js';

type Style = Parameters<typeof styleText>[0];

/** Colours text, or leaves it as it is where colours are not wanted. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;
export const coloured: Paint = (style, text) => styleText(style, text);

const nameStyles = ['cyan', 'green', 'yellow', 'magenta', 'blueBright', 'redBright', 'greenBright'] as const;

/** Text of other people must not steer the terminal: control characters go, line ends become one space. */
export function harmless(text: string): string {
  return text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ').replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** Hour and minute where the person is. */
export function clockTime(at: number): string {
  const time = new Date(at);
  return `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
}

/** Everybody has a colour, the same everywhere. */
export function paintedName(paint: Paint, user: string, name: string): string {
  let sum = 0;
  for (const char of user) sum = (sum * 31 + char.charCodeAt(0)) % 1_000_003;
  return paint(['bold', nameStyles[sum % nameStyles.length] ?? 'cyan'], harmless(name));
}

/** One line for one event. */
export function eventLine(event: LogEvent, nameOf: (user: string) => string, paint: Paint): string {
  const time = paint('dim', clockTime(event.at));
  const painted = (user: string) => paintedName(paint, user, nameOf(user));
  if (event.ev !== 'message.new')
    return `${time} ${paint('dim', '—')} ${painted(event.from)} ${deed(event, painted)}`;
  const text = harmless(event.text);
  if (event.metadata?.action === true) return `${time} ${paint('dim', '*')} ${painted(event.from)} ${text}`;
  return `${time} ${painted(event.from)}: ${text}`;
}

function deed(event: Exclude<LogEvent, { ev: 'message.new' }>, painted: (user: string) => string): string {
  switch (event.ev) {
    case 'conversation.create':
      return event.title === undefined ? 'began this conversation' : `made the room ${harmless(event.title)}`;
    case 'member.join':
      return 'joined';
    case 'member.leave':
      return 'left';
    case 'member.add':
      return `added ${painted(event.user)}`;
    case 'member.remove':
      return `removed ${painted(event.user)}`;
    case 'message.edit':
      return `edited a message: ${harmless(event.text)}`;
    case 'message.delete':
      return 'deleted a message';
    case 'reaction.add':
      return `reacted with ${harmless(event.emoji)}`;
    case 'reaction.remove':
      return `took ${harmless(event.emoji)} back`;
    case 'message.pin':
      return 'pinned a message';
    case 'message.unpin':
      return 'unpinned a message';
    case 'conversation.change':
      return event.title === undefined ? 'changed this conversation' : `named this ${harmless(event.title)}`;
    case 'member.role':
      return `made ${painted(event.user)} ${event.role}`;
    case 'member.ban':
      return `banned ${painted(event.user)}`;
    case 'member.unban':
      return `let ${painted(event.user)} come back`;
    case 'member.mute':
      return `muted ${painted(event.user)}`;
    case 'member.unmute':
      return `let ${painted(event.user)} write again`;
    case 'member.nickname':
      return `calls ${painted(event.user)} ${harmless(event.nickname)}`;
  }
}

/** Everybody who is named in an event. */
export function usersIn(event: LogEvent): string[] {
  return 'user' in event ? [event.from, event.user] : [event.from];
}

/** Who is here, from events that go from the last to the first: the last word about each counts. */
export function membersAt(eventsBackwards: Iterable<LogEvent>): string[] {
  const present = new Map<string, boolean>();
  const note = (user: string, isHere: boolean) => {
    if (!present.has(user)) present.set(user, isHere);
  };
  for (const event of eventsBackwards) {
    if (event.ev === 'member.join') note(event.from, true);
    else if (event.ev === 'member.leave') note(event.from, false);
    else if (event.ev === 'member.add') note(event.user, true);
    else if (event.ev === 'member.remove' || event.ev === 'member.ban') note(event.user, false);
    else if (event.ev === 'conversation.create')
      for (const user of [event.from, ...event.members]) note(user, true);
  }
  return [...present].filter(([, isHere]) => isHere).map(([user]) => user);
}
