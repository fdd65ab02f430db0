/** Reports of messages, users and conversations, with what they said then; operators read and settle them (B4). */
import type { Sql } from 'postgres';
import { NuboError } from '../../errors.js';
import type { ReportView, ServiceHandlers } from '../../threads/services.js';
import { wireLimits } from '../../wire/limits.js';
import {
  decodeCursor,
  isRead,
  isSeen,
  notFound,
  pageOf,
  placeOf,
  timeCursor,
  timeOf,
  whileUp,
  withOwn,
} from './looking-up.js';

type ReportServices = Pick<ServiceHandlers, 'report' | 'operator.reports' | 'operator.settle'>;
type Asked = Parameters<ReportServices['report']>[0];

/** Versions of an edited message that are kept, the latest ones. */
const versionsMax = 20;

/** The services; each refuses with a NuboError. */
export function createReports(sql: Sql): ReportServices {
  return {
    report: (input) => whileUp(() => report(sql, input)),
    'operator.reports': (input) => whileUp(() => list(sql, input)),
    'operator.settle': (input) => whileUp(() => settle(sql, input)),
  };
}

interface Seen {
  readonly conversation: string | null;
  readonly accused: string | null;
  readonly evidence: Readonly<Record<string, unknown>>;
}

async function report(sql: Sql, asked: Asked): Promise<{ id: string; at: number }> {
  const { id, user: reporter, subject, target, reason, text } = asked;
  // What was reported already is answered also when it is not there any more.
  const [known] = await sql`select from reports where id = ${id}`;
  const seen =
    known === undefined ? await look(sql, asked) : { conversation: null, accused: null, evidence: {} };
  const kept = { id, reporter, subject, target, reason, text, ...seen };
  const [row] = await sql<Array<{ outcome: 'kept' | 'conflict' | 'wait'; at: number; wait: number }>>`
    select outcome, at::float8 as at, wait::float8 as wait
    from nubo_report(${JSON.stringify(kept)}::text::jsonb, ${wireLimits.reportsPerHour})`;
  if (row?.outcome === 'kept') return { id, at: row.at };
  if (row?.outcome === 'wait')
    throw new NuboError('rate_limited', 'You have reported as much as you may in an hour.', {
      retryMs: Math.max(1000, row.wait),
    });
  throw new NuboError('conflict', 'This id belongs to another operation.', { stored: false });
}

/** What it says now, if the reporter may see it. */
async function look(sql: Sql, { user, subject, target }: Asked): Promise<Seen> {
  const [row] = await (subject === 'message'
    ? sql<Seen[]>`
        select l.conversation, l.actor as accused, jsonb_strip_nulls(jsonb_build_object(
          'at', nubo_ms(l.at), 'seq', l.seq, 'text', coalesce(s.text, l.body), 'type', l.details -> 'type',
          'metadata', coalesce(s.metadata, l.details -> 'metadata'), 'attachments', l.details -> 'attachments',
          'deletedAt', nubo_ms(s.deleted_at), 'sent', case when s.edited_at is not null then l.body end,
          'versions', (select jsonb_agg(jsonb_build_object('at', nubo_ms(e.at), 'text', e.text) order by e.seq)
            from (select * from message_edits x where x.message = l.id order by x.seq desc limit ${versionsMax}) e)))
          as evidence
        from conversation_log l
        left join message_states s on s.message = l.id
        join conversations c on c.id = l.conversation ${withOwn(sql, user)}
        where l.id = ${target} and l.kind = 40 and ${isRead(sql, user)}`
    : subject === 'conversation'
      ? sql<Seen[]>`
        select c.id as conversation, null as accused, jsonb_strip_nulls(jsonb_build_object('type', c.type,
          'title', c.title, 'description', c.description, 'avatar', c.avatar_url, 'creator', c.creator)) as evidence
        from conversations c ${withOwn(sql, user)} where c.id = ${target} and ${isSeen(sql)}`
      : sql<Seen[]>`
        select null as conversation, id as accused, jsonb_strip_nulls(jsonb_build_object('username', username,
          'displayName', display_name, 'bio', bio)) as evidence
        from users where id = ${target} and state <> 0`);
  if (row === undefined) throw notFound();
  return { ...row };
}

/** The oldest first: who waits longest is looked at next. */
async function list(
  sql: Sql,
  { state, limit, cursor }: Parameters<ReportServices['operator.reports']>[0],
): Promise<{ reports: ReportView[]; next: string | null }> {
  const place = decodeCursor(timeCursor, cursor);
  const isBehind = place === undefined ? sql`true` : sql`(at, id) > ${placeOf(sql, place)}`;
  const rows = await sql<Array<ReportView & { readonly place: string }>>`
    select id, reporter, nubo_ms(at)::float8 as at, subject, target, conversation, accused, reason, text, evidence, state,
      nubo_ms(settled_at)::float8 as "settledAt", note, ${timeOf(sql, sql`at`)} as place
    from reports
    where state = ${state} and ${isBehind}
    order by reports.at, id limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, (last) => [last.place, last.id]);
  const reports = items.map((row) => {
    const { place: _, ...report } = row;
    return report;
  });
  return { reports, next };
}

/** As often as operators change their minds: the last word holds, and each is in the audit. */
async function settle(
  sql: Sql,
  { id, state, note }: Parameters<ReportServices['operator.settle']>[0],
): Promise<null> {
  const rows = await sql`
    with settled as (
      update reports set state = ${state}, note = ${note ?? null}, settled_at = clock_timestamp()
      where id = ${id} returning *
    )
    insert into audit_entries (act, target, conversation, message, reason, details)
    select 'settle', accused, conversation, case when subject = 'message' then target end, note,
      jsonb_build_object('report', id, 'state', state) from settled
    returning id`;
  if (rows.length === 0) throw notFound();
  return null;
}
