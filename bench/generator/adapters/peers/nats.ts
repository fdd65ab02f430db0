/**
 * NATS's text protocol over TCP. A publish carries an inbox of the sender's as its reply subject, with the ref as its
 * last part: JetStream's ack comes there. Listeners subscribe to the room's subject by core NATS.
 */
import { randomBytes } from 'node:crypto';
import type { ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { Remainder } from './remainder.js';

const space = 0x20;
const zero = 0x30;
const dot = 0x2e;
const newline = 0x0a;
const lineEnd = Buffer.from('\r\n');
const errorField = Buffer.from('"error"');
/** Subscription ids: the inbox has the first, so that rooms follow in the order of `hears`. */
const inboxSid = 1;
const firstRoomSid = 2;

export const jetstreamAdapter: Adapter = ({ rooms }) => {
  const subjects = rooms.map((room) => Buffer.from(`PUB ${room} `));
  // Of this run and process alone: another generator's acks are not ours.
  const prefix = `_INBOX.${randomBytes(6).toString('hex')}`;
  let connections = 0;
  return {
    // All listeners of a room have the same subscription id for it, and are sent the same bytes.
    isUniformStream: true,
    connect: (plan, sink) =>
      new NatsConnection({ rooms, subjects, inbox: `${prefix}${(connections++).toString(36)}` }, plan, sink),
  };
};

interface Names {
  readonly rooms: readonly string[];
  readonly subjects: readonly Buffer[];
  readonly inbox: string;
}

class NatsConnection implements Connection {
  private readonly names: Names;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly rest = new Remainder();
  private isReady = false;
  /** Bytes received before those that are looked at now. */
  private before = 0;

  constructor(names: Names, plan: ClientPlan, sink: Sink) {
    this.names = names;
    this.plan = plan;
    this.sink = sink;
  }

  opened(): void {
    const hello = { verbose: false, pedantic: false, lang: 'bench', version: '1', protocol: 0 };
    const lines = [
      `CONNECT ${JSON.stringify({ ...hello, auth_token: this.plan.token })}`,
      ...(this.plan.sends.length > 0 ? [`SUB ${this.names.inbox}.* ${inboxSid}`] : []),
      ...this.plan.hears.map((room, index) => `SUB ${this.names.rooms[room]} ${firstRoomSid + index}`),
      'PING',
    ];
    this.sink.write(Buffer.from(`${lines.join('\r\n')}\r\n`));
  }

  received(bytes: Uint8Array): void {
    const known = this.rest.length;
    const all = this.rest.join(bytes);
    const start = this.before - known;
    let at = 0;
    while (at < all.length) {
      const end = this.readOne(all, at);
      if (end < 0) break;
      at = end;
      this.sink.boundary(start + end, this.isShared);
    }
    this.rest.keep(all, at);
    this.before = start + all.length;
  }
  private isShared = false;

  send(ref: number, room: number, text: Uint8Array): void {
    this.sink.write(this.names.subjects[room] as Buffer);
    this.sink.write(Buffer.from(`${this.names.inbox}.${ref} ${text.length}\r\n`, 'latin1'));
    this.sink.write(text);
    this.sink.write(lineEnd);
  }

  close(): void {
    // NATS has no word for it: the socket is closed.
  }

  /** Reads one line, with its payload. @returns where it ends; −1 when it is not whole */
  private readOne(bytes: Uint8Array, start: number): number {
    const end = bytes.indexOf(newline, start);
    if (end < 0) return -1;
    this.isShared = false;
    // MSG, INFO, PING, PONG, +OK, -ERR: told apart by their first letter or two.
    const first = bytes[start];
    if (first === 0x4d) return this.onMessage(bytes, start, end);
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    if (line.startsWith('PING')) this.sink.write(Buffer.from('PONG\r\n'));
    else if (line.startsWith('PONG') && !this.isReady) {
      this.isReady = true;
      this.sink.ready();
    } else if (line.startsWith('-ERR')) this.sink.failed(line.trim());
    return end + 1;
  }

  /** `MSG subject sid [reply] length`, read from its end: there is nothing behind the length. */
  private onMessage(bytes: Uint8Array, start: number, lineEndAt: number): number {
    let at = lineEndAt - 2;
    let length = 0;
    for (let scale = 1; at > start && bytes[at] !== space; at--, scale *= 10)
      length += ((bytes[at] as number) - zero) * scale;
    const payload = lineEndAt + 1;
    const end = payload + length + 2;
    if (end > bytes.length) return -1;
    let subjectEnd = start + 4;
    while (subjectEnd < lineEndAt && bytes[subjectEnd] !== space) subjectEnd++;
    let sid = 0;
    for (at = subjectEnd + 1; at < lineEndAt && bytes[at] !== space; at++)
      sid = sid * 10 + ((bytes[at] as number) - zero);
    if (sid === inboxSid) this.onAck(bytes, subjectEnd, payload, payload + length);
    else {
      this.isShared = true;
      this.sink.delivered(this.plan.hears[sid - firstRoomSid] as number, bytes, payload);
    }
    return end;
  }

  /** The ref is the last part of the subject. */
  private onAck(bytes: Uint8Array, subjectEnd: number, start: number, end: number): void {
    let ref = 0;
    for (let at = subjectEnd - 1, scale = 1; at > 0 && bytes[at] !== dot; at--, scale *= 10)
      ref += ((bytes[at] as number) - zero) * scale;
    const body = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    // No responders: an empty answer, when no stream takes the subject.
    if (body.length === 0 || body.includes(errorField)) this.sink.refused(ref, body.toString());
    else this.sink.acked(ref);
  }
}
