/**
 * What a client may ask for. One zod schema an operation; in JSON an operation is an object
 * `{op, ref, …}`, in msgpack an array `[code, ref, …]` whose places are the schema's keys in order
 * (absent ones are nil, trailing ones left out). New operations start here.
 */
import { z } from 'zod';
import { wireLimits as limits } from './limits.js';

/** Any UUID, lower case, as text. */
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a lower-case UUID');

/** The id of a durable operation: a UUIDv7 the client made. Its window is checked later (L4). */
export const operationId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    'must be a lower-case UUIDv7',
  );

const ref = z.number().int().min(0).max(0xffffffff);
const seq = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Postgres cannot store NUL and UTF-8 cannot carry lone surrogates: both are the client's mistake (W16). */
export function isStorableText(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** Browsers check operations by these schemas, too, and have no Buffer. */
export const utf8Length: (text: string) => number =
  typeof Buffer === 'undefined' ? (text) => new TextEncoder().encode(text).length : Buffer.byteLength;

function text(bytesMax: number) {
  return z
    .string()
    .refine(isStorableText, 'must not contain NUL or lone surrogates')
    .refine(
      (value) => value.length * 3 <= bytesMax || utf8Length(value) <= bytesMax,
      `must be at most ${bytesMax} bytes of UTF-8`,
    );
}

/** A JSON object of bounded size whose every string can be stored. */
export const metadata = z.record(z.string(), z.json()).superRefine((value, context) => {
  const json = JSON.stringify(value);
  if (utf8Length(json) > limits.metadataBytesMax) {
    context.addIssue({ code: 'custom', message: `must be at most ${limits.metadataBytesMax} bytes as JSON` });
  }
  // JSON.stringify writes NUL and lone surrogates, and nothing else, as these escapes.
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/.test(json)) {
    context.addIssue({ code: 'custom', message: 'must not contain NUL or lone surrogates' });
  }
});

export const conversationType = z.enum(['direct', 'group', 'channel', 'community', 'announcement']);
export const role = z.enum(['owner', 'admin', 'moderator', 'member']);
export const conversationState = z.enum(['active', 'archived', 'deleted']);
export const messageType = z.enum(['text', 'image', 'file', 'audio', 'video', 'publication', 'system']);
/** What a client may send; `system` is the server's. */
const sendableType = messageType.exclude(['system']);
export const title = text(limits.titleCharsMax * 4)
  .min(1)
  .max(limits.titleCharsMax);
export const description = text(limits.descriptionCharsMax * 4).max(limits.descriptionCharsMax);
/** Where the picture of a conversation is: an address of the web or a path of this server; '' for none. */
const avatar = text(limits.avatarBytesMax).regex(
  /^(?:$|https:\/\/|\/(?!\/))/,
  'must be a path or begin with https://',
);
/** One emoji, or a short name of one: letters, marks, symbols and joiners, no spaces. */
export const emoji = text(limits.emojiBytesMax).regex(/^[^\s\p{Cc}]+$/u, 'must be an emoji or a short name');
export const nickname = text(limits.nicknameCharsMax * 4).max(limits.nicknameCharsMax);
export const reason = text(limits.reasonCharsMax * 4).max(limits.reasonCharsMax);
const time = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Fields of a new message, shared by the wire and REST. */
export const messageFields = {
  text: text(limits.textBytesMax),
  type: sendableType.optional(),
  metadata: metadata.optional(),
  replyTo: operationId.optional(),
  /** Who is meant; those who are no members are left out. */
  mentions: z.array(uuid).max(limits.mentionsMax).optional(),
  /** Everybody is meant: @all. */
  everyone: z.literal(true).optional(),
  /** Ids of uploads that are ready and one's own. */
  attachments: z.array(uuid).min(1).max(limits.attachmentsMax).optional(),
} as const;

/** What becomes of a message that is edited; metadata and mentions are what they were unless given. */
export const editFields = {
  text: text(limits.textBytesMax),
  metadata: metadata.optional(),
  mentions: z.array(uuid).max(limits.mentionsMax).optional(),
} as const;

/** What may be changed of a conversation; '' takes a text away, 0 a limit. */
export const conversationFields = {
  title: text(limits.titleCharsMax * 4)
    .max(limits.titleCharsMax)
    .optional(),
  description: description.optional(),
  avatar: avatar.optional(),
  state: conversationState.optional(),
  /** Milliseconds that a member waits between two messages. */
  slowMs: z.number().int().min(0).max(limits.slowMsMax).optional(),
  membersMax: z.number().int().min(0).max(limits.membersMax).optional(),
} as const;

/** Fields of a new conversation, shared by the wire and REST. A direct one names exactly its other member. */
export const createFields = {
  type: conversationType,
  title: title.optional(),
  description: description.optional(),
  members: z.array(uuid).max(limits.createMembersMax).optional(),
  avatar: avatar.optional(),
  membersMax: conversationFields.membersMax,
} as const;

