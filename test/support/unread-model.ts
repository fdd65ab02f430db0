/**
 * What is true of unread, mentions and marks, counted again from everything that ever happened: no head, no table, no
 * cursor, nothing that could be kept up to date wrongly.
 */
import type { LogEvent } from '#src/wire/events.js';

interface Step {
  readonly kind: 'come' | 'send' | 'read' | 'unread';
  readonly number: number;
  /** It was in a flush that was written; a crash takes back what was not, but for what the log says. */
  isKept: boolean;
}

export interface Counted {
  readonly isMember: boolean;
  readonly head: number;
  readonly number: number;
  readonly mark: number;
  readonly unread: number;
  readonly mentions: number;
}

class Room {
  readonly events: LogEvent[] = [];
  readonly members = new Set<string>();
  readonly steps = new Map<string, Step[]>();
}

export class UnreadModel {
  private readonly rooms = new Map<string, Room>();

  private room(conv: string): Room {
    let room = this.rooms.get(conv);
    if (room === undefined) {
      room = new Room();
      this.rooms.set(conv, room);
    }
    return room;
  }

  /** Committed events, in their order. */
  take(event: LogEvent): void {
    const room = this.room(event.conv);
    room.events.push(event);
    if (event.ev === 'conversation.create') {
      for (const user of [event.from, ...event.members]) this.come(room, user, event);
    } else if (event.ev === 'member.join') this.come(room, event.from, event);
    else if (event.ev === 'member.add') this.come(room, event.user, event);
    else if (event.ev === 'member.leave') room.members.delete(event.from);
    else if (event.ev === 'member.remove' || event.ev === 'member.ban') room.members.delete(event.user);
    else if (event.ev === 'message.new')
      this.step(room, event.from, { kind: 'send', number: event.number, isKept: true });
  }

  /** A mark that was moved and is not written yet. */
  mark(conv: string, user: string, kind: 'read' | 'unread', number: number): void {
    this.step(this.room(conv), user, { kind, number, isKept: false });
  }

  /** Everything so far of these conversations is written. */
  flushed(conversations: readonly string[]): void {
    for (const conv of conversations)
      for (const list of this.room(conv).steps.values()) for (const step of list) step.isKept = true;
  }

  /** What was not written is gone. */
  crashed(conversations: readonly string[]): void {
    for (const { steps } of conversations.map((conv) => this.room(conv)))
      for (const [user, list] of steps)
        steps.set(
          user,
          list.filter(({ isKept }) => isKept),
        );
  }

  count(conv: string, user: string): Counted {
    const room = this.room(conv);
    const last = room.events.at(-1);
    const number = last?.number ?? 0;
    let mark = 0;
    for (const step of room.steps.get(user) ?? [])
      mark = step.kind === 'unread' ? Math.min(mark, step.number) : Math.max(mark, step.number);
    return {
      isMember: room.members.has(user),
      ...{ head: last?.seq ?? 0, number, mark, unread: Math.max(0, number - mark) },
      mentions: this.mentions(room, user, mark),
    };
  }

  private mentions(room: Room, user: string, mark: number): number {
    const deleted = new Set<string>();
    const named = new Map<string, readonly string[]>();
    for (const event of room.events) {
      if (event.ev === 'message.delete') deleted.add(event.message);
      if (event.ev === 'message.edit' && event.mentions !== undefined)
        named.set(event.message, event.mentions);
    }
    return room.events.filter((event) => {
      if (event.ev !== 'message.new' || event.number <= mark || event.from === user) return false;
      if (deleted.has(event.id)) return false;
      return event.everyone === true || (named.get(event.id) ?? event.mentions ?? []).includes(user);
    }).length;
  }

  private come(room: Room, user: string, { number }: LogEvent): void {
    room.members.add(user);
    this.step(room, user, { kind: 'come', number, isKept: true });
  }

  private step(room: Room, user: string, step: Step): void {
    const list = room.steps.get(user);
    if (list === undefined) room.steps.set(user, [step]);
    else list.push(step);
  }
}
