/** Choices of a user, apart from users because they change at another pace. No row means what is `initial`. */
import { z } from 'zod';
import type { Entity } from './entity.js';
import { jsonObject, smallint, uuid } from './values.js';

/** As in BCP 47: `fr`, `pt-BR`. */
const language = z
  .string()
  .max(35, 'must be at most 35 characters')
  .regex(/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/, 'must be a language tag such as fr or pt-BR');

export const userSettings = {
  name: 'user_settings',
  table: 'user_settings',
  collection: 'user_settings_recent',
  key: ['user'],
  owner: 'user',
  fields: {
    user: { column: 'user_id', type: 'uuid', schema: uuid, shownTo: 'nobody' },
    privacy: {
      column: 'privacy',
      type: 'json',
      schema: jsonObject,
      initial: {},
      shownTo: 'owner',
      isEditable: true,
    },
    notifications: {
      column: 'notifications',
      type: 'json',
      schema: jsonObject,
      initial: {},
      shownTo: 'owner',
      isEditable: true,
    },
    language: {
      column: 'language',
      type: 'text',
      schema: language,
      isNullable: true,
      initial: null,
      shownTo: 'owner',
      isEditable: true,
    },
    theme: {
      column: 'theme',
      type: 'smallint',
      schema: smallint,
      initial: 0,
      shownTo: 'owner',
      isEditable: true,
    },
    /** Without them one neither shows nor sees how far somebody has read. */
    readReceipts: {
      column: 'read_receipts',
      type: 'boolean',
      schema: z.boolean(),
      initial: true,
      shownTo: 'owner',
      isEditable: true,
    },
  },
  indexes: [{ keys: { user_id: 1 }, isUnique: true }],
} as const satisfies Entity;
