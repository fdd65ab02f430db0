/**
 * Tinode's JSON over WebSocket: hi, login by token, and a subscription for every room that is heard or sent to. The ack
 * is the `ctrl` with code 202, which Tinode sends after the message's transaction; `seq` is its number in the topic.
 */
import type { Address, ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { opcodes } from '../../frames.js';
import { JsonTexts } from '../../json-text.js';
import { flush } from '../../outbox.js';
import { clientFrame, WebSocketLink } from '../../websocket.js';
import { integerAt } from '../json-scan.js';
import { OutgoingFrame } from './outgoing-frame.js';

const protocolVersion = '0.22';
/** A topic that is just being loaded is locked: it is asked for again. */
const retryMs = 50;
const beforeTopic = '{"data":{"topic":"'.length;
const quote = 0x22;
/** The third character of a frame tells a message (`{"data"`) from the rest. */
const dataLetter = 0x64;
const seqField = Buffer.from('"seq":');
const contentField = Buffer.from('"content":"');

interface Shared {
  readonly address: Address;
  readonly rooms: readonly string[];
  readonly roomOf: ReadonlyMap<string, number>;
  readonly frame: OutgoingFrame;
  readonly texts: JsonTexts;
  /** What stands before and after the text, by room; the second for those who hear the room themselves. */
  readonly middles: readonly (readonly [Buffer, Buffer])[];
}

interface Control {
  readonly id?: string;
  readonly code: number;
  readonly text: string;
}

export const tinodeAdapter: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    ...{ address, rooms, frame: new OutgoingFrame(opcodes.text), texts: new JsonTexts() },
    roomOf: new Map(rooms.map((room, index) => [room, index])),
    middles: rooms.map((room) => [
      Buffer.from(`","topic":"${room}","noecho":true,"content":"`),
      Buffer.from(`","topic":"${room}","content":"`),
    ]),
  };
  return { isUniformStream: false, connect: (plan, sink) => new TinodeConnection(shared, plan, sink) };
};

const head = Buffer.from('{"pub":{"id":"');
const tail = Buffer.from('"}}');

class TinodeConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly link: WebSocketLink;
  private readonly hears: ReadonlySet<number>;
  /** One publishes only to what one is attached to. */
  private readonly attached: readonly number[];
  private subscribed = 0;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
    this.hears = new Set(plan.hears);
    this.attached = [...new Set([...plan.hears, ...plan.sends])];
    const handler = {
      upgraded: () => this.hello(),
      message: (bytes: Uint8Array, start: number, end: number) => this.onFrame(bytes, start, end),
    };
    const { address } = shared;
    this.link = new WebSocketLink(sink, handler, {
      address,
      path: address.options?.path ?? '/v0/channels',
    });
  }

  opened(): void {
    this.link.opened();
  }

  received(bytes: Uint8Array): void {
    this.link.received(bytes);
  }

  /** One frame each: Tinode takes no two messages in one. */
  send(ref: number, room: number, text: Uint8Array): void {
    const { frame, middles, texts } = this.shared;
    frame.put(head);
    frame.decimal(ref);
    frame.put((middles[room] as readonly [Buffer, Buffer])[this.hears.has(room) ? 1 : 0]);
    frame.put(texts.of(text));
    frame.put(tail);
    frame.flush(this.sink);
  }

  close(): void {
    this.link.close();
  }

  private hello(): void {
    this.say({ hi: { id: 'hi', ver: protocolVersion } });
    this.say({ login: { id: 'login', scheme: 'token', secret: this.plan.token } });
  }

  private say(message: object): void {
    this.sink.write(clientFrame(JSON.stringify(message)));
  }

  private onFrame(bytes: Uint8Array, start: number, end: number): void {
    if (bytes[start + 2] === dataLetter) this.onData(bytes, start, end);
    else {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
      const { ctrl } = JSON.parse(text) as { ctrl?: Control };
      if (ctrl !== undefined) this.onControl(ctrl);
    }
  }

  /** Tinode's fields come in a fixed order: topic, from, ts, seq, content; nothing before the content is by a user. */
  private onData(bytes: Uint8Array, start: number, end: number): void {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const { hears } = this.plan;
    const topic = frame.toString('latin1', beforeTopic, frame.indexOf(quote, beforeTopic));
    const room = this.shared.roomOf.get(topic);
    if (room === undefined || (hears.length !== 1 && !this.hears.has(room))) return;
    if (hears.length === 1 && hears[0] !== room) return;
    const seq = frame.indexOf(seqField, beforeTopic);
    const content = frame.indexOf(contentField, seq);
    if (seq < 0 || content < 0) return;
    const number = integerAt(frame, seq + seqField.length);
    this.sink.delivered(room, bytes, start + content + contentField.length, number);
  }

  private onControl({ id = '', code, text }: Control): void {
    const ref = Number(id);
    const why = `${code} ${text}`;
    if (ref > 0) {
      if (code < 400) this.sink.acked(ref);
      else this.sink.refused(ref, why);
    } else if (code === 503 && id.startsWith('sub')) this.attachLater(Number(id.slice(3)));
    else if (code >= 400) this.sink.failed(`Tinode refused ${id || 'something'}: ${why}`);
    else if (id === 'login') this.subscribe();
    else if (id.startsWith('sub')) this.onSubscribed();
  }

  private subscribe(): void {
    for (const room of this.attached) this.attach(room);
    if (this.attached.length === 0) this.sink.ready();
  }

  private attach(room: number): void {
    this.say({ sub: { id: `sub${room}`, topic: this.shared.rooms[room] } });
  }

  /** Outside of what is received: nobody else flushes it. */
  private attachLater(room: number): void {
    setTimeout(() => {
      this.attach(room);
      flush();
    }, retryMs);
  }

  private onSubscribed(): void {
    this.subscribed++;
    if (this.subscribed === this.attached.length) this.sink.ready();
  }
}
