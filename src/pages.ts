/** Pages as they are told: each message with what has become of it, and each reply with what it replies to. */
import { foldChange, previewOf } from './message-fold.js';
import { withoutContents } from './storage/facts.js';
import type { ChangedMessage, TieredPage } from './storage/ports.js';
import type { LogEvent, MessageChange, Parent } from './wire/events.js';

/** Events that were read, and what was found of their messages when the head was `askedAt`. */
export interface PageRead {
  readonly events: readonly LogEvent[];
  /** As of the page that they are of. */
  readonly keep?: TieredPage['keep'];
  readonly askedAt: number;
  readonly changed: readonly ChangedMessage[];
  readonly parents: readonly Parent[];
}

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

/** The page as it is after these changes, which came since the store was asked. */
export function upToDate(page: PageRead, since: readonly MessageChange[], user: string): PageRead {
  if (since.length === 0) return page;
  const { events } = page;
  const inPage = new Set(editedElsewhere(events));
  for (const event of events) if (event.ev === 'message.new') inPage.add(event.id);
  const changed = new Map(page.changed.map((message) => [message.message, message]));
  const parents = new Map(page.parents.map((parent) => [parent.id, parent]));
  for (const event of since) {
    const { message } = event;
    if (inPage.has(message)) changed.set(message, foldChange(changed.get(message), event, user));
    const parent = parents.get(message);
    if (parent !== undefined) parents.set(message, withParentChange(parent, event));
  }
  return { ...page, changed: [...changed.values()], parents: [...parents.values()] };
}

function withParentChange(parent: Parent, event: MessageChange): Parent {
  if (event.ev === 'message.delete') return { ...parent, preview: '', deleted: true };
  if (event.ev !== 'message.edit' || parent.deleted) return parent;
  return { ...parent, preview: previewOf(event.text) };
}

export function decorate({ events, ...found }: Omit<PageRead, 'askedAt'>): LogEvent[] {
  const changes = new Map(found.changed.map((changed) => [changed.message, changed]));
  const parents = new Map(found.parents.map((parent) => [parent.id, parent]));
  const isGone = (message: string): boolean => changes.get(message)?.state.deletedAt !== undefined;
  return events.map((event) => {
    if (event.ev === 'message.edit')
      return isGone(event.message)
        ? withoutContents(event)
        : withTextOfNow(event, changes.get(event.message));
    if (event.ev !== 'message.new') return event;
    const changed = changes.get(event.id);
    if (changed !== undefined && isGone(event.id))
      return { ...(withoutContents(event) as LogEvent<'message.new'>), state: changed.state };
    return withParent(changed === undefined ? event : withChanges(event, changed), parents);
  });
}

/** The events as they are stored, without what deleted messages said. */
export function withoutDeleted({ events, changed }: PageRead): readonly LogEvent[] {
  const gone = new Set(
    changed.flatMap(({ message, state }) => (state.deletedAt === undefined ? [] : [message])),
  );
  return gone.size === 0
    ? events
    : events.map((event) => (gone.has(event.id) ? withoutContents(event) : event));
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
): LogEvent<'message.new'> {
  const parent = event.replyTo === undefined ? undefined : parents.get(event.replyTo);
  return parent === undefined ? event : { ...event, parent };
}
