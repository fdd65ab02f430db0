/**
 * The elements of any declared entity in Postgres, in sets: a set is one JSON parameter, so that a statement is the
 * same for any number of rows. Rejects with a NuboError for what somebody has done wrong, else with the driver's error.
 */
import type { Sql } from 'postgres';
import { type ElementFields, type Entity, idOf, keyOfId } from '../../entities/entity.js';
import { NuboError } from '../../errors.js';
import { type Element, recentDays } from '../tiers/ports.js';
import { type Column, columnsOf, fieldsOf, recordOf, recordValues } from './columns.js';
import { refusalOf } from './entity-errors.js';

export interface EntityStore {
  /**
   * In the order of `ids`, all of one moment, without secrets. undefined: there never was one; without fields: it is
   * gone. The version is 0 for what comes from the log.
   */
  get(entity: Entity, ids: readonly string[]): Promise<Array<Element | undefined>>;
  /** What is recent, by rising id: those after an id. */
  page(
    entity: Entity,
    page: { after: string | undefined; limit: number },
  ): Promise<Array<{ id: string; fields: ElementFields }>>;
  /** What is somebody's and recent, and has these values; the latest ids first. */
  owned(
    entity: Entity,
    wanted: { owner: string; where?: ElementFields; limit: number },
  ): Promise<ElementFields[]>;
  /**
   * Inserts, or changes those that are there. All rows name the same fields, the key among them; what they do not name
   * stays or is the default of the column. `taken` or `invalid` otherwise: nothing is stored then.
   */
  upsert(entity: Entity, rows: readonly ElementFields[]): Promise<void>;
  /** Changes these fields. `not_found` when there is no such element, or it is not the owner's (R6). */
  patch(entity: Entity, id: string, owner: string, fields: ElementFields): Promise<void>;
}

interface FoundRow {
  readonly place: number;
  readonly version: number | null;
  readonly isHere: boolean;
  readonly values: unknown[];
}

export function createEntityStore(sql: Sql): EntityStore {
  return {
    get: (entity, ids) => get(sql, entity, ids),

    async page(entity, { after, limit }) {
      const columns = columnsOf(entity);
      const key = columnsOf(entity, entity.key);
      const place = key.map(({ column }) => `t.${column}`).join(', ');
      const from = key.map(({ column }) => `r.${column}`).join(', ');
      const rows = await sql.unsafe<Array<{ values: unknown[] }>>(
        `select ${readsOf(columns)} as values from ${entity.table} t
         ${after === undefined ? '' : `, jsonb_to_recordset($2::text::jsonb) as r (${recordOf(key)})`}
         where ${recentCondition(entity)} ${after === undefined ? '' : `and (${place}) > (${from})`}
         order by ${place} limit $1`,
        after === undefined ? [limit] : [limit, JSON.stringify([keyRecord(entity, after)])],
      );
      return rows.map(({ values }) => {
        const fields = fieldsOf(columns, values);
        return { id: idOf(entity, fields), fields };
      });
    },

    async owned(entity, { owner, where = {}, limit }) {
      const wanted: ElementFields = { ...where, [ownerOf(entity)]: owner };
      const columns = columnsOf(entity);
      const conditions = columnsOf(entity, Object.keys(wanted));
      const latest = columnsOf(entity, entity.key).map(({ column }) => `t.${column} desc`);
      const rows = await sql.unsafe<Array<{ values: unknown[] }>>(
        `select ${readsOf(columns)} as values
         from ${entity.table} t join jsonb_to_recordset($1::text::jsonb) as r (${recordOf(conditions)})
           on ${matching(conditions)}
         where ${recentCondition(entity)} order by ${latest.join(', ')} limit $2`,
        [JSON.stringify([recordValues(conditions, wanted)]), limit],
      );
      return rows.map(({ values }) => fieldsOf(columns, values));
    },

    async upsert(entity, rows) {
      const [first] = rows;
      if (first === undefined) return;
      const columns = columnsOf(entity, Object.keys(first));
      const key = columnsOf(entity, entity.key);
      const others = columns.filter(({ name }) => !entity.key.includes(name));
      const set = others.map(({ column }) => `${column} = excluded.${column}`).join(', ');
      const before = others.map(({ column }) => `t.${column}`).join(', ');
      const after = others.map(({ column }) => `excluded.${column}`).join(', ');
      // Sorted, so that calls that overlap lock rows in one order.
      await written(entity, () =>
        sql.unsafe(
          `insert into ${entity.table} as t (${listOf(columns)}) select ${columns.map(({ write }) => write).join(', ')}
           from jsonb_to_recordset($1::text::jsonb) as r (${recordOf(columns)}) order by ${listOf(key)}
           on conflict (${listOf(key)}) do
           ${others.length === 0 ? 'nothing' : `update set ${set} where (${before}) is distinct from (${after})`}`,
          [JSON.stringify(rows.map((row) => recordValues(columns, row)))],
        ),
      );
    },

    async patch(entity, id, owner, fields) {
      const key = keyRecord(entity, id);
      if (key === undefined) throw notFound();
      // The owner and the key are compared with columns that may be changed as well: they have a record of their own.
      const place = columnsOf(entity, [
        ...entity.key.filter((name) => name !== entity.owner),
        ownerOf(entity),
      ]);
      const changes = columnsOf(entity, Object.keys(fields));
      const isKeyOwner = entity.key.includes(ownerOf(entity));
      if (isKeyOwner && key[columnName(entity, ownerOf(entity))] !== owner) throw notFound();
      const values = { ...key, [columnName(entity, ownerOf(entity))]: owner };
      const { count } = await written(entity, () =>
        sql.unsafe(
          `update ${entity.table} as t set ${changes.map(({ column, write }) => `${column} = ${write}`).join(', ')}
           from jsonb_to_recordset($1::text::jsonb) as r (${recordOf(changes)}),
             jsonb_to_recordset($2::text::jsonb) as o (${recordOf(place)})
           where ${place.map(({ column }) => `t.${column} = o.${column}`).join(' and ')}`,
          [JSON.stringify([recordValues(changes, fields)]), JSON.stringify([values])],
        ),
      );
      if (count === 0) throw notFound();
    },
  };
}

