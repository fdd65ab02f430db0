/**
 * Centrifugo's bidirectional protocol in protobuf: commands and replies with their length before them, several in a
 * frame. The ack of a publish is its reply; publications come as pushes, with their offset where the channel keeps one.
 */

import type { ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { opcodes } from '../../frames.js';
import { WebSocketLink } from '../../websocket.js';
import { OutgoingFrame, varintBytes } from './outgoing-frame.js';
import { FieldReader } from './protobuf.js';

/** Fields of Command and Reply, and of what is in them. */
const commandId = 0x08;
const commandConnect = 0x22;
const commandSubscribe = 0x2a;
const commandPublish = 0x3a;
const firstBytes = 0x0a;
const secondBytes = 0x12;
const replyId = 1;
const replyError = 2;
const replyPush = 4;
const replyConnect = 5;
const replySubscribe = 6;
const pushChannel = 2;
const pushPublication = 4;
const pushUnsubscribe = 6;
const pushDisconnect = 11;
const publicationData = 4;
const publicationOffset = 6;

/** Servers take frames of 64 KB as shipped. */
const frameBytesMax = 32 * 1024;

interface Shared {
  readonly channels: readonly Buffer[];
  readonly roomOf: ReadonlyMap<string, number>;
  readonly frame: OutgoingFrame;
  readonly frameFields: FieldReader;
  readonly replyFields: FieldReader;
  readonly pushFields: FieldReader;
  readonly publicationFields: FieldReader;
}

export const centrifugoAdapter: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    channels: rooms.map((room) => Buffer.from(room)),
    roomOf: new Map(rooms.map((room, index) => [room, index])),
    frame: new OutgoingFrame(opcodes.binary),
    frameFields: new FieldReader(),
    replyFields: new FieldReader(),
    pushFields: new FieldReader(),
    publicationFields: new FieldReader(),
  };
  return {
    isUniformStream: false,
    connect: (plan, sink) => new CentrifugoConnection(shared, plan, sink, address),
  };
};

class CentrifugoConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly link: WebSocketLink;
  /** Ids of commands up to it are connect and subscribe; those of publishes follow. */
  private readonly idsBefore: number;
  private subscribed = 0;

  constructor(
    shared: Shared,
    plan: ClientPlan,
    sink: Sink,
    address: ConstructorParameters<typeof WebSocketLink>[2]['address'],
  ) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
    this.idsBefore = 1 + plan.hears.length;
    const handler = {
      upgraded: () => this.hello(),
      message: (bytes: Uint8Array, start: number, end: number) => this.onFrame(bytes, start, end),
    };
    const path = '/connection/websocket';
    this.link = new WebSocketLink(sink, handler, { address, path, protocol: 'centrifuge-protobuf' });
  }

  opened(): void {
    this.link.opened();
  }

  received(bytes: Uint8Array): void {
    this.link.received(bytes);
  }

  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, channels } = this.shared;
    const channel = channels[room] as Buffer;
    const id = this.idsBefore + ref;
    const publish = 2 + varintBytes(channel.length) + channel.length + varintBytes(text.length) + text.length;
    frame.varint(2 + varintBytes(id) + varintBytes(publish) + publish);
    frame.byte(commandId);
    frame.varint(id);
    frame.byte(commandPublish);
    frame.varint(publish);
    frame.byte(firstBytes);
    frame.varint(channel.length);
    frame.put(channel);
    frame.byte(secondBytes);
    frame.varint(text.length);
    frame.put(text);
    if (frame.length > frameBytesMax) frame.flush(this.sink);
  }

  flush(): void {
    this.shared.frame.flush(this.sink);
  }

  close(): void {
    this.link.close();
  }

  private hello(): void {
    this.command(1, commandConnect, Buffer.from(this.plan.token));
    this.flush();
  }

  /** A command whose only field is its first, a string. */
  private command(id: number, kind: number, text: Buffer): void {
    const { frame } = this.shared;
    const inner = 1 + varintBytes(text.length) + text.length;
    frame.varint(2 + varintBytes(id) + varintBytes(inner) + inner);
    frame.byte(commandId);
    frame.varint(id);
    frame.byte(kind);
    frame.varint(inner);
    frame.byte(firstBytes);
    frame.varint(text.length);
    frame.put(text);
    if (frame.length > frameBytesMax) frame.flush(this.sink);
  }

  private onFrame(bytes: Uint8Array, start: number, end: number): void {
    const { frameFields } = this.shared;
    try {
      frameFields.begin(bytes, start, end);
      while (frameFields.readDelimited()) this.onReply(bytes, frameFields.from, frameFields.to);
    } catch (error) {
      this.sink.failed((error as Error).message);
    }
  }

  private onReply(bytes: Uint8Array, start: number, end: number): void {
    // An empty reply is a ping, and an empty command its answer.
    if (start === end) {
      this.shared.frame.byte(0);
      this.flush();
      return;
    }
    const fields = this.shared.replyFields.begin(bytes, start, end);
    let id = 0;
    let error = '';
    let kind = 0;
    while (fields.read()) {
      if (fields.field === replyId) id = fields.value;
      else if (fields.field === replyError) error = `error ${latin1(bytes, fields.from, fields.to)}`;
      else if (fields.field === replyPush) return this.onPush(bytes, fields.from, fields.to);
      else kind = fields.field;
    }
    if (id > this.idsBefore) {
      if (error === '') this.sink.acked(id - this.idsBefore);
      else this.sink.refused(id - this.idsBefore, error);
    } else if (error !== '') this.sink.failed(error);
    else if (kind === replyConnect) this.subscribe();
    else if (kind === replySubscribe) this.onSubscribed();
  }

  private subscribe(): void {
    const { hears } = this.plan;
    for (const [index, room] of hears.entries())
      this.command(2 + index, commandSubscribe, this.shared.channels[room] as Buffer);
    this.flush();
    if (hears.length === 0) this.sink.ready();
  }

  private onSubscribed(): void {
    this.subscribed++;
    if (this.subscribed === this.plan.hears.length) this.sink.ready();
  }

  private onPush(bytes: Uint8Array, start: number, end: number): void {
    const { hears } = this.plan;
    const fields = this.shared.pushFields.begin(bytes, start, end);
    let room = hears.length === 1 ? hears[0] : undefined;
    while (fields.read()) {
      const { field, from, to } = fields;
      if (field === pushChannel) room ??= this.shared.roomOf.get(latin1(bytes, from, to));
      else if (field === pushPublication) this.onPublication(room, bytes, from, to);
      else if (field === pushUnsubscribe || field === pushDisconnect)
        this.sink.failed(`Centrifugo ended it: ${latin1(bytes, from, to)}`);
    }
  }

  private onPublication(room: number | undefined, bytes: Uint8Array, start: number, end: number): void {
    const fields = this.shared.publicationFields.begin(bytes, start, end);
    let at = -1;
    let offset: number | undefined;
    while (fields.read()) {
      if (fields.field === publicationData) at = fields.from;
      else if (fields.field === publicationOffset) offset = fields.value;
    }
    if (room !== undefined && at >= 0) this.sink.delivered(room, bytes, at, offset);
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
