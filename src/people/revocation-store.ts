/** Revocations in Postgres: what a server that starts must still refuse. */
import type { ISql, Sql } from 'postgres';
import type { Revocation } from '../threads/messages.js';

interface RevocationRow {
  subject: Revocation['subject'];
  value: string;
  since: Date;
  until: Date;
}

/** Adds them, set-based; one that is there already only grows. */
export async function insertRevocations(sql: ISql, revocations: readonly Revocation[]): Promise<void> {
  const rows = revocations.map(({ subject, value, since, until }) => ({
    subject,
    value,
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
  }));
  await sql`
    insert into revocations (subject, value, since, until)
    select subject, value, since, until
    from jsonb_to_recordset(${sql.json(rows)}) as row (subject text, value text, since timestamptz, until timestamptz)
    order by subject, value
    on conflict (subject, value) do update
      set since = greatest(revocations.since, excluded.since), until = greatest(revocations.until, excluded.until)`;
}

/** Those that still count at `now` (Unix ms). */
export async function listRevocations(sql: Sql, now: number): Promise<Revocation[]> {
  const rows = await sql<RevocationRow[]>`
    select subject, value, since, until from revocations where until > ${new Date(now)}`;
  return rows.map((row) => ({
    subject: row.subject,
    value: row.value,
    since: row.since.getTime(),
    until: row.until.getTime(),
  }));
}

/** Removes what no longer counts: revocations, refresh tokens and sessions past their time. For the janitor. */
export async function prunePeople(sql: Sql, now: number): Promise<void> {
  const time = new Date(now);
  await sql`delete from revocations where until <= ${time}`;
  // A session before its tokens, as refreshing locks them; one that is being used is left for the next time.
  await sql`
    delete from sessions where id in
      (select id from sessions where expires_at <= ${time} for update skip locked)`;
  await sql`
    delete from refresh_tokens where hash in
      (select hash from refresh_tokens where expires_at <= ${time} for update skip locked)`;
}
