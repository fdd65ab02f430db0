/** nubo, as `nubo.v1.json`: objects in text frames, read where they stand; several that are due travel in one frame. */
import type { Adapter } from '../adapter.js';
import { eachField, integerAt, keyOf, stringAt } from './json-scan.js';
import { NuboConnection, type NuboShared } from './nubo-connection.js';
import { IdWriter, idBytes } from './nubo-ids.js';
import { JsonFrame } from './nubo-json-frame.js';
import { RoomFinder } from './nubo-rooms.js';

const keys = {
  ...{ ack: keyOf('ack'), err: keyOf('err'), ev: keyOf('ev'), conv: keyOf('conv'), id: keyOf('id') },
  ...{
    seq: keyOf('seq'),
    text: keyOf('text'),
    from: keyOf('from'),
    have: keyOf('have'),
    head: keyOf('head'),
  },
  ...{ code: keyOf('code') },
};
const openList = 0x5b;
const comma = 0x2c;

interface Shared extends NuboShared<string> {
  readonly frame: JsonFrame;
  /** Between the id and the text of a message to each room. */
  readonly middles: readonly Uint8Array[];
}

export const nuboJson: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    ...{ address, path: address.options?.path ?? '/ws', rooms },
    ...{ frame: new JsonFrame(new IdWriter()), names: new RoomFinder(rooms) },
    middles: rooms.map((room) => Buffer.from(`","conv":"${room}","text":"`)),
  };
  let connections = 0;
  return {
    connect: (plan, sink) =>
      new NuboJsonConnection({ protocol: 'nubo.v1.json', shared, plan, sink, number: connections++ }),
    isUniformStream: true,
  };
};

/** Of the message that is being read: where its fields are; 0 when it has no such field. */
const found = { ev: 0, ack: 0, err: 0, conv: 0, seq: 0, text: 0, have: 0, head: 0, code: 0 };

class NuboJsonConnection extends NuboConnection<string, Shared> {
  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, middles } = this.shared;
    if (!frame.hasRoom(text)) this.flush();
    frame.send(this.number, ref, middles[room] as Uint8Array, text);
  }

  protected read(bytes: Uint8Array, start: number): void {
    if (bytes[start] !== openList) {
      this.readMessage(bytes, start);
      return;
    }
    let at = start;
    while (bytes[at] === openList || bytes[at] === comma) at = this.readMessage(bytes, at + 1);
  }

  private readMessage(bytes: Uint8Array, start: number): number {
    clear();
    const end = eachField(bytes, start, note);
    if (found.ack > 0) {
      const ref = integerAt(bytes, found.ack);
      if (!this.subscriber.isOurs(ref)) this.sink.acked(ref);
    } else if (found.text > 0) {
      // The ids stand behind their quotes.
      const room = this.shared.names.at(bytes, found.conv + 1);
      this.sink.delivered(room, bytes, found.text + 1, integerAt(bytes, found.seq));
    } else this.readRare(bytes);
    return end;
  }

  private readRare(bytes: Uint8Array): void {
    const { err, ev, conv, have, head: headAt, code } = found;
    if (err > 0) {
      const ref = integerAt(bytes, err);
      const why = stringAt(bytes, code);
      if (ref < 0 || this.subscriber.isOurs(ref)) this.sink.failed(why);
      else this.sink.refused(ref, why);
      return;
    }
    switch (stringAt(bytes, ev)) {
      case 'hello':
        this.subscribe();
        this.subscriber.greeted();
        return;
      case 'resumed':
        this.subscriber.resumed();
        this.subscribe();
        return;
      case 'gap':
        this.sink.gap(
          this.shared.names.at(bytes, conv + 1),
          integerAt(bytes, have) + 1,
          integerAt(bytes, headAt),
        );
        return;
      case 'unsubscribed':
        this.sink.failed('the server ended a subscription');
    }
  }
}

function clear(): void {
  found.ev = 0;
  found.ack = 0;
  found.err = 0;
  found.conv = 0;
  found.seq = 0;
  found.text = 0;
  found.have = 0;
  found.head = 0;
  found.code = 0;
}

/** Bytes of an id with its quotes: those of ids need not be walked through. */
const quotedIdBytes = idBytes + 2;
const quote = 0x22;

function idEnd(bytes: Uint8Array, at: number): number {
  return bytes[at + quotedIdBytes - 1] === quote ? at + quotedIdBytes : -1;
}

function note(bytes: Uint8Array, key: number, value: number): number {
  switch (key) {
    case keys.ev:
      found.ev = value;
      return -1;
    case keys.ack:
      found.ack = value;
      return -1;
    case keys.err:
      found.err = value;
      return -1;
    case keys.conv:
      found.conv = value;
      return idEnd(bytes, value);
    case keys.id:
    case keys.from:
      return idEnd(bytes, value);
    case keys.seq:
      found.seq = value;
      return -1;
    case keys.text:
      found.text = value;
      return -1;
    case keys.have:
      found.have = value;
      return -1;
    case keys.head:
      found.head = value;
      return -1;
    case keys.code:
      found.code = value;
      return -1;
    default:
      return -1;
  }
}
