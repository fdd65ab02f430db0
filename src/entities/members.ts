/** Who is in which conversation. How far they have read moves with each message and is not told to mirrors. */
import { z } from 'zod';
import type { Entity } from './entity.js';
import { time, uuid } from './values.js';

export const members = {
  name: 'members',
  table: 'conversation_members',
  collection: 'conversation_members_recent',
  key: ['conversation', 'user'],
  fields: {
    conversation: {
      column: 'conversation_id',
      storedAs: 'conversation',
      type: 'uuid',
      schema: uuid,
      shownTo: 'everybody',
    },
    user: { column: 'user_id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    role: {
      column: 'role',
      type: 'text',
      schema: z.enum(['owner', 'admin', 'moderator', 'member']),
      shownTo: 'everybody',
    },
    joinedSeq: {
      column: 'joined_seq',
      type: 'bigint',
      schema: z.number().int().positive(),
      shownTo: 'everybody',
    },
    joinedAt: { column: 'joined_at', type: 'time', schema: time, shownTo: 'everybody' },
  },
  indexes: [{ keys: { conversation_id: 1, user_id: 1 }, isUnique: true }, { keys: { user_id: 1 } }],
} as const satisfies Entity;
