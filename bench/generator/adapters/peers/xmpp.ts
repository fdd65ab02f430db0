/**
 * XMPP over TCP without TLS, rooms by XEP-0045. Only who is in a room may send to it, so a sender enters it too. The ack
 * is the sender's own message coming back from the room: by then the server has archived it.
 */
import type { ClientPlan } from '../../../contract.js';
import type { Adapter, Connection, Sink } from '../../adapter.js';
import { markBytes } from '../../mark.js';
import { Remainder } from './remainder.js';
import { attribute, bodyOf, escapeXml, stanzaEnd, startsWith } from './xmpp-stanzas.js';

const names = Object.fromEntries(
  ['message', 'presence', 'iq', 'stream:features', 'success', 'failure', 'stream:error'].map((name) => [
    name,
    Buffer.from(`<${name}`),
  ]),
) as Readonly<Record<string, Buffer>>;
const tail = Buffer.from('</body></message>');

interface Shared {
  readonly domain: string;
  readonly rooms: readonly string[];
  readonly roomOf: ReadonlyMap<string, number>;
  readonly escaped: Map<Uint8Array, Uint8Array>;
}

export const xmppAdapter: Adapter = ({ address, rooms }) => {
  const shared: Shared = {
    domain: address.options?.domain ?? 'localhost',
    rooms,
    roomOf: new Map(rooms.map((room, index) => [room, index])),
    escaped: new Map(),
  };
  // Each stanza names its receiver.
  return { isUniformStream: false, connect: (plan, sink) => new XmppConnection(shared, plan, sink) };
};

class XmppConnection implements Connection {
  private readonly shared: Shared;
  private readonly plan: ClientPlan;
  private readonly sink: Sink;
  private readonly rest = new Remainder();
  private readonly hears: ReadonlySet<number>;
  private readonly entered: readonly number[];
  private state: 'greeting' | 'signed in' | 'in session' = 'greeting';
  private inside = 0;

  constructor(shared: Shared, plan: ClientPlan, sink: Sink) {
    this.shared = shared;
    this.plan = plan;
    this.sink = sink;
    this.hears = new Set(plan.hears);
    this.entered = [...new Set([...plan.hears, ...plan.sends])];
  }

  opened(): void {
    this.say(
      `<?xml version='1.0'?><stream:stream to='${this.shared.domain}' xmlns='jabber:client' ` +
        `xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
    );
  }

  received(bytes: Uint8Array): void {
    const joined = this.rest.join(bytes);
    const all = Buffer.from(joined.buffer, joined.byteOffset, joined.length);
    let at = 0;
    while (at < all.length) {
      const end = stanzaEnd(all, at);
      if (end < 0) break;
      this.onStanza(all.subarray(at, end));
      at = end;
    }
    this.rest.keep(all, at);
  }

  send(ref: number, room: number, text: Uint8Array): void {
    this.say(`<message to='${this.shared.rooms[room]}' type='groupchat' id='${ref}'><body>`);
    this.sink.write(this.escapedOf(text));
    this.sink.write(tail);
  }

  close(): void {
    this.say('</stream:stream>');
  }

  private say(text: string): void {
    this.sink.write(Buffer.from(text));
  }

  /** Escaped once for each text; the mark in front needs no escaping and is copied. */
  private escapedOf(text: Uint8Array): Uint8Array {
    let escaped = this.shared.escaped.get(text);
    if (escaped === undefined) {
      escaped = Buffer.from(escapeXml(Buffer.from(text).toString()));
      this.shared.escaped.set(text, escaped);
    }
    escaped.set(text.subarray(0, markBytes));
    return escaped;
  }

  private onStanza(stanza: Buffer): void {
    const is = (name: string) => startsWith(stanza, 0, names[name] as Buffer);
    if (is('message')) this.onMessage(stanza);
    else if (is('presence')) this.onPresence(stanza);
    else if (is('stream:features')) this.onFeatures();
    else if (is('success')) {
      this.state = 'signed in';
      this.opened();
    } else if (is('iq') && this.state === 'signed in') this.enterAll(stanza);
    else if (is('failure') || is('stream:error')) this.sink.failed(stanza.toString());
  }

  private onFeatures(): void {
    const { user, token } = this.plan;
    if (this.state === 'greeting') {
      const secret = Buffer.from(`\0${user}\0${token}`).toString('base64');
      this.say(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`);
    } else {
      this.say(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
    }
  }

  private enterAll(bound: Buffer): void {
    if (attribute(bound, 'type') !== 'result') {
      this.sink.failed(bound.toString());
      return;
    }
    this.state = 'in session';
    this.say('<presence/>');
    for (const room of this.entered) {
      this.say(
        `<presence to='${this.shared.rooms[room]}/${this.plan.user}'>` +
          `<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
      );
    }
    if (this.entered.length === 0) this.sink.ready();
  }

  /** Its own presence in a room, marked with status 110, says that it is inside. */
  private onPresence(stanza: Buffer): void {
    if (attribute(stanza, 'type') === 'error') this.sink.failed(stanza.toString());
    else if (/code=['"]110['"]/.test(stanza.toString())) {
      this.inside++;
      if (this.inside === this.entered.length) this.sink.ready();
    }
  }

  private onMessage(stanza: Buffer): void {
    const from = attribute(stanza, 'from') ?? '';
    if (attribute(stanza, 'type') === 'error') {
      this.sink.refused(Number(attribute(stanza, 'id')), stanza.toString());
      return;
    }
    const body = bodyOf(stanza);
    const slash = from.indexOf('/');
    const room = this.shared.roomOf.get(from.slice(0, slash));
    if (body === undefined || room === undefined) return;
    if (this.hears.has(room)) this.sink.delivered(room, body.bytes, body.at);
    if (from.slice(slash + 1) === this.plan.user) this.sink.acked(Number(attribute(stanza, 'id')));
  }
}
