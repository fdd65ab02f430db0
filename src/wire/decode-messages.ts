/**
 * For clients: frames of the server become messages. What a newer server says and this one does not know is left
 * out, but a durable event of an unknown kind keeps its place in the order.
 */
import type { ServerMessage } from './events.js';
import { MsgpackReader } from './msgpack-reader.js';
import { eventByName, logCodeMin, type MessageForm, messageByCode } from './places.js';
import type { Codec } from './prescan.js';
import { scanMsgpack } from './scan-msgpack.js';

/** A durable event of a kind that this version does not know: only its place is told. */
export interface UnknownEvent {
  readonly ev: 'unknown';
  readonly conv: string;
  readonly seq: number;
}

/** What a server may send: a page of history is larger than anything a client may say. */
const serverFrameBounds = { bytesMax: 16 * 1024 * 1024, depthMax: 16, itemsMax: 65_535 };

/** The messages of one frame in their order. Throws an Error when it is not a frame of this codec. */
export function decodeMessages(
  codec: Codec,
  frame: string | Uint8Array,
): Array<ServerMessage | UnknownEvent> {
  const decoded = codec === 'json' ? decodeJson(frame) : decodeMsgpack(frame);
  return decoded.filter((message) => message !== undefined);
}

function decodeMsgpack(frame: string | Uint8Array): Array<ServerMessage | UnknownEvent | undefined> {
  if (typeof frame === 'string') throw new Error('The frame is text, and msgpack was agreed on.');
  const reason = scanMsgpack(frame, serverFrameBounds);
  if (reason !== undefined) throw new Error(`The frame was refused: ${reason}.`);
  const value = new MsgpackReader(frame).value();
  if (!Array.isArray(value)) throw new Error('The frame is neither a message nor an array of messages.');
  return typeof value[0] === 'number' ? [messageOf(value)] : value.map(messageOf);
}

function messageOf(places: unknown): ServerMessage | UnknownEvent | undefined {
  if (!Array.isArray(places) || typeof places[0] !== 'number')
    throw new Error('A message must be an array [code, …].');
  const [code] = places;
  const form = messageByCode.get(code);
  if (form === undefined) return code < logCodeMin ? undefined : unknownEvent(places[1], places[2]);
  return byPlaces(form, places);
}

function byPlaces(form: MessageForm, places: unknown[]): ServerMessage {
  const message: Record<string, unknown> = form.field === 'ev' ? { ev: form.name } : {};
  for (let place = 0; place < form.keys.length; place++) {
    const key = form.keys[place] as string;
    const value = places[place + 1];
    // An error about no operation in particular has a null for its ref; any other null is an absent field.
    if (key === 'err') message.err = value ?? null;
    else if (value === null || value === undefined) continue;
    else if (key === 'events' && Array.isArray(value))
      message.events = value.map(messageOf).filter((event) => event !== undefined);
    else message[key] = value;
  }
  return message as unknown as ServerMessage;
}

function unknownEvent(conv: unknown, seq: unknown): UnknownEvent | undefined {
  return typeof conv === 'string' && typeof seq === 'number' ? { ev: 'unknown', conv, seq } : undefined;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function decodeJson(frame: string | Uint8Array): Array<ServerMessage | UnknownEvent | undefined> {
  const value: unknown = JSON.parse(typeof frame === 'string' ? frame : decoder.decode(frame));
  return (Array.isArray(value) ? value : [value]).map(known);
}

function known(value: unknown): ServerMessage | UnknownEvent | undefined {
  if (typeof value !== 'object' || value === null) throw new Error('A message must be an object.');
  const message = value as {
    ack?: unknown;
    err?: unknown;
    ev?: unknown;
    conv?: unknown;
    seq?: unknown;
    events?: unknown;
  };
  if (message.ev === undefined) {
    if (message.ack === undefined && message.err === undefined) return undefined;
    if (Array.isArray(message.events))
      message.events = message.events.map(known).filter((event) => event !== undefined);
    return message as ServerMessage;
  }
  return eventByName.has(message.ev) ? (message as ServerMessage) : unknownEvent(message.conv, message.seq);
}
