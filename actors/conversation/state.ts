/** What a conversation is: pure state, moved only by the events of its log. */
import { applyToFacts, type Facts, factsOf, withoutContents } from '#src/storage/facts.js';
import type { ConversationSnapshot, Head } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { RecentChanges } from './recent-changes.js';
import { RecentWindow } from './window.js';

export interface ConversationState extends Facts {
  head: Head;
  readonly window: RecentWindow;
  readonly changes: RecentChanges;
  /** When each member wrote last (Unix ms), as long as there is a slow mode. */
  readonly wroteAt: Map<string, number>;
  /** Who of the two of a direct conversation has blocked the other. */
  blockers: readonly string[];
}

export function stateOf(snapshot: ConversationSnapshot): ConversationState {
  const { info, members, bans, mutesOfAbsent, pins, isChanged } = factsOf(snapshot);
  // Each by its name: an object that begins as a copy of another keeps its fields at a distance.
  const state: ConversationState = {
    head: snapshot.head,
    info,
    members,
    bans,
    mutesOfAbsent,
    pins,
    isChanged,
    window: new RecentWindow(snapshot.recent),
    changes: new RecentChanges(snapshot.head.seq),
    wroteAt: new Map<string, number>(),
    blockers: snapshot.blockers ?? [],
  };
  for (const event of snapshot.recent) noteWriter(state, event);
  return state;
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
  if (event.ev === 'message.new') return noteWriter(state, event);
  applyToFacts(state, event);
  if ('message' in event) state.changes.add(event);
  if (event.ev === 'message.delete') state.window.forgetContents(event.message);
}

/** With a slow mode it is kept when each has written last. */
export function noteWriter({ info, wroteAt }: ConversationState, event: LogEvent): void {
  if (info?.slowMs === undefined || event.ev !== 'message.new') return;
  wroteAt.delete(event.from);
  wroteAt.set(event.from, event.at);
  // In the order of time: those whose time is over go first.
  for (const [user, at] of wroteAt) {
    if (event.at - at < info.slowMs) break;
    wroteAt.delete(user);
  }
}

/** Who is told that they are here now, beside those who came by themselves. */
export function newcomersOf(event: LogEvent): readonly string[] {
  if (event.ev === 'conversation.create') return event.members;
  return event.ev === 'member.add' ? [event.user] : [];
}

/** Events of one batch as they are told live: what was deleted in the same batch says nothing any more (C2). */
export function withoutDeleted(events: readonly LogEvent[]): readonly LogEvent[] {
  const deleted = new Set<string>();
  for (const event of events) if (event.ev === 'message.delete') deleted.add(event.message);
  if (deleted.size === 0) return events;
  return events.map((event) =>
    event.ev === 'message.edit' && deleted.has(event.message) ? withoutContents(event) : event,
  );
}
