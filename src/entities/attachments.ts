/** Files of messages: what they are, whose, and which message has them. The bytes are in a store of their own (src/media). */
import { z } from 'zod';
import type { Entity } from './entity.js';
import { text, time, uuid } from './values.js';

const bytes = z.number().int().positive();
const pixels = z.number().int().positive();

export const attachments = {
  name: 'attachments',
  table: 'attachments',
  collection: 'attachments_recent',
  key: ['id'],
  owner: 'owner',
  fields: {
    id: { column: '_id', storedAs: 'id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    owner: { column: 'owner', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    /** Both null until it was sent. */
    conversation: {
      column: 'conversation',
      type: 'uuid',
      schema: uuid,
      isNullable: true,
      shownTo: 'everybody',
    },
    message: { column: 'message', type: 'uuid', schema: uuid, isNullable: true, shownTo: 'everybody' },
    fileName: { column: 'file_name', type: 'text', schema: text(1024), shownTo: 'everybody' },
    fileType: { column: 'file_type', type: 'text', schema: text(255), shownTo: 'everybody' },
    fileSize: { column: 'file_size', type: 'bigint', schema: bytes, shownTo: 'everybody' },
    state: {
      column: 'state',
      type: 'text',
      schema: z.enum(['uploading', 'ready', 'refused', 'removed']),
      shownTo: 'everybody',
    },
    /** Why it was refused. */
    reason: { column: 'reason', type: 'text', schema: text(1000), isNullable: true, shownTo: 'everybody' },
    width: { column: 'width', type: 'bigint', schema: pixels, isNullable: true, shownTo: 'everybody' },
    height: { column: 'height', type: 'bigint', schema: pixels, isNullable: true, shownTo: 'everybody' },
    durationMs: {
      column: 'duration_ms',
      type: 'bigint',
      schema: z.number().int().nonnegative(),
      isNullable: true,
      shownTo: 'everybody',
    },
    /** Null: nobody has tried to make one yet. */
    hasThumbnail: {
      column: 'has_thumbnail',
      type: 'boolean',
      schema: z.boolean(),
      isNullable: true,
      shownTo: 'nobody',
    },
    createdAt: { column: 'created_at', type: 'time', schema: time, shownTo: 'everybody' },
    /** When it goes unless it is sent before; null once it was. */
    expiresAt: { column: 'expires_at', type: 'time', schema: time, isNullable: true, shownTo: 'everybody' },
  },
  indexes: [{ keys: { owner: 1 } }, { keys: { message: 1 } }],
} as const satisfies Entity;
