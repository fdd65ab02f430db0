/** Heads and read marks in their side tables: written off the ack path, computed again after a crash (L14). */
import type { Sql } from 'postgres';
import type { Progress } from '../ports.js';

/**
 * Writes heads and marks and moves the clock of cursors with them, and then how far the shard has come. Two transactions on purpose: a
 * batch holds the shard's row first and members' rows after it, so one that held both the other way round could
 * deadlock with it.
 */
export async function flushProgress(sql: Sql, shard: number, progress: Progress): Promise<void> {
  const heads = progress.heads.map((head) => ({
    ...head,
    preview: head.preview === null ? null : storable(head.preview),
  }));
  if (heads.length > 0 || progress.marks.length > 0) {
    await sql`
      select nubo_flush(${shard}, ${progress.batch}, ${JSON.stringify(heads)}::text::jsonb,
        ${JSON.stringify(progress.marks)}::text::jsonb)`;
  }
  const quiet = progress.marks.filter((mark) => mark.quiet !== undefined);
  if (quiet.length > 0) await sql`select nubo_set_quiet(${shard}, ${JSON.stringify(quiet)}::text::jsonb)`;
  await sql`update writers set flushed = ${progress.batch} where shard = ${shard} and flushed < ${progress.batch}`;
}

/** A preview that was cut in the middle of a character must not fail the whole flush. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd');
}

/**
 * Brings heads and senders' marks up to the log, for every shard number there ever was. Run at start, before the
 * shards: whatever a crash kept from being flushed is in the log.
 *
 * @returns how many batches had not been flushed
 */
export async function repairProgress(sql: Sql): Promise<number> {
  const [row] = await sql<Array<{ batches: number }>>`select nubo_repair_progress()::float8 as batches`;
  return row?.batches ?? 0;
}
