/** What is shown of an element over REST, and its description, from the declaration. */
import { z } from 'zod';
import type { ElementFields, Entity, FieldsOf } from './entity.js';
import { valueSchema } from './schema.js';

/** `owner` sees what everybody sees as well. */
export type Audience = 'everybody' | 'owner';

/** The names of the fields that an audience is shown. */
type ShownNames<E extends Entity, A extends Audience> = {
  [Name in keyof E['fields']]: E['fields'][Name]['shownTo'] extends 'everybody' | A ? Name : never;
}[keyof E['fields']];

export type ViewOf<E extends Entity, A extends Audience> = Pick<
  FieldsOf<E>,
  ShownNames<E, A> & keyof FieldsOf<E>
>;

export interface View<E extends Entity, A extends Audience> {
  /** Of the answer, with an id for the documentation. */
  readonly schema: z.ZodObject<Record<string, z.ZodType>>;
  show(fields: ElementFields): ViewOf<E, A>;
}

/** @param id what the shape is called in the documentation */
export function viewOf<E extends Entity, A extends Audience>(entity: E, audience: A, id: string): View<E, A> {
  const shown = Object.entries(entity.fields).filter(
    ([, { shownTo }]) => shownTo === 'everybody' || shownTo === audience,
  );
  const schema = z.object(Object.fromEntries(shown.map(([name, field]) => [name, valueSchema(field)])));
  return {
    schema: schema.meta({ id }),
    show: (fields) =>
      Object.fromEntries(
        shown.map(([name, field]) => [name, fields[name] ?? field.initial ?? null]),
      ) as ViewOf<E, A>,
  };
}
