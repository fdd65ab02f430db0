/** What a conversation is. Where it stands is in the log. */
import { z } from 'zod';
import { conversationState, conversationType } from '../wire/operations.js';
import type { Entity } from './entity.js';
import { text, time, uuid } from './values.js';

const words = z.string();
const count = z.number().int().nonnegative();

export const conversations = {
  name: 'conversations',
  table: 'conversations',
  collection: 'conversations_recent',
  key: ['id'],
  fields: {
    id: { column: '_id', storedAs: 'id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    type: { column: 'type', type: 'text', schema: conversationType, shownTo: 'everybody' },
    title: { column: 'title', type: 'text', schema: words, isNullable: true, shownTo: 'everybody' },
    description: {
      column: 'description',
      type: 'text',
      schema: words,
      isNullable: true,
      shownTo: 'everybody',
    },
    avatarUrl: {
      column: 'avatar_url',
      type: 'text',
      schema: text(2000),
      isNullable: true,
      shownTo: 'everybody',
    },
    creator: { column: 'creator', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    state: {
      column: 'state',
      type: 'text',
      schema: conversationState,
      shownTo: 'everybody',
    },
    slowMs: { column: 'slow_ms', type: 'bigint', schema: count, shownTo: 'everybody' },
    membersMax: { column: 'members_max', type: 'bigint', schema: count, shownTo: 'everybody' },
    createdAt: { column: 'created_at', type: 'time', schema: time, shownTo: 'everybody' },
  },
  indexes: [{ keys: { type: 1, title: 1 } }],
} as const satisfies Entity;
