/** The months of the log. */
import type { Sql } from 'postgres';

/**
 * Makes the leaves of last month to two months ahead where they are missing; at every start, and by the janitor.
 *
 * @returns how many were made
 */
export async function ensurePartitions(sql: Sql): Promise<number> {
  const [row] = await sql<Array<{ made: number }>>`select nubo_partitions_ahead() as made`;
  return row?.made ?? 0;
}
