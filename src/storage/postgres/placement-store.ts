/** Which shard numbers are in use. A number names one writer for ever, so that its batches stay countable. */
import type { Sql } from 'postgres';

/** Shard numbers fit beside 2^40 batches in 53 bits. */
const shardsMax = 8192;

/**
 * The shard numbers of the current placement if there are `count` of them, else new ones that were never used.
 * The caller holds the server lock.
 */
export async function shardNumbers(sql: Sql, count: number): Promise<number[]> {
  const [current] = await sql<Array<{ shards: number[] }>>`
    select to_json(shards) as shards from placements order by generation desc limit 1`;
  if (current?.shards.length === count) return current.shards;
  const [used] = await sql<Array<{ next: number }>>`
    select greatest(
      (select max(shard) from placements, unnest(shards) as shard),
      (select max(shard) from writers), -1) + 1 as next`;
  const next = used?.next ?? 0;
  if (next + count > shardsMax)
    throw new Error(`the ${shardsMax} shard numbers of this database are used up`);
  const shards = Array.from({ length: count }, (_, index) => next + index);
  await sql`insert into placements (shards) values (${shards}::int[])`;
  return shards;
}
