/** Everything that a schema consists of, as text: two that print alike are alike. */
import type { Sql } from 'postgres';

/** One line a table, column, index, constraint, view and function of nubo's, sorted. */
export async function catalogOf(sql: Sql): Promise<string[]> {
  const rows = await sql<Array<{ line: string }>>`
    with ours as (
      select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relname !~ '^nubo_schema'
    )
    select 'relation ' || relname || ' ' || relkind::text || ' ' || coalesce(reloptions::text, '') || ' '
      || coalesce(pg_get_expr(relpartbound, oid), '') || ' ' || coalesce(obj_description(oid, 'pg_class'), '') as line
      from ours
    union all
    select 'column ' || ours.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '
      || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
      from ours join pg_attribute a on a.attrelid = ours.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    select 'index ' || pg_get_indexdef(oid) from ours where relkind in ('i', 'I')
    union all
    select 'view ' || relname || ' ' || pg_get_viewdef(oid) from ours where relkind = 'v'
    union all
    select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      from pg_constraint where conrelid in (select oid from ours)
    union all
    select 'function ' || pg_get_functiondef(p.oid)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'
    order by line`;
  return rows.map(({ line }) => line);
}
