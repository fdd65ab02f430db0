/** JSON schemas of many zod schemas for one document: what has a name stands in it once. */
import { z } from 'zod';

type Json = Record<string, unknown>;

export class Shapes {
  /** By name, as they were met. */
  readonly named: Record<string, Json> = {};
  private readonly place: string;

  /** `place`: where the document has them, as a reference begins: `#/components/schemas/`. */
  constructor(place: string) {
    this.place = place;
  }

  /** `input`: as it is checked; `output`: as it is made. */
  of(schema: z.ZodType, io: 'input' | 'output'): Json {
    const made = z.toJSONSchema(schema, {
      ...{ target: 'draft-7', io, unrepresentable: 'any' },
      // A newer server may say more than this one does.
      override: ({ jsonSchema }) => {
        if (io === 'output' && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties;
      },
    }) as Json;
    const { $schema: _schema, definitions = {}, ...rest } = made;
    for (const [name, definition] of Object.entries(definitions as Record<string, Json>))
      this.named[nameOf(name)] ??= this.moved(definition) as Json;
    return this.moved(rest) as Json;
  }

  /** With references to where the document has what is named. */
  private moved(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.moved(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        // A name is a place here, no identifier of JSON Schema.
        .filter(([key, held]) => !(key === 'id' && typeof held === 'string'))
        .map(([key, held]) => [
          key,
          key === '$ref' && typeof held === 'string'
            ? `${this.place}${nameOf(held.replace(/^#\/definitions\//, ''))}`
            : this.moved(held),
        ]),
    );
  }
}

/** The one schema without a name that refers to itself is JSON as such. */
function nameOf(name: string): string {
  return name.startsWith('__') ? 'Json' : name;
}
