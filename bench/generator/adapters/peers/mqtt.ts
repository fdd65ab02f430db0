/**
 * MQTT 3.1.1 over TCP: publishers at QoS 1, whose ack is the PUBACK; listeners at QoS 0, which answer nothing and are all
 * sent the same bytes.
 */
import type { ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { connectPacket, disconnectPacket, kinds, publishHead, subscribePacket } from './mqtt-packets.js';
import { Remainder } from './remainder.js';

/** Packet ids are 1 to this. */
const idsMax = 65_535;

export const mqttAdapter: Adapter = ({ rooms }) => {
  const shared: Shared = {
    rooms,
    topics: rooms.map((room) => Buffer.from(room)),
    roomOf: new Map(rooms.map((room, index) => [room, index])),
  };
  return { isUniformStream: true, connect: (plan, sink) => new MqttConnection(shared, plan, sink) };
};

interface Shared {
  readonly rooms: readonly string[];
  readonly topics: readonly Buffer[];
  readonly roomOf: ReadonlyMap<string, number>;
}

class MqttConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly rest = new Remainder();
  /** Bytes received before those that are looked at now. */
  private before = 0;
  private subscribed = 0;
  private sent = 0;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
  }

  opened(): void {
    this.sink.write(connectPacket({ user: this.plan.user, password: this.plan.token }));
  }

  received(bytes: Uint8Array): void {
    const start = this.before - this.rest.length;
    const all = this.rest.join(bytes);
    let at = 0;
    while (at < all.length) {
      const end = this.readPacket(all, at);
      if (end < 0) break;
      const isShared = (all[at] as number) >> 4 === kinds.publish;
      at = end;
      this.sink.boundary(start + end, isShared);
    }
    this.rest.keep(all, at);
    this.before = start + all.length;
  }

  send(ref: number, room: number, text: Uint8Array): void {
    this.sent = ref;
    this.sink.write(publishHead(this.shared.topics[room] as Buffer, idOf(ref), text.length));
    this.sink.write(text);
  }

  close(): void {
    this.sink.write(disconnectPacket);
  }

  /** @returns where the packet ends; −1 when it is not whole */
  private readPacket(bytes: Uint8Array, start: number): number {
    let length = 0;
    let at = start + 1;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return -1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const end = at + length;
    if (end > bytes.length) return -1;
    this.onPacket((bytes[start] as number) >> 4, bytes, at);
    return end;
  }

  private onPacket(kind: number, bytes: Uint8Array, at: number): void {
    if (kind === kinds.publish) this.onPublish(bytes, at);
    else if (kind === kinds.puback) this.sink.acked(this.refOf(numberAt(bytes, at)));
    else if (kind === kinds.connack) this.onConnected(bytes[at + 1] as number);
    else if (kind === kinds.suback) {
      this.subscribed++;
      if ((bytes[at + 2] as number) > 2) this.sink.failed('mosquitto refused a subscription.');
      else if (this.subscribed === this.plan.hears.length) this.sink.ready();
    }
  }

  private onConnected(code: number): void {
    const { hears } = this.plan;
    if (code !== 0) this.sink.failed(`mosquitto refused the connection with code ${code}.`);
    for (const [index, room] of hears.entries())
      this.sink.write(subscribePacket((index % idsMax) + 1, this.shared.rooms[room] as string));
    if (code === 0 && hears.length === 0) this.sink.ready();
  }

  private onPublish(bytes: Uint8Array, at: number): void {
    const { hears } = this.plan;
    const text = at + 2 + numberAt(bytes, at);
    const room =
      hears.length === 1
        ? hears[0]
        : this.shared.roomOf.get(
            Buffer.from(bytes.buffer, bytes.byteOffset + at + 2, text - at - 2).toString(),
          );
    if (room !== undefined) this.sink.delivered(room, bytes, text);
  }

  /** The last one sent under this id. */
  private refOf(id: number): number {
    return this.sent - ((idOf(this.sent) - id + idsMax) % idsMax);
  }
}

function idOf(ref: number): number {
  return ((ref - 1) % idsMax) + 1;
}

function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
