/** What has become of messages that were changed: nothing for all the others. */
import { z } from 'zod';
import type { Entity } from './entity.js';
import { time, uuid } from './values.js';

const count = z.number().int().nonnegative();
const optional = { isNullable: true, shownTo: 'everybody' } as const;

export const messageStates = {
  name: 'message_states',
  table: 'message_states',
  collection: 'message_states_recent',
  key: ['message'],
  fields: {
    message: { column: '_id', storedAs: 'message', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    conversation: {
      column: 'conversation_id',
      storedAs: 'conversation',
      type: 'uuid',
      schema: uuid,
      shownTo: 'everybody',
    },
    seq: { column: 'seq', type: 'bigint', schema: count, shownTo: 'everybody' },
    /** The seq of the last change. */
    version: { column: 'version', type: 'bigint', schema: count, shownTo: 'everybody' },
    text: { column: 'text', type: 'text', schema: z.string(), ...optional },
    metadata: { column: 'metadata', type: 'json', schema: z.record(z.string(), z.json()), ...optional },
    mentions: { column: 'mentions', type: 'uuids', schema: z.array(uuid), ...optional },
    editedAt: { column: 'edited_at', type: 'time', schema: time, ...optional },
    deletedAt: { column: 'deleted_at', type: 'time', schema: time, ...optional },
    deletedBy: { column: 'deleted_by', type: 'uuid', schema: uuid, ...optional },
    pinnedAt: { column: 'pinned_at', type: 'time', schema: time, ...optional },
    pinnedBy: { column: 'pinned_by', type: 'uuid', schema: uuid, ...optional },
    /** How many there are of each emoji, by the emoji. */
    reactions: { column: 'reactions', type: 'json', schema: z.record(z.string(), count), ...optional },
  },
  indexes: [{ keys: { conversation_id: 1, seq: 1 } }],
} as const satisfies Entity;
