/**
 * What every stored thing is declared as, once. Columns of COPY and upsert, the document of Mongo and its indexes, the
 * element of Redis, validation, the shape over REST and its description all come from the declaration.
 */
import type { z } from 'zod';

/**
 * How a value is stored. In TypeScript: `time` is Unix milliseconds, `date` is `YYYY-MM-DD`, `json` an object, `uuids`
 * and `texts` arrays of strings, `addresses` of IP addresses; every other is what its name says, a `uuid` being text.
 */
export type FieldType =
  | 'uuid'
  | 'text'
  | 'smallint'
  | 'bigint'
  | 'boolean'
  | 'time'
  | 'date'
  | 'json'
  | 'uuids'
  | 'texts'
  | 'addresses';

export interface Field {
  /** Its name in Postgres and in Mongo. */
  readonly column: string;
  /** Its name in the table of Postgres, where that is another. */
  readonly storedAs?: string;
  readonly type: FieldType;
  /** Of the value in TypeScript; null is allowed beside it when the field is nullable. */
  readonly schema: z.ZodType;
  readonly isNullable?: true;
  /** What it is as long as there is no row. */
  readonly initial?: unknown;
  /** Who is shown it over REST: those who may see the thing, only its owner, or nobody. */
  readonly shownTo: 'everybody' | 'owner' | 'nobody';
  /** Its owner may change it over REST. */
  readonly isEditable?: true;
  /** It never leaves Postgres: no mirror has it. */
  readonly isSecret?: true;
  /** A time that a mere use moves: mirrors hear of it when another day has begun. */
  readonly isCoarse?: true;
}

/** An index of the collection, as Mongo takes it: column → 1, −1 or `text`. */
export interface CollectionIndex {
  readonly keys: Readonly<Record<string, 1 | -1 | 'text'>>;
  readonly isUnique?: true;
  /** Only documents that have the field are in it. */
  readonly isSparse?: true;
}

/** The values of one element by field name; null where there is none. */
export type ElementFields = Readonly<Record<string, unknown>>;

export interface Entity<Fields extends Readonly<Record<string, Field>> = Readonly<Record<string, Field>>> {
  /** Plural, as in `users`; also the node of the cache. */
  readonly name: string;
  /** In Postgres. */
  readonly table: string;
  /** In Mongo: `<name>_recent`. */
  readonly collection: string;
  readonly fields: Fields;
  /** The fields that tell one element from another, in order. */
  readonly key: ReadonlyArray<keyof Fields & string>;
  /** The field that says whose it is; undefined: nobody's. */
  readonly owner?: keyof Fields & string;
  readonly indexes: readonly CollectionIndex[];
  /** What a mirror that is whole is filled with again: all, unless the field is a time that is too long ago, or over. */
  readonly recent?: { readonly since: keyof Fields & string } | { readonly until: keyof Fields & string };
  /** Where Redis keeps it in the node: its id, unless it is looked for by something else. */
  readonly element?: (fields: ElementFields) => string;
}

type ValueOf<F extends Field> = F extends { isNullable: true }
  ? z.output<F['schema']> | null
  : z.output<F['schema']>;

/** The fields of an element of this declaration, typed. */
export type FieldsOf<E extends Entity> = { readonly [Name in keyof E['fields']]: ValueOf<E['fields'][Name]> };

/** The id of an element in every tier: its key, joined by colons where it has several parts. */
export function idOf(entity: Entity, fields: ElementFields): string {
  return entity.key.map((name) => String(fields[name])).join(':');
}

/** The values of the key that an id stands for, in the order of the key; undefined when it is no id of this entity. */
export function keyOfId(entity: Entity, id: string): readonly string[] | undefined {
  const values = id.split(':');
  if (values.length !== entity.key.length) return undefined;
  const isKey = entity.key.every(
    (name, index) => entity.fields[name]?.schema.safeParse(values[index]).success,
  );
  return isKey ? values : undefined;
}

/** The names of the fields that mirrors hold, in the order of the declaration. */
export function mirroredFields(entity: Entity): readonly string[] {
  return Object.keys(entity.fields).filter((name) => entity.fields[name]?.isSecret !== true);
}

/**
 * What a mirror is told: this element is so since `version`. A mirror never goes back in version.
 */
export interface Change {
  readonly entity: Entity;
  readonly id: string;
  /** Grows with every change of this element, at most 2^53 − 1. */
  readonly version: number;
  /** All mirrored fields; undefined: the element is gone. */
  readonly fields: ElementFields | undefined;
}
