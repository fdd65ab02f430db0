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

/** What others know that a line needs. */
export interface Known {
  nameOf(user: string): string;
  /** The beginning of a message that is spoken of; undefined when nobody remembers it. */
  previewOf(message: string): string | undefined;
}

/** One line for one event. */
export function eventLine(event: LogEvent, { nameOf, previewOf }: Known, paint: Paint): string {
  const time = paint('dim', clockTime(event.at));
  const painted = (user: string) => paintedName(paint, user, nameOf(user));
  if (event.ev !== 'message.new')
    return `${time} ${paint('dim', '—')} ${painted(event.from)} ${deed(event, { painted, about: (id) => quoted(previewOf(id)) })}`;
  if (event.state?.deletedAt !== undefined)
    return `${time} ${paint('dim', '—')} ${painted(event.from)} ${paint('dim', 'said something that was deleted')}`;
  const text = `${replyMark(event, painted, paint)}${harmless(event.text)}${afterword(event, paint)}`;
  if (event.metadata?.action === true) return `${time} ${paint('dim', '*')} ${painted(event.from)} ${text}`;
  return `${time} ${painted(event.from)}: ${text}`;
}

/** To whom, and to what. */
function replyMark(
  { parent }: LogEvent<'message.new'>,
  painted: (user: string) => string,
  paint: Paint,
): string {
  if (parent === undefined) return '';
  const said = parent.deleted === true ? 'something deleted' : harmless(parent.preview);
  return `${paint('dim', '↪')} ${painted(parent.from)} ${paint('dim', `“${said}”`)} `;
}

/** What has become of a message of the past. */
function afterword({ state }: LogEvent<'message.new'>, paint: Paint): string {
  const marks = [
    ...(state?.editedAt === undefined ? [] : ['(edited)']),
    ...(state?.pinnedAt === undefined ? [] : ['(pinned)']),
    ...(state?.reactions ?? []).map(([emoji, count]) => `${harmless(emoji)} ${count}`),
  ];
  return marks.length === 0 ? '' : ` ${paint('dim', marks.join('  '))}`;
}

function quoted(preview: string | undefined): string {
  return preview === undefined ? 'a message' : `“${harmless(preview)}”`;
}

function deed(
  event: Exclude<LogEvent, { ev: 'message.new' }>,
  { painted, about }: { painted(user: string): string; about(message: string): string },
): string {
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
      return `edited ${about(event.message)}: ${event.text === '' ? 'it was deleted since' : harmless(event.text)}`;
    case 'message.delete':
      return `deleted ${about(event.message)}`;
    case 'reaction.add':
      return `reacted with ${harmless(event.emoji)} to ${about(event.message)}`;
    case 'reaction.remove':
      return `took ${harmless(event.emoji)} back from ${about(event.message)}`;
    case 'message.pin':
      return `pinned ${about(event.message)}`;
    case 'message.unpin':
      return `unpinned ${about(event.message)}`;
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
