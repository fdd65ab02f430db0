/** One log-in on one device. Its refresh tokens are a table of their own, as hashes, and in no mirror. */
import { z } from 'zod';
import type { Entity } from './entity.js';
import { jsonObject, time, uuid } from './values.js';

export const sessions = {
  name: 'sessions',
  table: 'sessions',
  collection: 'sessions_recent',
  key: ['id'],
  owner: 'user',
  recent: { until: 'expiresAt' },
  fields: {
    id: { column: '_id', storedAs: 'id', type: 'uuid', schema: uuid, shownTo: 'owner' },
    user: { column: 'user_id', type: 'uuid', schema: uuid, shownTo: 'nobody' },
    device: { column: 'device_info', type: 'json', schema: jsonObject, shownTo: 'owner' },
    /** Where it was used from, the latest last. */
    addresses: {
      column: 'ip',
      type: 'addresses',
      schema: z.array(z.union([z.ipv4(), z.ipv6()])),
      shownTo: 'owner',
    },
    createdAt: { column: 'created_at', type: 'time', schema: time, shownTo: 'owner' },
    lastUsedAt: { column: 'last_used_at', type: 'time', schema: time, shownTo: 'owner', isCoarse: true },
    expiresAt: { column: 'expires_at', type: 'time', schema: time, shownTo: 'owner', isCoarse: true },
    revoked: { column: 'revoked', type: 'boolean', schema: z.boolean(), shownTo: 'nobody' },
  },
  indexes: [{ keys: { user_id: 1, revoked: 1 } }],
} as const satisfies Entity;
