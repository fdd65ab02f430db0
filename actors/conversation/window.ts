/**
 * The recent past of a conversation, as far as its actor remembers it: the last events (for subscribers and history)
 * and the ids of the last operations (to answer retries without asking the store). It knows what it does not know:
 * an id at or below `floor` may be stored without being remembered here.
 */
import { withoutContents } from '#src/storage/facts.js';
import type { Target, TargetQuestion } from '#src/storage/ports.js';
import type { LogEvent, MessageChange } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { RecentIds, type Remembered } from './recent-ids.js';

export const windowLimits = {
  eventsMax: 128,
  /** Texts of the events kept; a few long ones must not make 100,000 conversations heavy. */
  textCharsMax: 128 * 1024,
  idsMax: 1024,
} as const;

export class RecentWindow {
  private events: LogEvent[] = [];
  private chars = 0;
  /** The events themselves as long as they are here. */
  private readonly ids = new RecentIds(windowLimits.idsMax);
  /** The highest id that may be stored and is not remembered; '' when all are. */
  private floor: string;

  /** `recent`: the last events, rising; what came before them is not known one by one. */
  constructor(recent: readonly LogEvent[]) {
    const first = recent[0];
    // An event before the first was committed no later than it, so its id is at most so far ahead of that time (L4).
    this.floor = first === undefined || first.seq === 1 ? '' : highestIdAt(first.at + wireLimits.idFutureMs);
    for (const event of recent) this.add(event);
  }

  /** The first seq held; Infinity when there is none. */
  get firstSeq(): number {
    return this.events[0]?.seq ?? Number.POSITIVE_INFINITY;
  }

  get last(): LogEvent | undefined {
    return this.events.at(-1);
  }

  /** When the first event held was written (Unix ms), so that what was before it is known to be no younger. */
  get firstAt(): number | undefined {
    return this.events[0]?.at;
  }

  add(event: LogEvent): void {
    this.events.push(event);
    this.chars += charsOf(event);
    const forgotten = this.ids.add(event);
    if (forgotten !== undefined && forgotten > this.floor) this.floor = forgotten;
    if (this.events.length > 2 * windowLimits.eventsMax || this.chars > 2 * windowLimits.textCharsMax)
      this.trim();
  }

  /** What a deleted message said is gone, here as well: in the message itself and in its edits. */
  forgetContents(message: string): void {
    for (const [index, event] of this.events.entries()) {
      if (event.id !== message && !(event.ev === 'message.edit' && event.message === message)) continue;
      const left = withoutContents(event);
      this.chars += charsOf(left) - charsOf(event);
      this.events[index] = left;
      this.ids.strip(this.events.length - 1 - index);
    }
  }

  /** No operation with this id or a higher one is remembered or may be stored. */
  isAboveAll(id: string): boolean {
    return id > this.ids.highest && id > this.floor;
  }

  remembered(id: string): Remembered | undefined {
    return this.ids.find(id);
  }

  /** Is this a message that is here? */
  hasMessage(id: string): boolean {
    return this.message(id) !== undefined;
  }

  /**
   * What is true of a message that is here: all that happened to it came after it, so it is here as well. Undefined for
   * what is no message, or not here.
   */
  target({ message, user, emoji }: TargetQuestion): Target | undefined {
    const said = this.message(message);
    if (said === undefined) return undefined;
    const { conv, from, seq, number, at } = said;
    let version = 0;
    let isDeleted = false;
    /** Who has reacted, by emoji. */
    const reactions = new Map<string, Set<string>>();
    for (let place = seq + 1 - this.firstSeq; place < this.events.length; place++) {
      const event = this.events[place] as LogEvent;
      if (!('message' in event) || event.message !== message) continue;
      version = event.seq;
      if (event.ev === 'message.delete') isDeleted = true;
      else if ('emoji' in event) noteReaction(reactions, event);
    }
    if (isDeleted) reactions.clear();
    const users = emoji === undefined ? undefined : reactions.get(emoji);
    return {
      ...{ conv, from, seq, number, at, version, isDeleted, emojis: reactions.size },
      ...{ hasReacted: user !== undefined && users?.has(user) === true, hasEmoji: users !== undefined },
    };
  }

  private message(id: string): LogEvent | undefined {
    const seq = this.ids.find(id)?.seq;
    const event = seq === undefined || seq < this.firstSeq ? undefined : this.events[seq - this.firstSeq];
    return event?.ev === 'message.new' ? event : undefined;
  }

  /** May this id be stored although it is not remembered? Then the store must be asked. */
  mayBeForgotten(id: string): boolean {
    return id <= this.floor;
  }

  /** Events with after < seq < before when all of them are here, else undefined. */
  between(after: number, before: number): LogEvent[] | undefined {
    if (before <= after + 1) return [];
    if (after + 1 < this.firstSeq) return undefined;
    const start = after + 1 - this.firstSeq;
    return this.events.slice(start, start + before - after - 1);
  }

  /** Trims to the bounds, in steps, so that adding stays cheap. */
  private trim(): void {
    let drop = Math.max(0, this.events.length - windowLimits.eventsMax);
    let chars = this.chars;
    for (const event of this.events.slice(0, drop)) chars -= charsOf(event);
    while (chars > windowLimits.textCharsMax && drop < this.events.length - 1) {
      chars -= charsOf(this.events[drop] as LogEvent);
      drop += 1;
    }
    // Their ids outlive them, and must not keep their texts.
    for (let place = 0; place < drop; place++) this.ids.strip(this.events.length - 1 - place);
    this.events = this.events.slice(drop);
    this.chars = chars;
  }
}

function noteReaction(
  reactions: Map<string, Set<string>>,
  { ev, emoji, from }: Extract<MessageChange, { emoji: string }>,
): void {
  const users = reactions.get(emoji) ?? new Set();
  if (ev === 'reaction.add') reactions.set(emoji, users.add(from));
  else if (users.delete(from) && users.size === 0) reactions.delete(emoji);
}

function charsOf(event: LogEvent): number {
  return event.ev === 'message.new' || event.ev === 'message.edit' ? event.text.length : 64;
}

/** The highest UUIDv7 whose time is `milliseconds`. */
function highestIdAt(milliseconds: number): string {
  const hex = milliseconds.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7fff-bfff-ffffffffffff`;
}
