/** Uploads that a message may carry. */
import type { Sql } from 'postgres';
import type { Attachment } from '../../wire/events.js';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  readonly hasThumbnail: boolean | null;
}

/**
 * In the order of `ids`, as their message tells them; undefined when one of them is not this user's, not ready, or in a
 * message already.
 */
export async function readyAttachments(
  sql: Sql,
  { user, ids }: { user: string; ids: readonly string[] },
): Promise<Attachment[] | undefined> {
  const rows = await sql<Row[]>`
    select id, file_name as name, file_type as type, file_size::float8 as size, width::float8 as width,
      height::float8 as height, duration_ms::float8 as "durationMs", has_thumbnail as "hasThumbnail"
    from nubo_attachments_ready(${user}, ${[...ids]}::uuid[])`;
  const found = new Map(rows.map((row) => [row.id, attachmentOf(row)]));
  const attachments = [...new Set(ids)].flatMap((id) => found.get(id) ?? []);
  return attachments.length === new Set(ids).size ? attachments : undefined;
}

function attachmentOf({ width, height, durationMs, hasThumbnail, ...row }: Row): Attachment {
  return {
    ...row,
    ...(width === null ? {} : { width }),
    ...(height === null ? {} : { height }),
    ...(durationMs === null ? {} : { durationMs }),
    ...(hasThumbnail === true ? { hasThumbnail } : {}),
  };
}
