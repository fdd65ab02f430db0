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
  const { body, target, details } = contentOf(event);
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
  if (target === undefined) copy.null();
  else copy.uuid(target);
  if (body === undefined) copy.null();
  else copy.text(body);
  if (json === undefined) copy.null();
  else copy.jsonb(json);
}

interface Content {
  /** What people wrote. */
  readonly body?: string | undefined;
  /** The user or the message that it is about. */
  readonly target?: string | undefined;
  /** What has no column of its own; undefined when there is nothing. */
  readonly details?: object | undefined;
}

function contentOf(event: LogEvent): Content {
  if (event.ev === 'message.new') {
    const { text: body, type, metadata, replyTo, mentions, everyone, attachments } = event;
    const isPlain =
      type === undefined &&
      metadata === undefined &&
      replyTo === undefined &&
      mentions === undefined &&
      everyone === undefined &&
      attachments === undefined;
    return {
      body,
      details: isPlain ? undefined : { type, metadata, replyTo, mentions, everyone, attachments },
    };
  }
  const { ev: _ev, conv: _conv, seq: _seq, number: _number, id: _id, from: _from, at: _at, ...rest } = event;
  const {
    text: body,
    user,
    message,
    ...details
  } = rest as {
    text?: string;
    user?: string;
    message?: string;
  };
  return { body, target: user ?? message, details: Object.keys(details).length === 0 ? undefined : details };
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
  if (ev === undefined)
    throw new Error(`row ${id} of conversation_log is of kind ${kind}, which this version does not know`);
  const base = { conv, seq, number, id, from, at };
  if (ev === 'message.new') return { ev, ...base, text: body ?? '', ...details };
  // Written by contentOf: what the event needs is there.
  const about = target === null ? {} : ev.startsWith('member.') ? { user: target } : { message: target };
  const said = ev === 'message.edit' ? { text: body ?? '' } : {};
  return { ev, ...base, ...about, ...said, ...details } as LogEvent;
}
