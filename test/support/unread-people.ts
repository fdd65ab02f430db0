/** Random things that people do in a few conversations, in the order and the numbering of their logs. */
import { uuidv7 } from 'uuidv7';
import type { LogEvent } from '#src/wire/events.js';
import type { SeededRandom } from './seeded-random.js';

interface Said {
  readonly id: string;
  readonly seq: number;
  readonly number: number;
  readonly from: string;
  readonly at: number;
}

/** One conversation as those who write to it know it. */
export interface Room {
  readonly conv: string;
  readonly shard: number;
  seq: number;
  number: number;
  readonly members: Set<string>;
  readonly said: Said[];
}

export class People {
  readonly users: readonly string[];
  readonly rooms: readonly Room[];
  private readonly random: SeededRandom;

  constructor(random: SeededRandom, counts: { users: number; rooms: number; shards: number }) {
    this.random = random;
    this.users = Array.from({ length: counts.users }, () => uuidv7());
    this.rooms = Array.from({ length: counts.rooms }, (_, index) => ({
      ...{ conv: uuidv7(), shard: index % counts.shards, seq: 0, number: 0 },
      ...{ members: new Set<string>(), said: [] },
    }));
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  one<Item>(items: Iterable<Item>): Item | undefined {
    const list = [...items];
    return list[this.below(list.length)];
  }

  create(room: Room): LogEvent {
    const [owner = '', ...others] = this.users.filter(() => this.chance(0.7));
    for (const user of [owner, ...others]) room.members.add(user);
    return { ev: 'conversation.create', ...this.place(room, owner), type: 'group', members: others };
  }

  /** The next event of a room; undefined when chance wants what cannot be. `touched`: messages of this batch. */
  event(room: Room, touched: Set<string>): LogEvent | undefined {
    const from = this.one(room.members);
    if (from === undefined || this.chance(0.1)) return this.coming(room, from);
    if (this.chance(0.75)) return this.message(room, from, touched);
    const said = this.one(room.said);
    if (said === undefined || touched.has(said.id)) return undefined;
    touched.add(said.id);
    if (this.chance(0.4)) {
      room.said.splice(room.said.indexOf(said), 1);
      const { id: message, seq: messageSeq, number: messageNumber, from: author, at: sentAt } = said;
      const about = { message, messageSeq, messageNumber, author, sentAt };
      return { ev: 'message.delete', ...this.place(room, from), ...about };
    }
    const mentions = this.chance(0.7) ? { mentions: this.named(room) } : {};
    const about = { message: said.id, messageSeq: said.seq, text: 'edited' };
    return { ev: 'message.edit', ...this.place(room, from), ...about, ...mentions };
  }

  private message(room: Room, from: string, touched: Set<string>): LogEvent {
    room.number += 1;
    const place = this.place(room, from);
    room.said.push({ id: place.id, seq: place.seq, number: place.number, from, at: place.at });
    touched.add(place.id);
    const meant = this.chance(0.15)
      ? { everyone: true as const, ...(this.chance(0.5) ? { mentions: this.named(room) } : {}) }
      : this.chance(0.4)
        ? { mentions: this.named(room) }
        : {};
    return { ev: 'message.new', ...place, text: 'said', ...meant };
  }

  private coming(room: Room, member: string | undefined): LogEvent | undefined {
    const stranger = this.one(this.users.filter((user) => !room.members.has(user)));
    if (stranger !== undefined && (member === undefined || this.chance(0.6))) {
      room.members.add(stranger);
      if (member === undefined || this.chance(0.5))
        return { ev: 'member.join', ...this.place(room, stranger) };
      return { ev: 'member.add', ...this.place(room, member), user: stranger };
    }
    if (member === undefined || room.members.size < 2) return undefined;
    room.members.delete(member);
    const other = this.one(room.members) ?? member;
    if (this.chance(0.4)) return { ev: 'member.leave', ...this.place(room, member) };
    const ev = this.chance(0.5) ? ('member.remove' as const) : ('member.ban' as const);
    return { ev, ...this.place(room, other), user: member };
  }

  private named(room: Room): string[] {
    return [...room.members].filter(() => this.chance(0.3));
  }

  private place(room: Room, from: string) {
    room.seq += 1;
    return { conv: room.conv, seq: room.seq, number: room.number, id: uuidv7(), from, at: Date.now() };
  }
}
