/** Entities for tests of mirrors, and a mirror's calls as promises. */
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import type { Change, ElementFields, Entity } from '#src/entities/entity.js';
import { idOf } from '#src/entities/entity.js';
import type { Mirror, MirrorStep } from '#src/storage/tiers/ports.js';
import { Answers } from './answers.js';

const shownTo = 'everybody';
const whole = z.number().int();

/** One field of every type, each nullable one also as null, and one that no mirror may have. */
export const samples = {
  name: 'samples',
  table: 'samples',
  collection: 'samples_recent',
  key: ['id'],
  indexes: [{ keys: { label: 1 } }, { keys: { friend_id: 1 }, isSparse: true }, { keys: { label: 'text' } }],
  fields: {
    id: { column: '_id', type: 'uuid', schema: z.uuid(), shownTo },
    label: { column: 'label', type: 'text', schema: z.string(), shownTo },
    friend: { column: 'friend_id', type: 'uuid', schema: z.uuid(), isNullable: true, shownTo },
    grade: { column: 'grade', type: 'smallint', schema: whole, shownTo },
    total: { column: 'total', type: 'bigint', schema: whole, shownTo },
    isActive: { column: 'is_active', type: 'boolean', schema: z.boolean(), isNullable: true, shownTo },
    seenAt: { column: 'seen_at', type: 'time', schema: whole, isNullable: true, shownTo },
    birthday: { column: 'birthday', type: 'date', schema: z.iso.date(), isNullable: true, shownTo },
    details: { column: 'details', type: 'json', schema: z.record(z.string(), z.json()), shownTo },
    secret: { column: 'secret', type: 'text', schema: z.string(), shownTo: 'nobody', isSecret: true },
    friends: { column: 'friends', type: 'uuids', schema: z.array(z.uuid()), shownTo },
    badges: { column: 'badges', type: 'texts', schema: z.array(z.string()), isNullable: true, shownTo },
    addresses: { column: 'addresses', type: 'addresses', schema: z.array(z.string()), shownTo: 'owner' },
  },
} as const satisfies Entity;

/** Its key has two parts. */
export const pairs = {
  name: 'pairs',
  table: 'pairs',
  collection: 'pairs_recent',
  key: ['left', 'right'],
  indexes: [],
  fields: {
    left: { column: 'left_id', type: 'uuid', schema: z.uuid(), shownTo },
    right: { column: 'right_name', type: 'text', schema: z.string(), shownTo },
    weight: { column: 'weight', type: 'smallint', schema: whole, shownTo },
  },
} as const satisfies Entity;

/** The mirrored fields of a sample, some of them as given. */
export function sampleFields(given: ElementFields = {}): ElementFields {
  return {
    id: uuidv7(),
    label: 'a label',
    friend: uuidv7(),
    grade: 7,
    total: Number.MAX_SAFE_INTEGER,
    isActive: true,
    seenAt: 1_763_697_600_123,
    birthday: '2000-02-29',
    details: { nested: [1, 2.5, null, { deep: 'ü' }] },
    friends: [uuidv7(), uuidv7()],
    badges: ['one', ''],
    addresses: ['192.0.2.1', '2001:db8::1'],
    ...given,
  };
}

export function changeOf(entity: Entity, fields: ElementFields, version: number): Change {
  return { entity, id: idOf(entity, fields), version, fields };
}

export function goneChange(entity: Entity, id: string, version: number): Change {
  return { entity, id, version, fields: undefined };
}

/** What is given to the `done` of a call. */
type AnswerOf<Method extends keyof Mirror> = Mirror[Method] extends (...args: infer Args) => void
  ? Args extends [...unknown[], (result: infer Result) => void]
    ? Result
    : never
  : never;

/** The calls of a mirror as promises. */
export class MirrorAsker extends Answers {
  readonly mirror: Mirror;

  constructor(mirror: Mirror) {
    super();
    this.mirror = mirror;
  }

  events(range: { conv: string; from: number; to: number }) {
    return this.ask<AnswerOf<'events'>>((done) => this.mirror.events(range, done));
  }

  get(entity: Entity, ids: readonly string[]) {
    return this.ask<AnswerOf<'get'>>((done) => this.mirror.get(entity, ids, done));
  }

  /** The elements themselves. @throws Error when the mirror has failed */
  async elements(entity: Entity, ids: readonly string[]) {
    const result = await this.get(entity, ids);
    if (result.kind === 'failed') throw new Error(result.message);
    return result.elements;
  }

  position(source: string) {
    return this.ask<AnswerOf<'position'>>((done) => this.mirror.position(source, done));
  }

  apply(step: MirrorStep) {
    return this.ask<AnswerOf<'apply'>>((done) => this.mirror.apply(step, done));
  }

  put(changes: readonly Change[]) {
    return this.ask<AnswerOf<'put'>>((done) => this.mirror.put(changes, done));
  }

  clear() {
    return this.ask<AnswerOf<'clear'>>((done) => this.mirror.clear(done));
  }
}
