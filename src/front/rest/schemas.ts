/** What REST answers with, as schemas: the documentation is made from them (R3). */
import { z } from 'zod';
import { type LogEventName, logEvents } from '../../wire/events.js';
import { conversationType, uuid } from '../../wire/operations.js';

const at = z.number().int().meta({ description: 'Unix milliseconds' });
const text = z.string().nullable();

export const idParams = z.object({ id: uuid });

/** The answer to every durable operation: the same for every retry (P2). */
export const ackSchema = z
  .object({
    id: z
      .string()
      .meta({ description: 'The id of the operation: the Idempotency-Key, or one the server made.' }),
    seq: z.number().int().meta({ description: "Place in the conversation's order." }),
    at,
    conv: z.string().optional().meta({ description: 'The conversation that was created.' }),
  })
  .meta({ id: 'Ack' });

export const tokenPairSchema = z
  .object({
    user: z.string(),
    session: z.string(),
    accessToken: z.string(),
    accessExpiresAt: at,
    refreshToken: z.string().meta({ description: 'Works once; a second use ends the session.' }),
    refreshExpiresAt: at,
  })
  .meta({ id: 'TokenPair' });

export const conversationSchema = z
  .object({
    id: z.string(),
    type: conversationType,
    title: text,
    description: text,
    creator: z.string(),
    createdAt: at,
    seq: z.number().int(),
    number: z.number().int(),
    lastActivityAt: at,
    preview: text,
    unread: z.number().int(),
    role: z.string().nullable(),
    peer: text,
    memberCount: z.number().int(),
  })
  .meta({ id: 'Conversation' });

function eventSchema<Name extends LogEventName, Shape extends z.core.$ZodLooseShape>(
  name: Name,
  { schema }: { readonly schema: z.ZodObject<Shape> },
) {
  return schema.extend({ ev: z.literal(name) }).meta({ id: `Event.${name}` });
}

export const messageSchema = eventSchema('message.new', logEvents['message.new']);

export const eventsSchema = z.array(
  z.union([
    messageSchema,
    eventSchema('conversation.create', logEvents['conversation.create']),
    eventSchema('member.join', logEvents['member.join']),
    eventSchema('member.leave', logEvents['member.leave']),
    eventSchema('member.add', logEvents['member.add']),
    eventSchema('member.remove', logEvents['member.remove']),
  ]),
);
