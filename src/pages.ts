/** Pages as they are told: each message with what has become of it, and each reply with what it replies to. */
import { withoutContents } from './storage/facts.js';
import type { ChangedMessage } from './storage/ports.js';
import type { LogEvent, Parent } from './wire/events.js';

/** Messages that are edited in the page and stand elsewhere: their edits say nothing once they are deleted. */
export function editedElsewhere(events: readonly LogEvent[]): string[] {
  const first = events[0]?.seq ?? 0;
  const ids = new Set<string>();
  for (const event of events)
    if (event.ev === 'message.edit' && event.messageSeq < first) ids.add(event.message);
  return [...ids];
}

/** The messages that are replied to in the page. */
export function repliedTo(events: readonly LogEvent[]): string[] {
  const ids = new Set<string>();
  for (const event of events)
    if (event.ev === 'message.new' && event.replyTo !== undefined) ids.add(event.replyTo);
  return [...ids];
}

/** @param isDeleted what was deleted since `changed` was read */
export function decorate(
  events: readonly LogEvent[],
  found: { readonly changed: readonly ChangedMessage[]; readonly parents: readonly Parent[] },
  isDeleted: (message: string) => boolean,
): LogEvent[] {
  const changes = new Map(found.changed.map((changed) => [changed.message, changed]));
  const parents = new Map(found.parents.map((parent) => [parent.id, parent]));
  const isGone = (message: string): boolean =>
    changes.get(message)?.state.deletedAt !== undefined || isDeleted(message);
  return events.map((event) => {
    if (event.ev === 'message.edit')
      return isGone(event.message)
        ? withoutContents(event)
        : withTextOfNow(event, changes.get(event.message));
    if (event.ev !== 'message.new') return event;
    const changed = changes.get(event.id);
    if (isGone(event.id)) {
      const left = withoutContents(event) as LogEvent<'message.new'>;
      return changed === undefined ? left : { ...left, state: changed.state };
    }
    return withParent(changed === undefined ? event : withChanges(event, changed), parents, isDeleted);
  });
}

/** Tiers do not keep what an edit said: in a page it says what its message says now. */
function withTextOfNow(
  event: LogEvent<'message.edit'>,
  changed: ChangedMessage | undefined,
): LogEvent<'message.edit'> {
  if (changed?.text === undefined) return event;
  const now: LogEvent<'message.edit'> = { ...event, text: changed.text };
  if (changed.metadata !== undefined) now.metadata = changed.metadata as NonNullable<typeof event.metadata>;
  if (changed.mentions !== undefined) now.mentions = [...changed.mentions];
  return now;
}

function withChanges(
  event: LogEvent<'message.new'>,
  { state, text, metadata, mentions }: ChangedMessage,
): LogEvent<'message.new'> {
  const changed: LogEvent<'message.new'> = { ...event, state };
  if (text !== undefined) changed.text = text;
  if (metadata !== undefined) changed.metadata = metadata as NonNullable<typeof event.metadata>;
  if (mentions !== undefined) changed.mentions = [...mentions];
  return changed;
}

function withParent(
  event: LogEvent<'message.new'>,
  parents: ReadonlyMap<string, Parent>,
  isDeleted: (message: string) => boolean,
): LogEvent<'message.new'> {
  const parent = event.replyTo === undefined ? undefined : parents.get(event.replyTo);
  if (parent === undefined) return event;
  return { ...event, parent: isDeleted(parent.id) ? { ...parent, preview: '', deleted: true } : parent };
}
