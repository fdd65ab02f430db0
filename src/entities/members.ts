/**
 * Who is or was in which conversation. How far they have read moves with each message and is not told to mirrors. An end
 * in the year 9999 is none.
 */
import { z } from 'zod';
import { nickname, role } from '../wire/operations.js';
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
      schema: role,
      shownTo: 'everybody',
    },
    joinedSeq: {
      column: 'joined_seq',
      type: 'bigint',
      schema: z.number().int().positive(),
      shownTo: 'everybody',
    },
    joinedAt: { column: 'joined_at', type: 'time', schema: time, shownTo: 'everybody' },
    leftAt: { column: 'left_at', type: 'time', schema: time, isNullable: true, shownTo: 'everybody' },
    nickname: { column: 'nickname', type: 'text', schema: nickname, isNullable: true, shownTo: 'everybody' },
    bannedUntil: {
      column: 'banned_until',
      type: 'time',
      schema: time,
      isNullable: true,
      shownTo: 'everybody',
    },
    mutedUntil: { column: 'muted_until', type: 'time', schema: time, isNullable: true, shownTo: 'everybody' },
  },
  indexes: [{ keys: { conversation_id: 1, user_id: 1 }, isUnique: true }, { keys: { user_id: 1 } }],
} as const satisfies Entity;
