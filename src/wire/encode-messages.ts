/**
 * What the server says becomes frames. Acks and new messages, which are nearly all of it, and what every connection
 * begins with are written straight; the rest by the places of its schema. A test holds both ways to the same bytes.
 */
import { type Ack, answers, controlEvents, type LogEvent, logEvents, type ServerMessage } from './events.js';
import { wireLimits } from './limits.js';
import {
  begin,
  take,
  writeArrayHeader,
  writeEncoded,
  writeNil,
  writeNumber,
  writeString,
  writeValue,
} from './msgpack-writer.js';
import { eventByName, type MessageForm, messageByCode } from './places.js';
import type { Codec } from './prescan.js';

/**
 * One frame of these messages, in this order: one alone stands by itself, several as an array (W3). JSON gives a
 * string (a text frame), msgpack bytes (a binary frame) that nothing changes afterwards.
 */
export function encodeMessages(codec: Codec, messages: readonly ServerMessage[]): string | Uint8Array {
  const [first] = messages;
  const isAlone = messages.length === 1 && first !== undefined;
  if (codec === 'json') return JSON.stringify(isAlone ? first : messages);
  begin();
  if (isAlone) writeMessage(first);
  else {
    writeArrayHeader(messages.length);
    for (const message of messages) writeMessage(message);
  }
  return take();
}

export function writeMessage(message: ServerMessage): void {
  if ('ack' in message && message.events === undefined && message.result === undefined) writeAck(message);
  else if ('ev' in message && message.ev === 'message.new' && isPlain(message)) writeNewMessage(message);
  else if ('ev' in message && message.ev === 'hello') writeHello(message);
  else writeByPlaces(formOf(message), message as unknown as Record<string, unknown>);
}

/** ack, id, seq, at, conv, head: as many as there are. */
function writeAck(message: Ack): void {
  const { ack, id, seq, at, conv, head } = message;
  const places =
    head !== undefined ? 6 : conv !== undefined ? 5 : at !== undefined ? 4 : seq !== undefined ? 3 : 2;
  const count = places === 2 && id === undefined ? 1 : places;
  writeArrayHeader(1 + count);
  writeNumber(answers.ack.code);
  writeNumber(ack);
  if (count > 1) writeOptionalString(id);
  if (count > 2) writeOptionalNumber(seq);
  if (count > 3) writeOptionalNumber(at);
  if (count > 4) writeOptionalString(conv);
  if (count > 5) writeOptionalNumber(head);
}

/** Nearly all are: they carry none of the later places. */
function isPlain(event: LogEvent<'message.new'>): boolean {
  return (
    event.mentions === undefined &&
    event.everyone === undefined &&
    event.attachments === undefined &&
    event.state === undefined &&
    event.parent === undefined
  );
}

/** conv, seq, number, id, from, at, text, and sometimes type, metadata, replyTo. */
function writeNewMessage(event: LogEvent<'message.new'>): void {
  const { type, metadata, replyTo } = event;
  const more = replyTo !== undefined ? 3 : metadata !== undefined ? 2 : type !== undefined ? 1 : 0;
  writeArrayHeader(8 + more);
  writeNumber(logEvents['message.new'].code);
  writeString(event.conv);
  writeNumber(event.seq);
  writeNumber(event.number);
  writeString(event.id);
  writeString(event.from);
  writeNumber(event.at);
  writeString(event.text);
  if (more > 0) writeOptionalString(type);
  if (more > 1) writeValue(metadata);
  if (more > 2) writeOptionalString(replyTo);
}

type Hello = Extract<ServerMessage, { ev: 'hello' }>;

/** What `hello` says of limits to everybody. */
const encodedLimits = encodedAlone(wireLimits);

/** session, user, at, heartbeatMs, limits. */
function writeHello({ session, user, at, heartbeatMs, limits }: Hello): void {
  writeArrayHeader(6);
  writeNumber(controlEvents.hello.code);
  writeString(session);
  writeString(user);
  writeNumber(at);
  writeNumber(heartbeatMs);
  if (limits === wireLimits) writeEncoded(encodedLimits);
  else writeValue(limits);
}

function encodedAlone(value: unknown): Uint8Array {
  begin();
  writeValue(value);
  // A copy: a view would keep its whole slab.
  return take().slice();
}

function writeOptionalString(value: string | undefined): void {
  if (value === undefined) writeNil();
  else writeString(value);
}

function writeOptionalNumber(value: number | undefined): void {
  if (value === undefined) writeNil();
  else writeNumber(value);
}

function formOf(message: ServerMessage): MessageForm {
  const form =
    'ev' in message
      ? eventByName.get(message.ev)
      : messageByCode.get('ack' in message ? answers.ack.code : answers.err.code);
  if (form === undefined)
    throw new Error(`${JSON.stringify(message).slice(0, 100)} is not a message of the wire`);
  return form;
}

/** `[code, …]` by the schema's keys; absent places are nil, trailing ones left out. The one truth of the form. */
export function writeByPlaces(
  form: { readonly code: number; readonly keys: readonly string[] },
  fields: Readonly<Record<string, unknown>>,
): void {
  let count = form.keys.length;
  while (count > 0 && isAbsent(fields[form.keys[count - 1] as string])) count--;
  writeArrayHeader(1 + count);
  writeNumber(form.code);
  for (let place = 0; place < count; place++) {
    const key = form.keys[place] as string;
    // The events of an answer are messages themselves.
    if (key === 'events') writeEvents(fields.events as readonly LogEvent[] | undefined);
    else writeValue(fields[key]);
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function writeEvents(events: readonly LogEvent[] | undefined): void {
  if (events === undefined) return writeNil();
  writeArrayHeader(events.length);
  for (const event of events) writeMessage(event);
}
