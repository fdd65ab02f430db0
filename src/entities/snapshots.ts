/**
 * Conversations as they were when they left memory: nothing that Postgres does not know better, so they are in the
 * fastest tier alone. Of members only who they are and their roles.
 */
import { z } from 'zod';
import type { ConversationMoment, Member } from '../storage/ports.js';
import { readUuids, uuidBytes, writeUuid } from '../uuid-bytes.js';
import { conversationType } from '../wire/operations.js';
import type { Change, ElementFields, Entity, FieldsOf } from './entity.js';
import { time, uuid } from './values.js';

const count = z.number().int().nonnegative();
const role = z.enum(['owner', 'admin', 'moderator', 'member']);

export const snapshots = {
  name: 'snapshots',
  // They have no table and no collection: these would be theirs.
  table: 'conversation_snapshots',
  collection: 'snapshots_recent',
  key: ['conversation'],
  fields: {
    conversation: { column: 'conversation_id', type: 'uuid', schema: uuid, shownTo: 'nobody' },
    /** Of the last event that is in it. */
    seq: { column: 'seq', type: 'bigint', schema: count, shownTo: 'nobody' },
    number: { column: 'number', type: 'bigint', schema: count, shownTo: 'nobody' },
    lastId: { column: 'last_id', type: 'uuid', schema: uuid, shownTo: 'nobody' },
    lastAt: { column: 'last_at', type: 'time', schema: time, shownTo: 'nobody' },
    info: {
      column: 'info',
      type: 'json',
      schema: z.object({
        type: conversationType,
        title: z.string().optional(),
        description: z.string().optional(),
        creator: uuid,
        createdAt: time,
      }),
      shownTo: 'nobody',
    },
    /** By role, the 16 bytes of each user in base64: a third of their text. */
    members: {
      column: 'members',
      type: 'json',
      schema: z.partialRecord(role, z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/)),
      shownTo: 'nobody',
    },
  },
  indexes: [],
} as const satisfies Entity;

/** A larger one is kept by nobody: it would push out hundreds of others, for a room that is seldom idle. */
export const snapshotBytesMax = 262_144;

/** @returns undefined when it is too large, or names what is no UUID */
export function changeOfMoment({ info, last, members }: ConversationMoment): Change | undefined {
  const { conv, ...description } = info;
  const packed = packMembers(members);
  if (packed === undefined || bytesOf(description, packed) > snapshotBytesMax) return undefined;
  const { seq, number, id: lastId, at: lastAt } = last;
  const fields = { conversation: conv, seq, number, lastId, lastAt, info: description, members: packed };
  return { entity: snapshots, id: conv, version: seq, fields };
}

/** What `changeOfMoment` was given; undefined when the members cannot be read. */
export function momentOfFields(
  fields: ElementFields,
): (ConversationMoment & { members: Member[] }) | undefined {
  const { conversation, seq, number, lastId, lastAt, info, members } = fields as FieldsOf<typeof snapshots>;
  const unpacked = unpackMembers(members);
  if (unpacked === undefined) return undefined;
  const { title, description, ...rest } = info;
  return {
    info: {
      ...{ conv: conversation, ...rest },
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
    },
    last: { seq, number, id: lastId, at: lastAt },
    members: unpacked,
  };
}

function bytesOf(info: object, members: Readonly<Record<string, string>>): number {
  const texts = Object.values(members).reduce((sum, text) => sum + text.length, 0);
  return Buffer.byteLength(JSON.stringify(info)) + texts;
}

function packMembers(members: ConversationMoment['members']): Record<string, string> | undefined {
  const byRole = new Map<string, string[]>();
  for (const { user, role: held } of members) {
    const users = byRole.get(held);
    if (users === undefined) byRole.set(held, [user]);
    else users.push(user);
  }
  const packed: Record<string, string> = {};
  for (const [held, users] of byRole) {
    const bytes = Buffer.allocUnsafe(users.length * uuidBytes);
    try {
      for (const [index, user] of users.entries()) writeUuid(bytes, index * uuidBytes, user);
    } catch {
      return undefined;
    }
    packed[held] = bytes.toString('base64');
  }
  return packed;
}

function unpackMembers(packed: Readonly<Record<string, string | undefined>>): Member[] | undefined {
  const members: Member[] = [];
  for (const [held, text = ''] of Object.entries(packed)) {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length % uuidBytes !== 0) return undefined;
    for (const user of readUuids(bytes)) members.push({ user, role: held as Member['role'] });
  }
  return members;
}
