/** What queries are answered with, as schemas: REST and the wire are documented from them (R3, W17). */
import { z } from 'zod';
import { userView } from '../entities/views.js';
import { type LogEventName, logEvents } from '../wire/events.js';
import { conversationState, conversationType, messageType, role } from '../wire/operations.js';

const at = z.number().int().meta({ description: 'Unix milliseconds' });
const text = z.string().nullable();
const next = z
  .string()
  .nullable()
  .meta({ description: 'The cursor of the next page; null: this was the last.' });

export const conversation = z
  .object({
    id: z.string(),
    type: conversationType,
    title: text,
    description: text,
    avatar: text,
    state: conversationState.exclude(['deleted']),
    slowMs: z.number().int().meta({ description: 'A member waits so long between two messages; 0: not.' }),
    membersMax: z.number().int().nullable(),
    creator: z.string(),
    createdAt: at,
    seq: z.number().int(),
    number: z.number().int(),
    lastActivityAt: at,
    preview: text,
    unread: z.number().int(),
    mentions: z.number().int().meta({ description: 'Of the unread ones those that mean you (U3).' }),
    mark: z.number().int().nullable().meta({ description: 'The number of the message you have read up to.' }),
    mutedUntil: at.nullable().meta({ description: 'You may not write before; -1: until it is taken back.' }),
    role: role.nullable().meta({ description: 'Yours; null: you are no member.' }),
    nickname: text.meta({ description: 'Yours, here.' }),
    quietUntil: at
      .nullable()
      .meta({ description: 'You want to hear nothing before; -1: until you take it back.' }),
    peer: text,
    memberCount: z.number().int(),
  })
  .meta({ id: 'Conversation' });

export const conversations = z.object({ conversations: z.array(conversation), next });
export const channels = z.object({ conversations: z.array(conversation) });

/** An event of the log as an object, with its name. */
export function eventShape<Name extends LogEventName>(name: Name) {
  const { schema } = logEvents[name] as { readonly schema: z.ZodObject<z.core.$ZodLooseShape> };
  return schema.extend({ ev: z.literal(name) }).meta({ id: `Event.${name}` });
}

export const message = eventShape('message.new');

export const events = z.array(
  z.union([
    message,
    ...(Object.keys(logEvents) as LogEventName[]).filter((name) => name !== 'message.new').map(eventShape),
  ]),
);

export const edits = z.object({
  edits: z.array(
    z
      .object({
        seq: z.number().int(),
        at,
        by: z.string(),
        text: z.string(),
        metadata: z.record(z.string(), z.json()).optional(),
      })
      .meta({ id: 'MessageVersion' }),
  ),
  next,
});

export const reactions = z.object({
  reactions: z.array(z.object({ user: z.string(), emoji: z.string(), at }).meta({ id: 'Reaction' })),
  next,
});

export const pins = z.object({ messages: z.array(message) });

export const members = z.object({
  members: z.array(z.object({ user: z.string(), role, nickname: text, joinedAt: at }).meta({ id: 'Member' })),
  next,
});

const sanction = z
  .object({
    user: z.string(),
    until: at.nullable().meta({ description: 'Unix milliseconds; null: until it is taken back.' }),
  })
  .meta({ id: 'Sanction' });

export const bans = z.object({ bans: z.array(sanction), next });
export const mutes = z.object({ mutes: z.array(sanction), next });
export const report = z.object({ id: z.string(), at });

const auditEntry = z
  .object({
    id: z.string(),
    at,
    act: z.string().meta({ description: 'remove, delete, state, role, ban, unban, mute, unmute, block, …' }),
    actor: text.meta({ description: 'null: the operator.' }),
    target: text.meta({ description: 'The user to whom it was done.' }),
    conversation: text,
    message: text,
    reason: text,
    until: at.optional(),
    role: z.string().optional(),
    state: z.string().optional(),
    report: z.string().optional(),
    jti: z.string().optional(),
  })
  .meta({ id: 'AuditEntry' });

export const audit = z.object({ entries: z.array(auditEntry), next });

const reportState = z.enum(['open', 'resolved', 'dismissed']);