/** What is searched for, shared by the wire and REST: words, "phrases", or, -not. */
export const searchText = text(limits.searchCharsMax * 4)
  .min(1)
  .max(limits.searchCharsMax);
/** Where a page of found messages ended. */
export const searchCursor = z.string().min(1).max(256);

/** A message of a conversation, to do something with. */
const onMessage = { ref, id: operationId, conv: uuid, message: operationId } as const;
/** A member of a conversation, or somebody else, to do something about. */
const onMember = { ref, id: operationId, conv: uuid, member: uuid } as const;
/** How long (Unix ms; absent: until it is taken back) and why. */
const sanction = { until: time.optional(), reason: reason.optional() } as const;

/** Name → msgpack code and fields. Codes are never reused. */
export const operations = {
  auth: { code: 1, schema: z.object({ ref, token: z.string().min(1).max(8192) }) },
  ping: { code: 2, schema: z.object({ ref }) },
  subscribe: { code: 3, schema: z.object({ ref, conv: uuid, have: seq.optional() }) },
  unsubscribe: { code: 4, schema: z.object({ ref, conv: uuid }) },
  send: { code: 5, schema: z.object({ ref, id: operationId, conv: uuid, ...messageFields }) },
  history: {
    code: 6,
    schema: z.object({
      ref,
      conv: uuid,
      before: seq.optional(),
      after: seq.optional(),
      around: seq.optional(),
      limit: z.number().int().min(1).max(limits.historyEventsMax).optional(),
    }),
  },
  create: { code: 7, schema: z.object({ ref, id: operationId, ...createFields }) },
  join: { code: 8, schema: z.object({ ref, id: operationId, conv: uuid }) },
  leave: { code: 9, schema: z.object({ ref, id: operationId, conv: uuid }) },
  add: { code: 10, schema: z.object({ ref, id: operationId, conv: uuid, member: uuid }) },
  remove: { code: 11, schema: z.object({ ref, id: operationId, conv: uuid, member: uuid }) },
  read: { code: 12, schema: z.object({ ref, conv: uuid, seq }) },
  'typing.start': { code: 13, schema: z.object({ ref: ref.optional(), conv: uuid }) },
  'typing.stop': { code: 14, schema: z.object({ ref: ref.optional(), conv: uuid }) },
  edit: { code: 15, schema: z.object({ ...onMessage, ...editFields }) },
  delete: { code: 16, schema: z.object(onMessage) },
  react: { code: 17, schema: z.object({ ...onMessage, emoji }) },
  unreact: { code: 18, schema: z.object({ ...onMessage, emoji }) },
  pin: { code: 19, schema: z.object(onMessage) },
  unpin: { code: 20, schema: z.object(onMessage) },
  change: { code: 21, schema: z.object({ ref, id: operationId, conv: uuid, ...conversationFields }) },
  role: { code: 22, schema: z.object({ ...onMember, role }) },
  ban: { code: 23, schema: z.object({ ...onMember, ...sanction }) },
  unban: { code: 24, schema: z.object(onMember) },
  mute: { code: 25, schema: z.object({ ...onMember, ...sanction }) },
  unmute: { code: 26, schema: z.object(onMember) },
  nickname: { code: 27, schema: z.object({ ...onMember, nickname }) },
  /** Newest first. Without `conv`: in all conversations one is a member of. Times are Unix ms, `until` is left out. */
  search: {
    code: 60,
    schema: z.object({
      ref,
      q: searchText,
      conv: uuid.optional(),
      from: uuid.optional(),
      since: time.optional(),
      until: time.optional(),
      type: messageType.optional(),
      limit: z.number().int().min(1).max(limits.searchFoundMax).optional(),
      cursor: searchCursor.optional(),
    }),
  },
} as const;

export type OperationName = keyof typeof operations;
export type Operation<N extends OperationName = OperationName> = {
  [K in N]: { op: K } & z.infer<(typeof operations)[K]['schema']>;
}[N];

/** Those that are stored: they carry an `id` and are safe to retry. */
export const durableNames = [
  ...(['send', 'create', 'join', 'leave', 'add', 'remove'] as const),
  ...(['edit', 'delete', 'react', 'unreact', 'pin', 'unpin'] as const),
  ...(['change', 'role', 'ban', 'unban', 'mute', 'unmute', 'nickname'] as const),
] as const satisfies readonly OperationName[];
export type DurableName = (typeof durableNames)[number];

const durableSet: ReadonlySet<string> = new Set(durableNames);

/** Is it stored, and safe to send again with the same id? */
export function isDurableName(name: string): name is DurableName {
  return durableSet.has(name);
}

export type DurableOperation = Operation<DurableName>;
