/**
 * What a client may ask for. One zod schema an operation; in JSON an operation is an object
 * `{op, ref, …}`, in msgpack an array `[code, ref, …]` whose places are the schema's keys in order
 * (absent ones are nil, trailing ones left out). New operations start here.
 */
import { z } from 'zod';
import { wireLimits as limits } from './limits.js';
import { links } from './links.js';

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
export const jsonObject = z.record(z.string(), z.json()).superRefine(checkStorable);

type JsonObject = z.infer<typeof jsonObject>;

/** Of a message: whatever an application likes, and `links` as every client may show them (W19). */
export const metadata = z
  .object({ links: links.optional() })
  .catchall(z.json())
  .superRefine(checkStorable) as unknown as z.ZodType<JsonObject, JsonObject>;

function checkStorable(value: object, context: z.core.$RefinementCtx): void {
  const json = JSON.stringify(value);
  if (utf8Length(json) > limits.metadataBytesMax) {
    context.addIssue({ code: 'custom', message: `must be at most ${limits.metadataBytesMax} bytes as JSON` });
  }
  // JSON.stringify writes NUL and lone surrogates, and nothing else, as these escapes.
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/.test(json)) {
    context.addIssue({ code: 'custom', message: 'must not contain NUL or lone surrogates' });
  }
}

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
export const reportReason = z.enum(['spam', 'abuse', 'hate', 'violence', 'sexual', 'illegal', 'other']);
/** Unix ms before the year 9999, which stands for never: what is later can neither be stored nor written as a date. */
const time = z.number().int().min(0).max(253_370_764_799_999);

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

/** Where a sync begins, shared by the wire and REST. */
export const syncFields = {
  cursor: z.string().min(1).max(limits.cursorCharsMax).optional(),
  limit: z.number().int().min(1).max(limits.syncConversationsMax).optional(),
} as const;
/** What is searched for, shared by the wire and REST: words, "phrases", or, -not. */
const searchText = text(limits.searchCharsMax * 4)
  .min(1)
  .max(limits.searchCharsMax)
  .meta({ description: 'Words that are all there; "in this order", this or that, -not this.' });

/** What one types of a name. */
const nameText = text(limits.titleCharsMax * 4)
  .min(1)
  .max(limits.titleCharsMax)
  .meta({ description: 'Beginnings of words, all of which the name has.' });

/** A message of a conversation, to do something with. */
const onMessage = { ref, id: operationId, conv: uuid, message: operationId } as const;
/** A member of a conversation, or somebody else, to do something about. */
const onMember = { ref, id: operationId, conv: uuid, member: uuid } as const;
/** How long (Unix ms; absent: until it is taken back) and why. */
const sanction = { until: time.optional(), reason: reason.optional() } as const;

const inviteCode = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be the code of an invitation');

