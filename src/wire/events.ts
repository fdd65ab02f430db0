/**
 * What the server says. In JSON an object, in msgpack an array `[code, …]` whose places are the keys in order.
 * Three shapes: `{ack: ref, …}`, `{err: ref, …}` and events `{ev, …}`. Times are Unix milliseconds.
 */
import { z } from 'zod';
import { type ErrorName, errorCodes } from './codes.js';
import { conversationType, messageType } from './operations.js';

const id = z.string();
const seq = z.number().int();
const at = z.number().int();
const role = z.enum(['owner', 'admin', 'moderator', 'member']);
export type Role = z.infer<typeof role>;
export type ConversationType = z.infer<typeof conversationType>;

/** Where a durable event stands, and by whom; first in every one of them, in this order. */
const row = { conv: id, seq, number: seq, id, from: id, at };

/**
 * Durable events: one a row of the log, in the conversation's order. `from` is the acting user, `number` the
 * count of messages up to and including this event, so that unread is a subtraction (L14).
 */
export const logEvents = {
  'message.new': {
    code: 40,
    schema: z.object({
      ...row,
      text: z.string(),
      type: messageType.optional(),
      metadata: z.record(z.string(), z.json()).optional(),
      replyTo: id.optional(),
    }),
  },
  'conversation.create': {
    code: 41,
    schema: z.object({
      ...row,
      type: conversationType,
      title: z.string().optional(),
      description: z.string().optional(),
      members: z.array(id),
    }),
  },
  'member.join': { code: 42, schema: z.object(row) },
  'member.leave': { code: 43, schema: z.object(row) },
  'member.add': { code: 44, schema: z.object({ ...row, user: id }) },
  'member.remove': { code: 45, schema: z.object({ ...row, user: id }) },
} as const;

export type LogEventName = keyof typeof logEvents;
export type LogEvent<N extends LogEventName = LogEventName> = {
  [K in N]: { ev: K } & z.infer<(typeof logEvents)[K]['schema']>;
}[N];

const historyEvents = z.array(z.custom<LogEvent>());

/** The other events: about the socket or the subscription, without a place in the log. */
export const controlEvents = {
  hello: {
    code: 20,
    schema: z.object({
      session: id,
      user: id,
      at,
      heartbeatMs: z.number().int(),
      limits: z.record(z.string(), z.number()),
    }),
  },
  /** The events have + 1 … head are missing and will not be pushed: pull them with `history`. */
  gap: { code: 21, schema: z.object({ conv: id, have: seq, head: seq }) },
  /** The backlog is complete; live events follow from upTo + 1. */
  resumed: { code: 22, schema: z.object({ conv: id, upTo: seq }) },
  /** The subscription ended without the client asking (the member left or was removed). */
  unsubscribed: { code: 23, schema: z.object({ conv: id }) },
  'typing.start': { code: 24, schema: z.object({ conv: id, from: id }) },
  'typing.stop': { code: 25, schema: z.object({ conv: id, from: id }) },
  /** The user became a member of a conversation (created with them, added): they may subscribe now. */
  'conversation.update': { code: 26, schema: z.object({ conv: id, head: seq }) },
} as const;

export type ControlEventName = keyof typeof controlEvents;
export type ControlEvent<N extends ControlEventName = ControlEventName> = {
  [K in N]: { ev: K } & z.infer<(typeof controlEvents)[K]['schema']>;
}[N];

/** Answers, by what was asked. All fields but `ack` are those of the operation's result. */
export const answers = {
  ack: {
    code: 0,
    schema: z.object({
      ack: z.number().int(),
      id: id.optional(),
      seq: seq.optional(),
      at: at.optional(),
      conv: id.optional(),
      head: seq.optional(),
      events: historyEvents.optional(),
    }),
  },
  err: {
    code: 1,
    schema: z.object({
      err: z.number().int().nullable(),
      code: z.enum(Object.keys(errorCodes) as [ErrorName, ...ErrorName[]]),
      message: z.string(),
      /** Wait this long before sending the same operation again. */
      retryMs: z.number().int().optional(),
      /** false: this operation never appears (P7). Absent: unknown, or refused without having looked. */
      stored: z.literal(false).optional(),
      at: at.optional(),
    }),
  },
} as const;

export type Ack = z.infer<typeof answers.ack.schema>;
export type WireError = z.infer<typeof answers.err.schema>;
export type ServerEvent = LogEvent | ControlEvent;
export type ServerMessage = Ack | WireError | ServerEvent;
