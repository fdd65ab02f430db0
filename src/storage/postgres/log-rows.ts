/** Events ↔ rows of conversation_log: which field is which column. */
import { type LogEvent, type LogEventName, logEvents } from '../../wire/events.js';
import type { BinaryCopy } from './binary-copy.js';

export const logColumns = 'id,conversation,actor,seq,number,batch,at,kind,target,body,details';
const fieldCount = 11;
/** Bytes of all columns but `body` and `details`. */
const fixedBytes = 160;
/** `batch` in a row is shard × 2^40 + the shard's number: 2^40 = 2^8 × 2^32. */
const shardHigh = 2 ** 8;

const nameOfKind = new Map<number, LogEventName>(
  (Object.keys(logEvents) as LogEventName[]).map((name) => [logEvents[name].code, name]),
);

/** @throws RangeError when a value is none that the column can hold */
export function writeRow(copy: BinaryCopy, event: LogEvent, place: { shard: number; batch: number }): void {
  const body = event.ev === 'message.new' ? event.text : undefined;
  const details = detailsOf(event);
  const json = details === undefined ? undefined : JSON.stringify(details);
  copy.beginRow(fieldCount, fixedBytes + 3 * ((body?.length ?? 0) + (json?.length ?? 0)));
  copy.uuid(event.id);
  copy.uuid(event.conv);
  copy.uuid(event.from);
  copy.int64(event.seq);
  copy.int64(event.number);
  copy.int64(place.batch, place.shard * shardHigh);
  copy.milliseconds(event.at);
  copy.int16(logEvents[event.ev].code);
  if (event.ev === 'member.add' || event.ev === 'member.remove') copy.uuid(event.user);
  else copy.null();
  if (body === undefined) copy.null();
  else copy.text(body);
  if (json === undefined) copy.null();
  else copy.jsonb(json);
}

/** What has no column of its own; undefined when there is nothing. */
function detailsOf(event: LogEvent): Record<string, unknown> | undefined {
  if (event.ev === 'message.new') {
    const { type, metadata, replyTo } = event;
    if (type === undefined && metadata === undefined && replyTo === undefined) return undefined;
    return { type, metadata, replyTo };
  }
  if (event.ev === 'conversation.create') {
    const { type, title, description, members } = event;
    return { type, title, description, members };
  }
  return undefined;
}

/** What the SQL function nubo_row gives. */
export type LogRow = [
  id: string,
  conversation: string,
  actor: string,
  seq: number,
  number: number,
  at: number,
  kind: number,
  target: string | null,
  body: string | null,
  details: Record<string, unknown> | null,
];

/** @throws Error for a kind this version does not know */
export function eventOf([id, conv, from, seq, number, at, kind, target, body, details]: LogRow): LogEvent {
  const ev = nameOfKind.get(kind);
  const base = { conv, seq, number, id, from, at };
  switch (ev) {
    case 'message.new':
      return { ev, ...base, text: body ?? '', ...details };
    case 'conversation.create':
      // The details were written by detailsOf: type and members are among them.
      return { ev, ...base, ...details } as LogEvent<'conversation.create'>;
    case 'member.join':
    case 'member.leave':
      return { ev, ...base };
    case 'member.add':
    case 'member.remove':
      return { ev, ...base, user: target ?? '' };
    case undefined:
      throw new Error(`row ${id} of conversation_log is of kind ${kind}, which this version does not know`);
  }
}
