/**
 * What the server says. In JSON an object, in msgpack an array `[code, …]` whose places are the keys in order.
 * Three shapes: `{ack: ref, …}`, `{err: ref, …}` and events `{ev, …}`. Times are Unix milliseconds.
 */
import { z } from 'zod';
import { type ErrorName, errorCodes } from './codes.js';
import { conversationState, conversationType, messageType, role } from './operations.js';

const id = z.string();
const seq = z.number().int();
const at = z.number().int();
export type Role = z.infer<typeof role>;
export type ConversationStatus = z.infer<typeof conversationState>;
export type ConversationType = z.infer<typeof conversationType>;

/** What of an upload its message tells: enough to show it before it is fetched. */
export const attachment = z.object({
  id,
  name: z.string(),
  type: z.string(),
  size: z.number().int(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  durationMs: z.number().int().optional(),
  hasThumbnail: z.boolean().optional(),
});
export type Attachment = z.infer<typeof attachment>;

/**
 * What has become of a message since it was sent, as of `version`, the seq of its last change. Pages tell it; live
 * events never do. Whoever has it leaves out changes whose seq is no higher.
 */
export const messageState = z.object({
  version: seq,
  editedAt: at.optional(),
  deletedAt: at.optional(),
  deletedBy: id.optional(),
  pinnedAt: at.optional(),
  pinnedBy: id.optional(),
  /** Each as `[emoji, count, is one of them mine]`, the first that was used first. */
  reactions: z.array(z.tuple([z.string(), z.number().int(), z.boolean()])).optional(),
});
export type MessageState = z.infer<typeof messageState>;

/** The message that is replied to, as it is now; `deleted`: it says nothing any more. */
export const parent = z.object({
  id,
  from: id,
  seq,
  preview: z.string(),
  type: messageType.optional(),
  deleted: z.literal(true).optional(),
});
export type Parent = z.infer<typeof parent>;

/** Where a durable event stands, and by whom; first in every one of them, in this order. */
const row = { conv: id, seq, number: seq, id, from: id, at };

/** `message` is what it is about, and `messageSeq` where that stands. */
const onMessage = { ...row, message: id, messageSeq: seq };

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
      mentions: z.array(id).optional(),
      everyone: z.literal(true).optional(),
      attachments: z.array(attachment).optional(),
      state: messageState.optional(),
      parent: parent.optional(),
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
      avatar: z.string().optional(),
      membersMax: z.number().int().optional(),
    }),
  },
  'member.join': { code: 42, schema: z.object(row) },
  'member.leave': { code: 43, schema: z.object(row) },
  'member.add': { code: 44, schema: z.object({ ...row, user: id }) },
  'member.remove': { code: 45, schema: z.object({ ...row, user: id }) },
  'message.edit': {
    code: 46,
    schema: z.object({
      ...onMessage,
      text: z.string(),
      metadata: z.record(z.string(), z.json()).optional(),
      mentions: z.array(id).optional(),
    }),
  },
  /** Whatever it said is gone, here and in every edit of it: who said it and when is left. */
  'message.delete': {
    code: 47,
    schema: z.object({ ...onMessage, messageNumber: seq, author: id, sentAt: at }),
  },
  'reaction.add': { code: 48, schema: z.object({ ...onMessage, emoji: z.string() }) },
  'reaction.remove': { code: 49, schema: z.object({ ...onMessage, emoji: z.string() }) },
  'message.pin': { code: 50, schema: z.object(onMessage) },
  'message.unpin': { code: 51, schema: z.object(onMessage) },
  /** What was changed of the conversation; '' and 0 stand for nothing. */
  'conversation.change': {
    code: 52,
    schema: z.object({
      ...row,
      title: z.string().optional(),
      description: z.string().optional(),
      avatar: z.string().optional(),
      state: conversationState.optional(),
      slowMs: z.number().int().optional(),
      membersMax: z.number().int().optional(),
    }),
  },
  /** Who makes another one the owner becomes an admin. */
  'member.role': { code: 53, schema: z.object({ ...row, user: id, role }) },
  /** They are no member any more, and come back only after `until`, or when it is taken back. */
  'member.ban': {
    code: 54,
    schema: z.object({ ...row, user: id, until: at.optional(), reason: z.string().optional() }),
  },
  'member.unban': { code: 55, schema: z.object({ ...row, user: id }) },
  'member.mute': {
    code: 56,
    schema: z.object({ ...row, user: id, until: at.optional(), reason: z.string().optional() }),
  },
  'member.unmute': { code: 57, schema: z.object({ ...row, user: id }) },
  'member.nickname': { code: 58, schema: z.object({ ...row, user: id, nickname: z.string() }) },
} as const;

export type LogEventName = keyof typeof logEvents;
export type LogEvent<N extends LogEventName = LogEventName> = {
  [K in N]: { ev: K } & z.infer<(typeof logEvents)[K]['schema']>;
}[N];

/** The events about one message, which change it. */
export type MessageChange = Extract<LogEvent, { message: string }>;
/** The events about one member, or somebody who is none. */
export type MemberChange = Extract<LogEvent, { user: string }>;

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
  /** `count`: so many type in all, when they are more than are named (E7). */
  'typing.start': { code: 24, schema: z.object({ conv: id, from: id, count: z.number().int().optional() }) },
  'typing.stop': { code: 25, schema: z.object({ conv: id, from: id }) },
  /**
   * How far members have read, and what has reached them: each as `[user, read, delivered]`, the `number` of a message, 0
   * where it did not move. Marks only grow, but with `back`: what is after this one's is unread again.
   */
  'read.update': {
    code: 27,
    schema: z.object({
      conv: id,
      marks: z.array(z.tuple([id, seq, seq])),
      back: z.literal(true).optional(),
    }),
  },
  /**
   * The user became a member of a conversation (created with them, added), or, to whoever follows all of theirs: one has
   * changed and stands for them as `sync` would tell it. At most once a second, with whatever came meanwhile.
   */
  'conversation.update': {
    code: 26,
    schema: z.object({
      conv: id,
      /** The last seq; absent when they are no member any more. */
      head: seq.optional(),
      type: conversationType.optional(),
      standing: z.enum(['member', 'left', 'removed', 'banned', 'deleted']).optional(),
      number: seq.optional(),
      unread: seq.optional(),
      mentions: seq.optional(),
      mark: seq.optional(),
      preview: z.string().optional(),
      lastActivityAt: at.optional(),
      title: z.string().optional(),
      avatar: z.string().optional(),
      peer: id.optional(),
      role: role.optional(),
      archived: z.literal(true).optional(),
      mutedUntil: at.optional(),
      bannedUntil: at.optional(),
      quietUntil: at.optional(),
    }),
  },
  /** To whoever follows all: something may have changed without a word; `sync` with the cursor tells it. */
  resync: { code: 37, schema: z.object({ at }) },
  /** One's own setting on another device: hear nothing of it until then; without: until it is taken back; 0: it is. */
  'quiet.update': { code: 35, schema: z.object({ conv: id, until: at.optional() }) },
  /** The user of this socket has blocked somebody, or has taken it back, on another device. */
  'block.update': { code: 36, schema: z.object({ user: id, blocked: z.boolean() }) },
  /** A user whom the socket watches (E3, E4). `lastSeen`: of those who are offline and do not hide it. */
  'presence.update': {
    code: 30,
    schema: z.object({ user: id, status: z.enum(['online', 'away', 'offline']), lastSeen: at.optional() }),
  },
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
      /** What a query found: the same object as the body over REST. */
      result: z.record(z.string(), z.unknown()).optional(),
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
