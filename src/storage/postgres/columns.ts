/** How the fields of an entity are columns of its table, both ways: as JSON, since sets travel as one parameter. */
import type { ElementFields, Entity, FieldType } from '../../entities/entity.js';

export interface Column {
  /** Of the field. */
  readonly name: string;
  /** In the table, quoted. */
  readonly column: string;
  /** Of Postgres. */
  readonly type: string;
  /** SQL: the value as JSON has it, of a row called `t`. */
  readonly read: string;
  /** SQL: the value as the column takes it, of a JSON record called `r` whose columns are those of `recordOf`. */
  readonly write: string;
}

const types: Record<FieldType, string> = {
  uuid: 'uuid',
  text: 'text',
  smallint: 'smallint',
  bigint: 'bigint',
  boolean: 'boolean',
  time: 'timestamptz',
  date: 'date',
  json: 'jsonb',
  uuids: 'uuid[]',
  texts: 'text[]',
  addresses: 'inet[]',
};

/** @param names the fields; all that mirrors may have when absent: nothing else is ever read by accident */
export function columnsOf(entity: Entity, names?: readonly string[]): Column[] {
  const wanted = names ?? Object.keys(entity.fields).filter((name) => entity.fields[name]?.isSecret !== true);
  return wanted.map((name) => {
    const field = entity.fields[name];
    if (field === undefined) throw new RangeError(`${entity.name} has no field ${name}`);
    const column = quoted(field.storedAs ?? field.column);
    const isTime = field.type === 'time';
    return {
      name,
      column,
      type: types[field.type],
      read: isTime ? `nubo_ms(t.${column})` : `t.${column}`,
      write: isTime ? `nubo_time(r.${column})` : `r.${column}`,
    };
  });
}

/** The columns of a JSON record with these fields: `id uuid, created_at bigint`. */
export function recordOf(columns: readonly Column[]): string {
  return columns
    .map(({ column, type }) => `${column} ${type === 'timestamptz' ? 'bigint' : type}`)
    .join(', ');
}

/** What COPY is told, and what it takes in each place. */
export function copyList(columns: readonly Column[]): string {
  return columns.map(({ column }) => column).join(',');
}

/** The values of fields by the name of their column, for a JSON record. */
export function recordValues(columns: readonly Column[], fields: ElementFields): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name, column }) => [column.slice(1, -1), fields[name] ?? null]));
}

/** The fields that were read as an array in the order of the columns. */
export function fieldsOf(columns: readonly Column[], values: readonly unknown[]): ElementFields {
  return Object.fromEntries(columns.map(({ name }, index) => [name, values[index] ?? null]));
}

function quoted(name: string): string {
  return `"${name}"`;
}
