/** What values an entity takes, from its declaration. */
import { z } from 'zod';
import type { Entity, Field } from './entity.js';

/** Of one value, null included where it may be. */
export function valueSchema({ schema, isNullable }: Field): z.ZodType {
  return isNullable === true ? schema.nullable() : schema;
}

/** All fields of one element. */
export function schemaOf(entity: Entity): z.ZodObject<Record<string, z.ZodType>> {
  return z.object(
    Object.fromEntries(Object.entries(entity.fields).map(([name, field]) => [name, valueSchema(field)])),
  );
}

/** What its owner may change: any of the editable fields, at least one, and nothing else. */
export function patchSchemaOf(entity: Entity): z.ZodType<Record<string, unknown>> {
  const editable = Object.entries(entity.fields).filter(([, field]) => field.isEditable === true);
  return z
    .strictObject(
      Object.fromEntries(editable.map(([name, field]) => [name, valueSchema(field).optional()])),
      {
        error: (issue) =>
          issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} cannot be changed here` : undefined,
      },
    )
    .refine(
      (fields) => Object.values(fields).some((value) => value !== undefined),
      'names no field to change',
    );
}
