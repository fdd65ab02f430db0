/**
 * socket.io's protocol 5 over engine.io 4, WebSocket transport only: text frames that begin with the digits of both
 * protocols. The ack is the acknowledgement of the event `send`. Everybody in a room is sent the same bytes.
 */
import type { Address, ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { opcodes } from '../../frames.js';
import { JsonTexts } from '../../json-text.js';
import { clientFrame, WebSocketLink } from '../../websocket.js';
import { integerAt } from '../json-scan.js';
import { OutgoingFrame } from './outgoing-frame.js';

const path = '/socket.io/?EIO=4&transport=websocket';
/** Digits of engine.io: open, ping, message. */
const engineOpen = 0x30;
const enginePing = 0x32;
const engineMessage = 0x34;
/** Digits of socket.io behind it: connect, disconnect, event, acknowledgement, refused connect. */
const connect = 0x30;
const disconnect = 0x31;
const event = 0x32;
const acknowledgement = 0x33;
const refusedConnect = 0x34;
const quote = 0x22;
const openList = 0x5b;
const closeList = 0x5d;
const beforeRoom = '42["message","'.length;
const beforeText = '","'.length;
/** The acknowledgement of `join`: refs begin at 1. */
const joinId = 0;
const head = Buffer.from('42');
const tail = Buffer.from('"]');

interface Shared {
  readonly address: Address;
  readonly rooms: readonly string[];
  readonly roomOf: ReadonlyMap<string, number>;
  readonly middles: readonly Buffer[];
  readonly frame: OutgoingFrame;
  readonly texts: JsonTexts;
}

export const socketIoAdapter: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    ...{ address, rooms, frame: new OutgoingFrame(opcodes.text), texts: new JsonTexts() },
    roomOf: new Map(rooms.map((room, index) => [room, index])),
    middles: rooms.map((room) => Buffer.from(`["send","${room}","`)),
  };
  return { isUniformStream: true, connect: (plan, sink) => new SocketIoConnection(shared, plan, sink) };
};

class SocketIoConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly link: WebSocketLink;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
    const message = (bytes: Uint8Array, start: number, end: number) => this.onFrame(bytes, start, end);
    this.link = new WebSocketLink(sink, { upgraded() {}, message }, { address: shared.address, path });
  }

  opened(): void {
    this.link.opened();
  }

  received(bytes: Uint8Array): void {
    this.link.received(bytes);
  }

  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, middles, texts } = this.shared;
    frame.put(head);
    frame.decimal(ref);
    frame.put(middles[room] as Buffer);
    frame.put(texts.of(text));
    frame.put(tail);
    frame.flush(this.sink);
  }

  close(): void {
    this.say('41');
    this.link.close();
  }

  private say(text: string): void {
    this.sink.write(clientFrame(text));
  }

  private onFrame(bytes: Uint8Array, start: number, end: number): void {
    const engine = bytes[start];
    if (engine === enginePing) this.say('3');
    else if (engine === engineOpen) this.say(`40${JSON.stringify({ token: this.plan.token })}`);
    else if (engine === engineMessage) this.onPacket(bytes, start, end);
  }

  private onPacket(bytes: Uint8Array, start: number, end: number): void {
    switch (bytes[start + 1] as number) {
      case event:
        this.onMessage(bytes, start, end);
        return;
      case acknowledgement:
        this.onAcknowledgement(bytes, start, end);
        return;
      case connect: {
        const names = this.plan.hears.map((room) => this.shared.rooms[room]);
        this.say(`42${joinId}${JSON.stringify(['join', names])}`);
        return;
      }
      case refusedConnect:
      case disconnect:
        this.sink.failed(`socket.io ended it: ${textOf(bytes, start, end)}`);
    }
  }

  private onMessage(bytes: Uint8Array, start: number, end: number): void {
    const { hears } = this.plan;
    const roomAt = start + beforeRoom;
    let roomEnd = roomAt;
    while (roomEnd < end && bytes[roomEnd] !== quote) roomEnd++;
    const room = hears.length === 1 ? hears[0] : this.shared.roomOf.get(textOf(bytes, roomAt, roomEnd));
    if (room !== undefined) this.sink.delivered(room, bytes, roomEnd + beforeText);
  }

  /** `43<id>[]`, or with a reason when it was refused. */
  private onAcknowledgement(bytes: Uint8Array, start: number, end: number): void {
    const id = integerAt(bytes, start + 2);
    if (id === joinId) {
      this.sink.ready();
      return;
    }
    const list = bytes.indexOf(openList, start);
    if (bytes[list + 1] === closeList) this.sink.acked(id);
    else this.sink.refused(id, textOf(bytes, list, end));
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