/** A page of a list, and where it goes on: the `next` of the page before. */
const limit = z.number().int().min(1).max(limits.listItemsMax).optional();
const cursor = z.string().min(1).max(limits.cursorBytesMax).optional();
const usernameLike = z.string().regex(/^[A-Za-z0-9_.-]{3,32}$/, 'must be a username');
/** What the declarations in src/entities call editable; null takes a value away. */
const patch = z.record(z.string(), z.json());
const watchedUsers = z.array(uuid).max(limits.watchedUsersMax);

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
  conversations: { code: 70, schema: z.object({ ref, limit, cursor }) },
  conversation: { code: 71, schema: z.object({ ref, conv: uuid }) },
  channels: { code: 72, schema: z.object({ ref, title, limit }) },
  message: { code: 73, schema: z.object({ ref, message: uuid }) },
  edits: { code: 74, schema: z.object({ ref, message: uuid, limit, cursor }) },
  reactions: { code: 75, schema: z.object({ ref, message: uuid, emoji: emoji.optional(), limit, cursor }) },
  members: { code: 76, schema: z.object({ ref, conv: uuid, limit, cursor }) },
  pins: { code: 77, schema: z.object({ ref, conv: uuid }) },
  bans: { code: 78, schema: z.object({ ref, conv: uuid, limit, cursor }) },
  mutes: { code: 79, schema: z.object({ ref, conv: uuid, limit, cursor }) },
  users: {
    code: 80,
    schema: z.object({
      ref,
      ids: z.array(uuid).min(1).max(limits.listItemsMax).optional(),
      usernames: z.array(usernameLike).min(1).max(limits.listItemsMax).optional(),
    }),
  },
  user: { code: 81, schema: z.object({ ref, user: uuid }) },
  me: { code: 82, schema: z.object({ ref }) },
  'me.change': { code: 83, schema: z.object({ ref, fields: patch }) },
  settings: { code: 84, schema: z.object({ ref }) },
  'settings.change': { code: 85, schema: z.object({ ref, fields: patch }) },
  sessions: { code: 86, schema: z.object({ ref }) },
  'sessions.end': { code: 87, schema: z.object({ ref, session: uuid }) },
  /**
   * Follows all one's conversations, as they come and go, and answers as `sync` does. `quiet`: without their events, only
   * `conversation.update` when they have changed.
   */
  'subscribe.all': {
    code: 32,
    schema: z.object({ ref, ...syncFields, quiet: z.literal(true).optional() }),
  },
  'unsubscribe.all': { code: 33, schema: z.object({ ref }) },
  /**
   * A code by which so many users may become members (without `uses`: any number), until then. Told to whoever made it,
   * and again for the same `id`; without it the server makes one.
   */
  'invite.create': {
    code: 34,
    schema: z.object({
      ref,
      conv: uuid,
      until: time.optional(),
      uses: z.number().int().min(1).max(limits.membersMax).optional(),
      id: operationId.optional(),
    }),
  },
  /** Those that may still be accepted, the newest first. */
  'invite.list': { code: 35, schema: z.object({ ref, conv: uuid, limit, cursor }) },
  'invite.revoke': { code: 36, schema: z.object({ ref, conv: uuid, invite: uuid }) },
  /** Joins. `id` is that of the event; without it the server makes one. */
  'invite.accept': {
    code: 37,
    schema: z.object({ ref, code: inviteCode, id: operationId.optional() }),
  },
  /** Of all one's conversations those that have changed since the cursor; without one, all. */
  sync: { code: 28, schema: z.object({ ref, ...syncFields }) },
  /** Takes the mark back: the message at `seq` and what came after it are unread again. */
  unread: { code: 29, schema: z.object({ ref, conv: uuid, seq }) },
  /** One's devices have the messages up to `seq`. */
  delivered: { code: 30, schema: z.object({ ref, conv: uuid, seq }) },
  /** Whom a message has reached, and who has read it. */
  receipts: { code: 31, schema: z.object({ ref, message: uuid }) },
  /** Neither of the two reaches the other in their direct conversation any more, nor sees whether they are there (B1). */
  block: { code: 50, schema: z.object({ ref, user: uuid }) },
  unblock: { code: 51, schema: z.object({ ref, user: uuid }) },
  /** Whom one has blocked, the latest first. */
  blocks: { code: 52, schema: z.object({ ref, limit, cursor }) },
  /** Has operators look at one of the three, with what it says now (B4). */
  report: {
    code: 53,
    schema: z.object({
      ...{
        ref,
        id: operationId,
        message: operationId.optional(),
        user: uuid.optional(),
        conv: uuid.optional(),
      },
      reason: reportReason,
      text: text(limits.reportTextCharsMax * 4)
        .max(limits.reportTextCharsMax)
        .optional(),
    }),
  },
  /** What was done in a conversation to members and to messages of others, the latest first. */
  audit: { code: 54, schema: z.object({ ref, conv: uuid, limit, cursor }) },
  /** One wants to hear nothing of it until then (Unix ms; without: until it is taken back; 0: takes it back), on all devices. */
  quiet: { code: 55, schema: z.object({ ref, conv: uuid, until: time.optional() }) },
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
      cursor,
    }),
  },
  /** People and conversations by the beginnings of the words of their names, best first. */
  'search.users': { code: 61, schema: z.object({ ref, q: nameText, limit, cursor }) },
  'search.conversations': { code: 62, schema: z.object({ ref, q: nameText, limit, cursor }) },
  /** How this socket counts (E1); until it says so again, or closes. */
  'presence.set': { code: 40, schema: z.object({ ref, status: z.enum(['online', 'away', 'invisible']) }) },
  'presence.watch': { code: 41, schema: z.object({ ref, users: watchedUsers.min(1) }) },
  /** Without users: all. */
  'presence.unwatch': { code: 42, schema: z.object({ ref, users: watchedUsers.optional() }) },
  /** How they are now, without watching them. */
  presence: { code: 43, schema: z.object({ ref, users: z.array(uuid).min(1).max(limits.listItemsMax) }) },
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

/** Those that look something up, or change what is nobody else's: answered with a `result`, the body of REST. */
export const queryNames = [
  ...(['conversations', 'conversation', 'channels', 'message', 'edits', 'reactions'] as const),
  ...(['members', 'pins', 'bans', 'mutes', 'users', 'user', 'presence'] as const),
  ...(['sync', 'receipts', 'search', 'search.users', 'search.conversations'] as const),
  ...(['invite.create', 'invite.list', 'invite.revoke', 'invite.accept'] as const),
  ...(['block', 'unblock', 'blocks', 'report', 'audit', 'quiet'] as const),
  ...(['me', 'me.change', 'settings', 'settings.change', 'sessions', 'sessions.end'] as const),
] as const satisfies readonly OperationName[];
export type QueryName = (typeof queryNames)[number];

const querySet: ReadonlySet<string> = new Set(queryNames);

export function isQueryName(name: string): name is QueryName {
  return querySet.has(name);
}

const durableSet: ReadonlySet<string> = new Set(durableNames);

/** Is it stored, and safe to send again with the same id? */
export function isDurableName(name: string): name is DurableName {
  return durableSet.has(name);
}

export type DurableOperation = Operation<DurableName>;
