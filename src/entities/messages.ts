/**
 * Messages, and everything else that has a place in a conversation's order: what is no message is a document of type
 * `system`, so that a page can be seen to be whole. The fast path: rows are written by COPY (src/storage/postgres).
 */
import { z } from 'zod';
import { withoutContents } from '../storage/facts.js';
import { type LogEvent, type LogEventName, logEvents } from '../wire/events.js';
import { messageType } from '../wire/operations.js';
import type { Change, ElementFields, Entity } from './entity.js';

const id = z.uuid();
const count = z.number().int().nonnegative();

export const messages = {
  name: 'messages',
  table: 'conversation_log',
  collection: 'messages_recent',
  key: ['id'],
  owner: 'sender',
  // Pages are looked for by conversation and seq.
  element: ({ conversation, seq }) => `${conversation}:${seq}`,
  fields: {
    id: { column: '_id', type: 'uuid', schema: id, shownTo: 'everybody' },
    conversation: { column: 'conversation_id', type: 'uuid', schema: id, shownTo: 'everybody' },
    sender: { column: 'sender_id', type: 'uuid', schema: id, shownTo: 'everybody' },
    seq: { column: 'seq', type: 'bigint', schema: count, shownTo: 'everybody' },
    number: { column: 'number', type: 'bigint', schema: count, shownTo: 'everybody' },
    event: { column: 'event', type: 'text', schema: z.string(), shownTo: 'everybody' },
    type: {
      column: 'message_type',
      type: 'text',
      schema: z.union([messageType, z.literal('system')]),
      shownTo: 'everybody',
    },
    content: { column: 'content', type: 'text', schema: z.string(), shownTo: 'everybody' },
    /** Everything else the event carries. */
    details: {
      column: 'details',
      type: 'json',
      schema: z.record(z.string(), z.json()),
      isNullable: true,
      shownTo: 'everybody',
    },
    createdAt: { column: 'created_at', type: 'time', schema: count, shownTo: 'everybody' },
  },
  // Only what is asked for, since each makes every insert dearer (DocumentDB takes half as many with three more): pages
  // are read by seq, and by time with other tools. What a person said and replies are looked for in Postgres, and so are
  // words, unless they are wanted here, too: that index alone halves the inserts.
  indexes: [
    { keys: { conversation_id: 1, created_at: -1 } },
    { keys: { conversation_id: 1, seq: 1 } },
    { keys: { content: 'text' } },
  ],
} as const satisfies Entity;

/** @param batch of the log, shard and number in one: the version of what it wrote */
export function changeOfEvent(event: LogEvent, batch: number): Change {
  if (event.ev === 'message.new' && isPlain(event)) return changeOfPlainMessage(event, batch);
  const { ev, conv, seq, number, id, from, at } = event;
  const isMessage = ev === 'message.new';
  const { text, type, ...details } = placeless(keptOf(event)) as { text?: string; type?: string };
  // A conversation has a type, too, which is none of messages; and a message that says `text` is told from one that is silent.
  const others = type === undefined || (isMessage && type !== 'text') ? details : { ...details, type };
  return {
    entity: messages,
    id,
    version: batch,
    fields: {
      id,
      conversation: conv,
      sender: from,
      seq,
      number,
      event: ev,
      type: isMessage ? (type ?? 'text') : 'system',
      content: text ?? '',
      details: hasKeys(others) ? others : null,
      createdAt: at,
    },
  };
}

/** What tiers keep of it: nothing that changes without it. */
function keptOf(event: LogEvent): LogEvent {
  // What an edit said is told by what its message says now, and must be in no tier once that is deleted.
  if (event.ev === 'message.edit') return withoutContents(event);
  if (event.ev !== 'message.new') return event;
  // What pages tell beside a message is asked for with each page.
  const { state: _state, parent: _parent, ...kept } = event;
  return kept;
}

/** Without what every event has. */
function placeless(event: LogEvent): object {
  const { ev: _ev, conv: _conv, seq: _seq, number: _number, id: _id, from: _from, at: _at, ...rest } = event;
  return rest;
}

/** What every message has; one that has nothing else is plain, as nearly all are. */
const plainKeys = 8;

function isPlain(event: LogEvent<'message.new'>): boolean {
  let count = 0;
  for (const _ in event) count += 1;
  return count === plainKeys;
}

/** To take the others apart, which may have anything, takes several times as long. */
function changeOfPlainMessage(event: LogEvent<'message.new'>, batch: number): Change {
  const { id, conv: conversation, from: sender, seq, number, text: content, at: createdAt } = event;
  const fields = {
    id,
    conversation,
    sender,
    seq,
    number,
    event: 'message.new',
    type: 'text',
    content,
    details: null,
    createdAt,
  };
  return { entity: messages, id, version: batch, fields };
}

/** The event that these fields are; undefined when they are none (somebody else's bytes, or another version's). */
export function eventOfFields(fields: ElementFields): LogEvent | undefined {
  return plainMessage(fields) ?? anyEvent(fields);
}

/** Nearly all are of this kind, and a page is fifty of them: what the schema would say of it, without the schema. */
function plainMessage(fields: ElementFields): LogEvent<'message.new'> | undefined {
  const { id, conversation: conv, sender: from, seq, number, createdAt: at, content: text } = fields;
  const isPlain =
    fields.event === 'message.new' &&
    fields.type === 'text' &&
    (fields.details === null || fields.details === undefined) &&
    typeof id === 'string' &&
    typeof conv === 'string' &&
    typeof from === 'string' &&
    typeof text === 'string' &&
    Number.isSafeInteger(seq) &&
    Number.isSafeInteger(number) &&
    Number.isSafeInteger(at);
  if (!isPlain) return undefined;
  return {
    ev: 'message.new',
    conv,
    seq: seq as number,
    number: number as number,
    id,
    from,
    at: at as number,
    text,
  };
}

function anyEvent(fields: ElementFields): LogEvent | undefined {
  const {
    id,
    conversation: conv,
    sender: from,
    seq,
    number,
    event: ev,
    type,
    content,
    details,
    createdAt: at,
  } = fields;
  if (typeof ev !== 'string' || !(ev in logEvents)) return undefined;
  const base = { conv, seq, number, id, from, at };
  const own =
    ev === 'message.new'
      ? { text: content, ...(type === 'text' ? {} : { type }) }
      : ev === 'message.edit'
        ? { text: content }
        : {};
  const event = { ...base, ...own, ...(details as object | null) };
  const { success } = logEvents[ev as LogEventName].schema.safeParse(event);
  return success ? ({ ev, ...event } as LogEvent) : undefined;
}

function hasKeys(value: object): boolean {
  for (const _ in value) return true;
  return false;
}