async function get(sql: Sql, entity: Entity, ids: readonly string[]): Promise<Array<Element | undefined>> {
  const records = ids.flatMap((id, place) => {
    const key = keyRecord(entity, id);
    return key === undefined ? [] : [{ nubo_place: place, nubo_id: id, ...key }];
  });
  const found = new Array<Element | undefined>(ids.length).fill(undefined);
  if (records.length === 0) return found;
  const columns = columnsOf(entity);
  const key = columnsOf(entity, entity.key);
  const rows = await sql.unsafe<FoundRow[]>(
    `select r.nubo_place as place, c.version::float8 as version, t.${key[0]?.column} is not null as "isHere",
       ${readsOf(columns)} as values
     from jsonb_to_recordset($1::text::jsonb) as r (nubo_place int, nubo_id text, ${recordOf(key)})
     left join entity_changes c on c.entity = $2 and c.id = r.nubo_id
     left join ${entity.table} t on ${matching(key)}`,
    [JSON.stringify(records), entity.name],
  );
  for (const { place, version, isHere, values } of rows) {
    const id = ids[place];
    if (id === undefined || (version === null && !isHere)) continue;
    found[place] = { id, version: version ?? 0, fields: isHere ? fieldsOf(columns, values) : undefined };
  }
  return found;
}

async function written<Result>(entity: Entity, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw refusalOf(entity, error);
  }
}

function notFound(): NuboError {
  return new NuboError('not_found', 'There is no such thing, or it is not yours to see.', { stored: false });
}

function ownerOf(entity: Entity): string {
  if (entity.owner === undefined) throw new RangeError(`${entity.name} are nobody's`);
  return entity.owner;
}

function listOf(columns: readonly Column[]): string {
  return columns.map(({ column }) => column).join(', ');
}

function readsOf(columns: readonly Column[]): string {
  return `json_build_array(${columns.map(({ read }) => read).join(', ')})`;
}

function matching(columns: readonly Column[]): string {
  return columns.map(({ column }) => `t.${column} = r.${column}`).join(' and ');
}

function columnName(entity: Entity, name: string): string {
  return columnsOf(entity, [name])[0]?.column.slice(1, -1) ?? name;
}

/** The key as a JSON record has it; undefined when the id is none of this entity. */
function keyRecord(entity: Entity, id: string): Record<string, unknown> | undefined {
  const values = keyOfId(entity, id);
  if (values === undefined) return undefined;
  const fields = Object.fromEntries(entity.key.map((name, index) => [name, values[index]]));
  return recordValues(columnsOf(entity, entity.key), fields);
}

/** SQL: a row called `t` is recent. */
export function recentCondition({ recent, fields }: Entity): string {
  if (recent === undefined) return 'true';
  const name = 'since' in recent ? recent.since : recent.until;
  const field = fields[name];
  const column = `t."${field?.storedAs ?? field?.column}"`;
  return 'since' in recent ? `${column} > now() - interval '${recentDays} days'` : `${column} > now()`;
}
