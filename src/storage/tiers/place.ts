/** Where an element is in a cache: its node is the entity's name, and in it it has a name of its own. */
import type { Change, ElementFields, Entity } from '../../entities/entity.js';
import { messages } from '../../entities/messages.js';

/**
 * The name of an element in its node. undefined: the entity is looked for by something else than its id, and of an
 * element that is gone nobody knows what that was.
 */
export function placeOf({
  entity,
  id,
  fields,
}: Pick<Change, 'entity' | 'id' | 'fields'>): string | undefined {
  if (entity.element === undefined) return id;
  return fields === undefined ? undefined : entity.element(fields);
}

/** The names of the events of a range, both ends included, in rising order. */
export function placesOfRange({ conv, from, to }: { conv: string; from: number; to: number }): string[] {
  const places: string[] = [];
  for (let seq = from; seq <= to; seq += 1) places.push(messages.element({ conversation: conv, seq }));
  return places;
}

/** What is said of a change without a place: see `placeOf`. */
export function withoutPlace({ entity }: Change): string {
  return `${entity.name} are not looked for by their id here, so one that is gone cannot be found`;
}

/** An element that is larger is in no cache: it would push out thousands of others. */
export const elementBytesMax = 1_048_576;

/** What is said of an element that is larger than that. */
export function tooLarge({ entity, id }: Change, bytes: number): string {
  return `${entity.name} ${id} takes ${bytes} bytes, more than the ${elementBytesMax} that a cache takes`;
}

/** Only what mirrors may hold: a secret that a caller left in stays out. */
export function pickFields(names: readonly string[], fields: ElementFields): ElementFields {
  return Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
}

/** Those of an entity are asked for with every element. */
export function rememberPerEntity<Value>(make: (entity: Entity) => Value): (entity: Entity) => Value {
  const made = new WeakMap<Entity, Value>();
  return (entity) => {
    let value = made.get(entity);
    if (value === undefined) {
      value = make(entity);
      made.set(entity, value);
    }
    return value;
  };
}
