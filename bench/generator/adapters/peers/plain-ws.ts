/**
 * What our small server on `ws` speaks: one JSON object a frame. Everybody in a room is sent the same bytes. The ack
 * comes when the message's INSERT is committed.
 */
import type { Address, ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { opcodes } from '../../frames.js';
import { JsonTexts } from '../../json-text.js';
import { clientFrame, WebSocketLink } from '../../websocket.js';
import { integerAt } from '../json-scan.js';
import { OutgoingFrame } from './outgoing-frame.js';

/** The third character of a frame: `{"room"`, `{"ack"`, `{"subscribed"`, `{"error"`. */
const roomLetter = 0x72;
const ackLetter = 0x61;
const quote = 0x22;
const beforeRoom = '{"room":"'.length;
const beforeAck = '{"ack":'.length;
const textField = Buffer.from('","text":"');
const head = Buffer.from('{"ref":');
const tail = Buffer.from('"}');

interface Shared {
  readonly address: Address;
  readonly rooms: readonly string[];
  readonly roomOf: ReadonlyMap<string, number>;
  readonly middles: readonly Buffer[];
  readonly frame: OutgoingFrame;
  readonly texts: JsonTexts;
}

export const plainWsAdapter: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    ...{ address, rooms, frame: new OutgoingFrame(opcodes.text), texts: new JsonTexts() },
    roomOf: new Map(rooms.map((room, index) => [room, index])),
    middles: rooms.map((room) => Buffer.from(`,"room":"${room}","text":"`)),
  };
  return { isUniformStream: true, connect: (plan, sink) => new PlainConnection(shared, plan, sink) };
};

class PlainConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly link: WebSocketLink;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
    const handler = {
      upgraded: () => this.subscribe(),
      message: (bytes: Uint8Array, start: number, end: number) => this.onFrame(bytes, start, end),
    };
    const headers = { Authorization: `Bearer ${plan.token}` };
    this.link = new WebSocketLink(sink, handler, { address: shared.address, path: '/', headers });
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
    this.link.close();
  }

  private subscribe(): void {
    const names = this.plan.hears.map((room) => this.shared.rooms[room]);
    this.sink.write(clientFrame(JSON.stringify({ subscribe: names })));
  }

  private onFrame(bytes: Uint8Array, start: number, end: number): void {
    const kind = bytes[start + 2];
    if (kind === roomLetter) this.onMessage(bytes, start, end);
    else if (kind === ackLetter) this.sink.acked(integerAt(bytes, start + beforeAck));
    else this.onRare(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString());
  }

  /** The text is the last field, and nothing before it is written by a user. */
  private onMessage(bytes: Uint8Array, start: number, end: number): void {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const { hears } = this.plan;
    let room = hears.length === 1 ? hears[0] : undefined;
    room ??= this.shared.roomOf.get(frame.toString('latin1', beforeRoom, frame.indexOf(quote, beforeRoom)));
    const at = frame.indexOf(textField, beforeRoom);
    if (room !== undefined && at >= 0) this.sink.delivered(room, bytes, start + at + textField.length);
  }

  private onRare(text: string): void {
    const { error, why = '' } = JSON.parse(text) as { error?: number; why?: string };
    if (error === undefined) this.sink.ready();
    else this.sink.refused(error, why);
  }
}
