/** What the database holds of a replay: read where it lies, not through the server that is being checked. */
import type { Sql } from 'postgres';
import { type LogEventName, logEvents } from '#src/wire/events.js';
import type { StoredRow } from './check.js';

const nameOfKind = new Map(
  (Object.keys(logEvents) as LogEventName[]).map((name) => [logEvents[name].code as number, name]),
);

interface Row {
  readonly id: string;
  readonly seq: string;
  readonly number: string;
  readonly kind: number;
  readonly actor: string;
  readonly body: Buffer | null;
  readonly action: boolean;
  readonly at: string | null;
}

/** All rows of a conversation, in the order of the log. The text comes as bytes, so that no driver mends it. */
export async function readRoom(sql: Sql, conv: string): Promise<StoredRow[]> {
  const rows = await sql<Row[]>`
    select id, seq::text, number::text, kind, actor, convert_to(body, 'UTF8') as body,
      coalesce(details -> 'metadata' -> 'action' = 'true'::jsonb, false) as action,
      details -> 'metadata' ->> 'at' as at
    from conversation_log where conversation = ${conv} order by seq`;
  return rows.map(({ id, seq, number, kind, actor, body, action, at }) => ({
    ...{ id, seq: Number(seq), number: Number(number), actor, isAction: action },
    ...{ kind: nameOfKind.get(kind), body: body ?? undefined, at: at ?? undefined },
  }));
}

/** How many batches the messages of these conversations came in. */
export async function readBatches(sql: Sql, conversations: readonly string[]): Promise<number> {
  const [row] = await sql<{ batches: string }[]>`
    select count(distinct batch)::text as batches from conversation_log
    where conversation in (select value::uuid from jsonb_array_elements_text(${sql.json([...conversations])}))
      and kind = ${logEvents['message.new'].code}`;
  return Number(row?.batches ?? 0);
}
