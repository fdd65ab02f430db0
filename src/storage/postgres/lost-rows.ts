/** What a way down takes with it: told by looking before and after, so that no file has to say it of itself. */
import type { Client } from 'pg';

/** Tables that hold rows, by name, with their columns. */
export type StoredRows = ReadonlyMap<string, readonly string[]>;

/** Every table of ours in this database that holds a row, in the transaction of the client. */
export async function storedRows(client: Client): Promise<StoredRows> {
  const { rows: tables } = await client.query<{ name: string; columns: string[] }>(`
    select c.oid::regclass::text as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p') and not c.relispartition
      and c.relnamespace in (select oid from pg_namespace where nspname !~ '^pg_|^information_schema$')
    group by c.oid order by 1`);
  const stored = new Map<string, readonly string[]>();
  for (const { name, columns } of tables) {
    const { rows } = await client.query<{ any: boolean }>(`select exists (select from ${name}) as any`);
    if (rows[0]?.any === true) stored.set(name, columns);
  }
  return stored;
}

/** Names of tables (`log`) and columns (`log.body`) that held rows before and are not there, or are empty, after. */
export function lostRows(before: StoredRows, after: StoredRows): string[] {
  return [...before].flatMap(([name, columns]) => {
    const left = after.get(name);
    if (left === undefined) return [name];
    return columns.filter((column) => !left.includes(column)).map((column) => `${name}.${column}`);
  });
}
