/**
 * nubo, as `nubo.v1.msgpack`: arrays by position. Only what is needed is read of what comes, where it stands; several
 * messages that are due at once travel in one frame.
 */
import type { Adapter } from '../adapter.js';
import { charactersAt, integerAt, skip } from './msgpack-skip.js';
import { NuboConnection, type NuboShared } from './nubo-connection.js';
import { IdWriter, idBytes } from './nubo-ids.js';
import { frameOperationsMax, MsgpackFrame } from './nubo-msgpack-frame.js';
import { RoomFinder } from './nubo-rooms.js';
import { subscriptionsAtOnce } from './nubo-subscriber.js';

const codes = { ack: 0, err: 1, hello: 20, gap: 21, resumed: 22, unsubscribed: 23, message: 40 };

interface Shared extends NuboShared<Uint8Array> {
  readonly frame: MsgpackFrame;
}

export const nuboMsgpack: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    ...{
      address,
      path: address.options?.path ?? '/ws',
      frame: new MsgpackFrame(new IdWriter()),
      names: new RoomFinder(rooms),
    },
    rooms: rooms.map((room) => Buffer.from(`\xd9\x24${room}`, 'latin1')),
  };
  let connections = 0;
  return {
    connect: (plan, sink) =>
      new NuboMsgpackConnection({ protocol: 'nubo.v1.msgpack', shared, plan, sink, number: connections++ }),
    isUniformStream: true,
  };
};

class NuboMsgpackConnection extends NuboConnection<Uint8Array, Shared> {
  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, rooms } = this.shared;
    if (!frame.hasRoom(text.length)) this.flush();
    frame.send(this.number, ref, rooms[room] as Uint8Array, text);
  }

  protected read(bytes: Uint8Array, start: number, end: number): void {
    const first = bytes[start] as number;
    const second = bytes[start + 1] as number;
    const isSeveral = first >= 0xdc || (first > 0x90 && isArray(second));
    if (!isSeveral) {
      this.readMessage(bytes, start);
      return;
    }
    let at = start + (first === 0xdc ? 3 : first === 0xdd ? 5 : 1);
    while (at < end) at = this.readMessage(bytes, at);
  }

  /** @returns where it ends */
  private readMessage(bytes: Uint8Array, start: number): number {
    const code = bytes[start + 1] as number;
    if (code === codes.message) return this.readNew(bytes, start);
    if (code === codes.ack) {
      const ref = integerAt(bytes, start + 2);
      if (!this.subscriber.isOurs(ref)) this.sink.acked(ref);
    } else this.readRare(bytes, start, code);
    return skip(bytes, start);
  }

  /** `[40, conv, seq, number, id, from, at, text, …]` */
  private readNew(bytes: Uint8Array, start: number): number {
    const places = (bytes[start] as number) & 15;
    const conv = start + 4;
    const seqAt = conv + idBytes;
    const numberAt = skip(bytes, seqAt);
    // id and from have the width of an id and its header.
    const timeAt = skip(bytes, numberAt) + 2 * (idBytes + 2);
    const textAt = skip(bytes, timeAt);
    const room = this.shared.names.at(bytes, conv);
    this.sink.delivered(room, bytes, charactersAt(bytes, textAt), integerAt(bytes, seqAt));
    let at = skip(bytes, textAt);
    for (let left = places - 8; left > 0; left--) at = skip(bytes, at);
    return at;
  }

  private readRare(bytes: Uint8Array, start: number, code: number): void {
    const at = start + 2;
    const room = () => this.shared.names.at(bytes, charactersAt(bytes, at));
    switch (code) {
      case codes.hello:
        this.subscribe();
        this.subscriber.greeted();
        return;
      case codes.resumed:
        this.subscriber.resumed();
        this.subscribe();
        return;
      case codes.gap: {
        const have = skip(bytes, at);
        this.sink.gap(room(), integerAt(bytes, have) + 1, integerAt(bytes, skip(bytes, have)));
        return;
      }
      case codes.unsubscribed:
        this.sink.failed('the server ended a subscription');
        return;
      case codes.err:
        this.readError(bytes, at);
    }
  }

  private readError(bytes: Uint8Array, at: number): void {
    const ref = integerAt(bytes, at);
    const codeAt = skip(bytes, at);
    const messageAt = skip(bytes, codeAt);
    const why = `${textOf(bytes, codeAt)}, ${textOf(bytes, messageAt)}`;
    if (ref < 0 || this.subscriber.isOurs(ref)) this.sink.failed(why);
    else this.sink.refused(ref, why);
  }
}

function isArray(header: number): boolean {
  return (header & 0xf0) === 0x90 || header === 0xdc || header === 0xdd;
}

function textOf(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(charactersAt(bytes, at), skip(bytes, at))).toString();
}

/** Subscriptions travel in one frame. */
if (subscriptionsAtOnce > frameOperationsMax)
  throw new Error('more subscriptions at once than a frame may hold');