export const reports = z.object({
  reports: z.array(
    z
      .object({
        ...{ id: z.string(), reporter: z.string(), at, subject: z.enum(['message', 'user', 'conversation']) },
        target: z.string(),
        conversation: text,
        accused: text.meta({ description: 'The author, or the user.' }),
        reason: z.string(),
        text: z.string(),
        evidence: z
          .record(z.string(), z.json())
          .meta({ description: 'What it said when it was reported, also when that is deleted.' }),
        state: reportState,
        settledAt: at.nullable(),
        note: text,
      })
      .meta({ id: 'Report' }),
  ),
  next,
});

export const blocks = z.object({
  blocks: z.array(z.object({ user: z.string(), at }).meta({ id: 'Block' })),
  next,
});
export const users = z.object({ users: z.array(userView.schema) });
export const foundUsers = users.extend({ next });

export const presences = z.object({
  presences: z.array(
    z
      .object({
        user: z.string(),
        status: z.enum(['online', 'away', 'offline']),
        lastSeen: at.optional().meta({ description: 'Of who is offline and does not hide it.' }),
      })
      .meta({ id: 'Presence' }),
  ),
});

export function ownSessions(session: z.ZodObject<Record<string, z.ZodType>>) {
  return z.object({
    sessions: z.array(
      session
        .extend({ current: z.boolean().meta({ description: 'The session of this token.' }) })
        .meta({ id: 'OwnSession' }),
    ),
  });
}

const number = z.number().int();

const invite = z
  .object({
    id: z.string(),
    conv: z.string(),
    creator: z.string(),
    createdAt: at,
    until: at.nullable().meta({ description: 'Null: without an end.' }),
    usesMax: number.nullable().meta({ description: 'Null: any number.' }),
    uses: number.meta({ description: 'Users who have accepted it.' }),
  })
  .meta({ id: 'Invite' });

export const invites = z.object({ invites: z.array(invite), next });
export const newInvite = invite
  .extend({ code: z.string().meta({ description: 'For whoever is invited; it is told only now.' }) })
  .meta({ id: 'NewInvite' });

const synced = z
  .object({
    conv: z.string(),
    type: conversationType,
    standing: z.enum(['member', 'left', 'removed', 'banned', 'deleted']),
    title: z.string().optional(),
    avatar: z.string().optional(),
    peer: z.string().optional(),
    archived: z.literal(true).optional(),
    head: number.optional().meta({ description: 'The last seq.' }),
    number: number.optional().meta({ description: 'How many messages there are.' }),
    lastActivityAt: at.optional(),
    preview: z.string().optional(),
    role: role.optional(),
    mark: number.optional(),
    unread: number.optional(),
    mentions: number.optional(),
    mutedUntil: at.optional(),
    bannedUntil: at.optional(),
    quietUntil: at.optional(),
  })
  .meta({ id: 'SyncedConversation' });

export const sync = z.object({
  conversations: z.array(synced),
  cursor: z.string().meta({ description: 'For the next time.' }),
  more: z.boolean().meta({ description: 'There are more: ask again at once.' }),
  full: z
    .boolean()
    .meta({ description: 'The page is of all there are: what no page of it names is not yours.' }),
});

export const receipts = z.object({
  delivered: number,
  read: number,
  readers: z.array(z.string()).meta({ description: 'Some of those who have read it.' }),
});

/** The answer to every durable operation: the same for every retry (P2). */
export const ack = z
  .object({
    id: z
      .string()
      .meta({ description: 'The id of the operation: the Idempotency-Key, or one the server made.' }),
    seq: z.number().int().meta({ description: "Place in the conversation's order." }),
    at,
    conv: z.string().optional().meta({ description: 'The conversation that was created.' }),
  })
  .meta({ id: 'Ack' });

/** A message that was found, by what it says now. */
const foundMessage = z
  .object({
    ...{ conv: z.string(), seq: z.number().int(), id: z.string(), from: z.string(), at },
    type: messageType.optional(),
    editedAt: at.optional(),
    snippet: z.string().meta({ description: 'A part of what the message says now: plain text, never HTML.' }),
    marks: z
      .array(z.tuple([z.number().int(), z.number().int()]))
      .meta({ description: 'Where the words are in the snippet: [start, length], in UTF-16 code units.' }),
  })
  .meta({ id: 'FoundMessage' });

export const search = z.object({ found: z.array(foundMessage), next });
