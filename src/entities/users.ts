/** Everybody a message can come from (H1, H6). What they prove themselves by never leaves Postgres. */
import { z } from 'zod';
import { displayName, email, subject, username } from '../people/rules.js';
import type { Entity } from './entity.js';
import { smallint, text, time, uuid } from './values.js';

const name = text(100);
const words = text(200);

/** Nobody alive was born before. */
const birthdate = z.iso.date('must be a date, YYYY-MM-DD').refine((date) => date >= '1900-01-01', {
  error: 'must not be before 1900',
});

export const users = {
  name: 'users',
  table: 'users',
  collection: 'users_recent',
  key: ['id'],
  owner: 'id',
  fields: {
    id: { column: '_id', storedAs: 'id', type: 'uuid', schema: uuid, shownTo: 'everybody' },
    username: { column: 'username', type: 'text', schema: username, isNullable: true, shownTo: 'everybody' },
    externalId: { column: 'external_id', type: 'text', schema: subject, isNullable: true, shownTo: 'owner' },
    email: { column: 'email', type: 'text', schema: email, isNullable: true, shownTo: 'owner' },
    emailVerified: { column: 'email_verified', type: 'boolean', schema: z.boolean(), shownTo: 'owner' },
    phone: { column: 'phone', type: 'text', schema: text(32), isNullable: true, shownTo: 'owner' },
    phoneVerified: { column: 'phone_verified', type: 'boolean', schema: z.boolean(), shownTo: 'owner' },
    passwordHash: {
      column: 'password_hash',
      type: 'text',
      schema: z.string(),
      isNullable: true,
      shownTo: 'nobody',
      isSecret: true,
    },
    firstName: {
      column: 'first_name',
      type: 'text',
      schema: name,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    lastName: {
      column: 'last_name',
      type: 'text',
      schema: name,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    displayName: {
      column: 'display_name',
      type: 'text',
      schema: displayName,
      isNullable: true,
      shownTo: 'everybody',
      isEditable: true,
    },
    birthdate: {
      column: 'birthdate',
      type: 'date',
      schema: birthdate,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    sex: { column: 'sex', type: 'smallint', schema: smallint, isNullable: true, shownTo: 'owner' },
    bio: {
      column: 'bio',
      type: 'text',
      schema: text(2000),
      isNullable: true,
      shownTo: 'everybody',
      isEditable: true,
    },
    profilePicture: {
      column: 'profile_picture_id',
      type: 'uuid',
      schema: uuid,
      isNullable: true,
      shownTo: 'everybody',
    },
    grade: { column: 'grade', type: 'smallint', schema: smallint, shownTo: 'owner' },
    location: {
      column: 'location',
      type: 'text',
      schema: words,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    school: {
      column: 'school',
      type: 'text',
      schema: words,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    works: {
      column: 'works',
      type: 'text',
      schema: words,
      isNullable: true,
      shownTo: 'owner',
      isEditable: true,
    },
    badges: { column: 'badges', type: 'texts', schema: z.array(text(100)), shownTo: 'everybody' },
    /** 0 deleted, 1 active, 2 banned. */
    state: { column: 'state', type: 'smallint', schema: smallint, shownTo: 'nobody' },
    createdAt: { column: 'created_at', type: 'time', schema: time, shownTo: 'owner' },
    updatedAt: { column: 'updated_at', type: 'time', schema: time, shownTo: 'owner' },
  },
  // Postgres keeps names and addresses unique; a mirror sees one given up and taken in whatever order it hears of it.
  indexes: [
    { keys: { username: 1 }, isSparse: true },
    { keys: { email: 1 }, isSparse: true },
  ],
} as const satisfies Entity;
