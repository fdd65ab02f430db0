/** What was done to people by others, who did it and why (B5); the latest first. */
import type { Sql } from 'postgres';
import { NuboError } from '../../errors.js';
import { isAllowed } from '../../permissions.js';
import type { AuditView, ServiceHandlers } from '../../threads/services.js';
import {
  decodeCursor,
  type Fragment,
  membershipOf,
  pageOf,
  placeOf,
  timeCursor,
  timeOf,
  whileUp,
} from './looking-up.js';

type AuditServices = Pick<ServiceHandlers, 'audit.conversation' | 'operator.audit'>;
type Page = { readonly limit: number; readonly cursor?: string };

/** The services; each refuses with a NuboError. */
export function createAudit(sql: Sql): AuditServices {
  return {
    'audit.conversation': (input) => whileUp(() => ofConversation(sql, input)),
    'operator.audit': (input) => whileUp(() => list(sql, input, sql`true`)),
  };
}

/** Of its own log, for those who answer for it: who reported what is the operators' business alone. */
async function ofConversation(
  sql: Sql,
  asked: Page & { readonly user: string; readonly conv: string },
): ReturnType<AuditServices['audit.conversation']> {
  const { role, type } = await membershipOf(sql, asked);
  if (!isAllowed('audit', type, role))
    throw new NuboError('forbidden', 'Your role here does not allow it (audit).', { stored: false });
  return list(sql, asked, sql`conversation = ${asked.conv} and is_of_log`);
}

type Row = Omit<AuditView, 'until' | 'role' | 'state' | 'report' | 'jti'> & {
  readonly place: string;
  readonly details: Pick<AuditView, 'until' | 'role' | 'state' | 'report' | 'jti'>;
};

async function list(
  sql: Sql,
  { limit, cursor }: Page,
  which: Fragment,
): Promise<{ entries: AuditView[]; next: string | null }> {
  const place = decodeCursor(timeCursor, cursor);
  const isBefore = place === undefined ? sql`true` : sql`(at, id) < ${placeOf(sql, place)}`;
  const rows = await sql<Row[]>`
    select id, nubo_ms(at)::float8 as at, act, actor, target, conversation, message, reason, details,
      ${timeOf(sql, sql`at`)} as place
    from audit where ${which} and ${isBefore}
    order by audit.at desc, id desc limit ${limit + 1}`;
  const { items, next } = pageOf(rows, limit, (last) => [last.place, last.id]);
  const entries = items.map((row) => {
    const { place: _, details, ...entry } = row;
    return { ...entry, ...details };
  });
  return { entries, next };
}
