/** nubo, as `nubo.v1.json`: objects in text frames, read where they stand; several that are due travel in one frame. */
import type { Address, ClientPlan } from '../../contract.js';
import type { Adapter, Connection, Sink } from '../adapter.js';
import { WebSocketLink } from '../websocket.js';
import { eachField, integerAt, keyOf, stringAt } from './json-scan.js';
import { IdWriter, idBytes } from './nubo-ids.js';
import { JsonFrame } from './nubo-json-frame.js';
import { RoomFinder } from './nubo-rooms.js';
import { Subscriber } from './nubo-subscriber.js';

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

interface Shared {
  readonly address: Address;
  readonly path: string;
  readonly frame: JsonFrame;
  readonly names: RoomFinder;
  readonly rooms: readonly string[];
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
    connect: (plan, sink) => new NuboJsonConnection(shared, plan, sink, connections++),
    isUniformStream: true,
  };
};

/** Of the message that is being read: where its fields are; 0 when it has no such field. */
const found = { ev: 0, ack: 0, err: 0, conv: 0, seq: 0, text: 0, have: 0, head: 0, code: 0 };

class NuboJsonConnection implements Connection {
  private readonly shared: Shared;
  private readonly sink: Sink;
  private readonly number: number;
  private readonly link: WebSocketLink;
  private readonly subscriber: Subscriber;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink, number: number) {
    this.shared = shared;
    this.sink = sink;
    this.number = number & 0xffff;
    this.subscriber = new Subscriber(plan.hears, sink);
    this.link = new WebSocketLink(
      sink,
      { upgraded() {}, message: (bytes, start) => this.read(bytes, start) },
      {
        ...{ address: shared.address, path: shared.path, protocol: 'nubo.v1.json' },
        headers: { Authorization: `Bearer ${plan.token}` },
      },
    );
  }

  opened(): void {
    this.link.opened();
  }

  received(bytes: Uint8Array): void {
    this.link.received(bytes);
  }

  close(): void {
    this.link.close();
  }

  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, middles } = this.shared;
    if (!frame.hasRoom(text)) this.flush();
    frame.send(this.number, ref, middles[room] as Uint8Array, text);
  }

  flush(): void {
    const bytes = this.shared.frame.take();
    if (bytes !== undefined) this.sink.write(bytes);
  }

  private subscribe(): void {
    const { frame, rooms } = this.shared;
    for (const room of this.subscriber.next())
      frame.subscribe(this.subscriber.refOf(room), rooms[room] as string);
    this.flush();
  }

  private read(bytes: Uint8Array, start: number): void {
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
