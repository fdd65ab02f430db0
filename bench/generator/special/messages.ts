/** What the server says, read as far as the special load needs it, in both codecs. */

import type { Codec } from '#src/wire/codec.js';
import { decodeMessages } from '#src/wire/codec.js';
import { logEvents, type ServerMessage } from '#src/wire/events.js';
import { readMark } from './marked-text.js';
import { Walker } from './walker.js';

/** One method a kind of message. Absent numbers are undefined. */
export interface Hearer {
  hello(): void;
  /** The events of a page come before its ack. */
  ack(ref: number, seq: number | undefined, head: number | undefined): void;
  refused(ref: number | undefined, code: string, retryMs: number | undefined): void;
  /** A durable event. `mark`: of a message's text, −1 when it has none, undefined for what is no message. */
  event(conv: string, seq: number, mark: number | undefined, isOfPage: boolean): void;
  gap(conv: string, have: number, head: number): void;
  resumed(conv: string, upTo: number): void;
  typing(conv: string): void;
  /** A user who is watched is another. */
  presence(): void;
  /** How far others have read. */
  receipts(): void;
  /** The server ended the subscription. */
  unsubscribed(conv: string): void;
}

export function readMessages(codec: Codec, frame: Uint8Array, hearer: Hearer): void {
  if (codec === 'json') {
    for (const message of decodeMessages('json', frame)) hearObject(message as ServerMessage, hearer, false);
    return;
  }
  const walker = new Walker();
  walker.begin(frame);
  const count = walker.array();
  if (count > 0 && !walker.isArray()) {
    // The message stands alone: its code is the first item.
    walker.at = 0;
    hear(walker, hearer, false);
    return;
  }
  for (let index = 0; index < count; index++) hear(walker, hearer, false);
}

const firstEventCode = logEvents['message.new'].code;
/** conv, seq, number, id, from, at: what stands before a text. */
const placesBeforeText = 6;

function hear(walker: Walker, hearer: Hearer, isOfPage: boolean): void {
  let left = walker.array() - 1;
  const code = walker.integer() ?? -1;
  /** The next place if the message has it. */
  const place = <Value>(read: () => Value): Value | undefined => (left-- > 0 ? read() : undefined);
  const integer = () => place(() => walker.integer());
  const ascii = () => place(() => walker.ascii()) ?? '';
  const skip = () => place(() => walker.skip());
  switch (code) {
    case 0: {
      const ref = integer() ?? -1;
      skip();
      const seq = integer();
      skip();
      skip();
      const head = integer();
      place(() => hearPage(walker, hearer));
      hearer.ack(ref, seq, head);
      break;
    }
    case 1: {
      const ref = integer();
      const name = ascii();
      skip();
      hearer.refused(ref, name, integer());
      break;
    }
    case 20:
      hearer.hello();
      break;
    case 21:
      hearer.gap(ascii(), integer() ?? 0, integer() ?? 0);
      break;
    case 22:
      hearer.resumed(ascii(), integer() ?? 0);
      break;
    case 23:
      hearer.unsubscribed(ascii());
      break;
    case 24:
      hearer.typing(ascii());
      break;
    case 30:
      hearer.presence();
      break;
    case 27:
      hearer.receipts();
      break;
    default:
      if (code < firstEventCode) break;
      left -= hearEvent(walker, hearer, code, isOfPage);
  }
  if (left > 0) walker.skip(left);
}

function hearPage(walker: Walker, hearer: Hearer): void {
  if (!walker.isArray()) return walker.skip();
  const count = walker.array();
  for (let index = 0; index < count; index++) hear(walker, hearer, true);
}

/** @returns how many places were read */
function hearEvent(walker: Walker, hearer: Hearer, code: number, isOfPage: boolean): number {
  const conv = walker.ascii();
  const seq = walker.integer() ?? 0;
  if (code !== firstEventCode) {
    hearer.event(conv, seq, undefined, isOfPage);
    return 2;
  }
  walker.skip(placesBeforeText - 2);
  walker.text();
  const { start, end } = walker.textAt;
  hearer.event(conv, seq, readMark(walker.bytes, start, end), isOfPage);
  return placesBeforeText + 1;
}

function hearObject(message: ServerMessage, hearer: Hearer, isOfPage: boolean): void {
  if ('ack' in message) {
    for (const event of message.events ?? []) hearObject(event, hearer, true);
    return hearer.ack(message.ack, message.seq, message.head);
  }
  if ('err' in message) return hearer.refused(message.err ?? undefined, message.code, message.retryMs);
  switch (message.ev) {
    case 'hello':
      return hearer.hello();
    case 'gap':
      return hearer.gap(message.conv, message.have, message.head);
    case 'resumed':
      return hearer.resumed(message.conv, message.upTo);
    case 'unsubscribed':
      return hearer.unsubscribed(message.conv);
    case 'typing.start':
      return hearer.typing(message.conv);
    case 'typing.stop':
    case 'conversation.update':
    case 'resync':
    case 'block.update':
    case 'quiet.update':
      return;
    case 'read.update':
      return hearer.receipts();
    case 'presence.update':
      return hearer.presence();
    case 'message.new': {
      const text = Buffer.from(message.text);
      return hearer.event(message.conv, message.seq, readMark(text, 0, text.length), isOfPage);
    }
    default:
      return hearer.event(message.conv, message.seq, undefined, isOfPage);
  }
}
