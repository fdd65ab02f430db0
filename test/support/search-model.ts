/** What a search must find, by looking at everything: the model that tests hold the index against. */
import { uuidv7 } from 'uuidv7';
import type { LogEvent } from '#src/wire/events.js';

interface Said {
  readonly id: string;
  readonly conv: string;
  readonly seq: number;
  readonly from: string;
  readonly at: number;
  text: string;
  isDeleted: boolean;
}

interface Room {
  readonly conv: string;
  readonly isOpen: boolean;
  readonly members: Set<string>;
  seq: number;
  number: number;
}

export interface Wanted {
  readonly user: string;
  /** Each must be there … */
  readonly all: readonly string[];
  /** … and none of these. */
  readonly none: readonly string[];
  readonly conv?: string;
  readonly from?: string;
  readonly since?: number;
}

/** Conversations and what happens in them, as events of the log and as what is true afterwards. */
export class SearchModel {
  readonly rooms: Room[] = [];
  readonly messages: Said[] = [];
  /** So that what is later has a later time, and some things the same. */
  private now = Date.now() - 3_600_000;

  create(owner: string, members: readonly string[], type: 'group' | 'channel'): LogEvent {
    const room: Room = {
      conv: uuidv7(),
      isOpen: type === 'channel',
      members: new Set([owner, ...members]),
      ...{ seq: 0, number: 0 },
    };
    this.rooms.push(room);
    return { ev: 'conversation.create', ...this.row(room, owner), type, members: [...members] };
  }

  say(room: Room, from: string, text: string): LogEvent {
    room.number += 1;
    const row = this.row(room, from);
    const { id, seq, at } = row;
    this.messages.push({ id, conv: room.conv, seq, from, at, text, isDeleted: false });
    return { ev: 'message.new', ...row, text };
  }

  edit(said: Said, text: string): LogEvent {
    said.text = text;
    return { ev: 'message.edit', ...this.about(said), text };
  }

  delete(said: Said): LogEvent {
    said.isDeleted = true;
    const about = this.about(said);
    return { ev: 'message.delete', ...about, messageNumber: 1, author: said.from, sentAt: said.at };
  }

  join(room: Room, user: string): LogEvent {
    room.members.add(user);
    return { ev: 'member.join', ...this.row(room, user) };
  }

  leave(room: Room, user: string): LogEvent {
    room.members.delete(user);
    return { ev: 'member.leave', ...this.row(room, user) };
  }

  /** Ids, newest first; undefined: the conversation is not there for this user. */
  find({ user, all, none, conv, from, since }: Wanted): string[] | undefined {
    const asked = this.rooms.find((room) => room.conv === conv);
    if (asked !== undefined && !asked.isOpen && !asked.members.has(user)) return undefined;
    const readable = new Set(
      asked === undefined
        ? this.rooms.filter(({ members }) => members.has(user)).map((room) => room.conv)
        : [asked.conv],
    );
    return this.messages
      .filter((said) => !said.isDeleted && readable.has(said.conv))
      .filter((said) => from === undefined || said.from === from)
      .filter((said) => since === undefined || said.at >= since)
      .filter(({ text }) => {
        const words = new Set(text.toLowerCase().split(/[^\p{L}\d]+/u));
        return all.every((word) => words.has(word)) && none.every((word) => !words.has(word));
      })
      .sort((one, other) => other.at - one.at || (other.id < one.id ? -1 : 1))
      .map(({ id }) => id);
  }

  private about(said: Said) {
    const room = this.rooms.find(({ conv }) => conv === said.conv) as Room;
    return { ...this.row(room, said.from), message: said.id, messageSeq: said.seq };
  }

  private row(room: Room, from: string) {
    room.seq += 1;
    this.now += room.seq % 3 === 0 ? 0 : 1;
    return { conv: room.conv, seq: room.seq, number: room.number, id: uuidv7(), from, at: this.now };
  }
}
