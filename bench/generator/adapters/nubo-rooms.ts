/**
 * Which room is the conversation named at a place in a frame? Ids end in digits of chance, so the last eight are enough
 * to tell rooms apart, and are read as one number.
 */
import { idBytes } from './nubo-ids.js';

const keyDigits = 8;

export class RoomFinder {
  private readonly rooms = new Map<number, number>();

  /** @throws Error when two rooms cannot be told apart */
  constructor(rooms: readonly string[]) {
    for (const [index, room] of rooms.entries()) {
      const bytes = Buffer.from(room);
      if (bytes.length !== idBytes) throw new Error(`${room} is not the id of a conversation.`);
      const key = keyAt(bytes, 0);
      if (this.rooms.has(key)) throw new Error(`Two rooms end in the same digits: ${room}.`);
      this.rooms.set(key, index);
    }
  }

  /** The index of the room whose id stands in `bytes` at `at`; −1 when it is none of ours. */
  at(bytes: Uint8Array, at: number): number {
    return this.rooms.get(keyAt(bytes, at)) ?? -1;
  }
}

function keyAt(bytes: Uint8Array, at: number): number {
  let key = 0;
  for (let index = at + idBytes - keyDigits; index < at + idBytes; index++) {
    const character = bytes[index] as number;
    // Digits stand before letters in ASCII; the low bits of a letter begin at 1.
    key = key * 16 + (character < 0x40 ? character & 15 : (character & 15) + 9);
  }
  return key;
}
