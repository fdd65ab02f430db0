/**
 * Conversations as they were when they left memory: nothing that Postgres does not know better, so they are in the
 * fastest tier alone. Of members only who they are and their roles.
 */
import { z } from 'zod';
import type { ConversationMoment, Member, Standing } from '../storage/ports.js';
import { readUuids, uuidBytes, writeUuid } from '../uuid-bytes.js';
import { conversationState, conversationType } from '../wire/operations.js';
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
        avatar: z.string().optional(),
        state: conversationState,
        slowMs: count.optional(),
        membersMax: count.optional(),
        creator: uuid,
        createdAt: time,
      }),
      shownTo: 'nobody',
    },
    /** What has been done to messages and members: a time of −1 is never. */
    standing: {
      column: 'standing',
      type: 'json',
      schema: z.object({
        isChanged: z.boolean(),
        pins: z.array(uuid),
        bans: z.array(z.tuple([uuid, z.number()])),
        mutesOfAbsent: z.array(z.tuple([uuid, z.number()])),
        mutes: z.array(z.tuple([uuid, z.number()])),
        nicknames: z.array(z.tuple([uuid, z.string()])),
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
export function changeOfMoment({ info, last, members, standing }: ConversationMoment): Change | undefined {
  const { conv, ...description } = info;
  const list = [...members];
  const packed = packMembers(list);
  const stands = packStanding(standing, list);
  if (packed === undefined || bytesOf({ description, stands }, packed) > snapshotBytesMax) return undefined;
  const { seq, number, id: lastId, at: lastAt } = last;
  const fields = {
    ...{ conversation: conv, seq, number, lastId, lastAt, info: description },
    ...{ standing: stands, members: packed },
  };
  return { entity: snapshots, id: conv, version: seq, fields };
}

/** What `changeOfMoment` was given; undefined when the members cannot be read. */
export function momentOfFields(
  fields: ElementFields,
): (ConversationMoment & { members: Member[] }) | undefined {
  const { conversation, seq, number, lastId, lastAt, info, standing, members } = fields as FieldsOf<
    typeof snapshots
  >;
  const unpacked = unpackMembers(members);
  if (unpacked === undefined) return undefined;
  return {
    info: { conv: conversation, ...withoutAbsent(info) },
    last: { seq, number, id: lastId, at: lastAt },
    members: withDetails(unpacked, standing),
    standing: unpackStanding(standing),
  };
}

type Info = z.output<(typeof snapshots.fields.info)['schema']>;
type Packed = z.output<(typeof snapshots.fields.standing)['schema']>;

/** Undefined is not absent, in the eyes of the compiler. */
function withoutAbsent(info: Info): Omit<ConversationMoment['info'], 'conv'> {
  return Object.fromEntries(Object.entries(info).filter(([, value]) => value !== undefined)) as never;
}

function packStanding(standing: Standing, members: ReadonlyArray<Omit<Member, 'mark'>>): Packed {
  const { isChanged, pins, bans, mutesOfAbsent } = standing;
  return {
    isChanged,
    pins: [...pins],
    bans: bans.map(({ user, until }) => [user, packTime(until)]),
    mutesOfAbsent: mutesOfAbsent.map(({ user, until }) => [user, packTime(until)]),
    mutes: members.flatMap(({ user, mutedUntil }) =>
      mutedUntil === undefined ? [] : [[user, packTime(mutedUntil)] as [string, number]],
    ),
    nicknames: members.flatMap(({ user, nickname }) =>
      nickname === undefined ? [] : [[user, nickname] as [string, string]],
    ),
  };
}

function unpackStanding({ isChanged, pins, bans, mutesOfAbsent }: Packed): Standing {
  const sanction = ([user, until]: [string, number]) => ({ user, until: unpackTime(until) });
  return { isChanged, pins, bans: bans.map(sanction), mutesOfAbsent: mutesOfAbsent.map(sanction) };
}

function withDetails(members: Member[], { mutes, nicknames }: Packed): Member[] {
  if (mutes.length === 0 && nicknames.length === 0) return members;
  const mutedUntil = new Map(mutes);
  const names = new Map(nicknames);
  return members.map((member) => {
    const until = mutedUntil.get(member.user);
    const nickname = names.get(member.user);
    return {
      ...member,
      ...(until === undefined ? {} : { mutedUntil: unpackTime(until) }),
      ...(nickname === undefined ? {} : { nickname }),
    };
  });
}

/** There is no infinity in JSON. */
function packTime(until: number): number {
  return until === Number.POSITIVE_INFINITY ? -1 : until;
}

function unpackTime(until: number): number {
  return until < 0 ? Number.POSITIVE_INFINITY : until;
}

function bytesOf(description: object, members: Readonly<Record<string, string>>): number {
  const texts = Object.values(members).reduce((sum, text) => sum + text.length, 0);
  return Buffer.byteLength(JSON.stringify(description)) + texts;
}

function packMembers(members: ReadonlyArray<Omit<Member, 'mark'>>): Record<string, string> | undefined {
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
