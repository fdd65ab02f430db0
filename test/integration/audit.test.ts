/** The audit and reports on a real Postgres: pages skip nothing and scan no table, and no act is without its row. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOperators } from '#src/people/operators.js';
import { createAudit } from '#src/storage/postgres/audit.js';
import { createReports } from '#src/storage/postgres/reports.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
const rows = 100;

beforeAll(async () => {
  database = await createDatabase();
  const { sql } = database;
  // Rows of one statement are microseconds apart.
  await sql`insert into audit_entries (at, act)
    select timestamptz '2026-11-22T01:02:03.004Z' + place * interval '7 microseconds', 'mint'
    from generate_series(1, ${rows}) place`;
  await sql`insert into reports (id, reporter, at, subject, target, reason, text, evidence, state)
    select gen_random_uuid(), gen_random_uuid(), timestamptz '2026-11-22T01:02:03.004Z'
      + place * interval '7 microseconds', 'user', gen_random_uuid(), 'spam', '', '{}',
      case when place <= ${rows} then 'open' else 'resolved' end
    from generate_series(1, ${rows} + 5000) place`;
  await sql`analyze reports`;
});
afterAll(() => database.close());

type Page = (cursor: {
  cursor?: string;
}) => Promise<{ items: readonly { id: string }[]; next: string | null }>;

async function idsOf(page: Page): Promise<string[]> {
  const ids: string[] = [];
  let cursor: { cursor?: string } | undefined = {};
  while (cursor !== undefined) {
    const { items, next }: Awaited<ReturnType<Page>> = await page(cursor);
    ids.push(...items.map(({ id }) => id));
    cursor = next === null ? undefined : { cursor: next };
  }
  return ids;
}

test('B5 pages of the audit have each act once, also those of one millisecond', async () => {
  const audit = createAudit(database.sql);
  const ids = await idsOf(async (cursor) => {
    const { entries, next } = await audit['operator.audit']({ limit: 7, ...cursor });
    return { items: entries, next };
  });
  const all = await database.sql<
    Array<{ id: string }>
  >`select id from audit_entries order by at desc, id desc`;
  expect(ids).toEqual(all.map(({ id }) => id));
});

test('B4 pages of reports have each report once, and are read from an index', async () => {
  const asked: string[] = [];
  const sql = openSql(database.url, { max: 1, name: 'nubo test reports' });
  sql.options.debug = (_connection, query) => asked.push(query);
  const reports = createReports(sql);
  const ids = await idsOf(async (cursor) => {
    const page = await reports['operator.reports']({ state: 'open', limit: 7, ...cursor });
    return { items: page.reports, next: page.next };
  });
  const all = await sql<Array<{ id: string }>>`select id from reports where state = 'open' order by at, id`;
  expect(ids).toEqual(all.map(({ id }) => id));
  const last = asked.find((query) => query.includes('(at, id) >')) ?? '';
  const plan = await sql.unsafe(`explain ${last}`, ['open', '2026-11-22T01:02:03.004100Z', uuidv7(), 8]);
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toContain('reports_state');
  expect(text).not.toMatch(/Seq Scan|Sort/);
  await sql.end();
});

test('B4 B5 a cursor that no page has given is refused', async () => {
  for (const time of [
    '0000-01-01T00:00:00.000000Z',
    '2026-11-22T01:02:03Z',
    `2026-11-22T01:02:03.${'1'.repeat(300)}Z`,
  ]) {
    const cursor = Buffer.from(JSON.stringify([time, uuidv7()])).toString('base64url');
    const asked = { limit: 1, cursor };
    await expect(createAudit(database.sql)['operator.audit'](asked)).rejects.toMatchObject({
      code: 'invalid',
    });
    const reports = createReports(database.sql)['operator.reports']({ state: 'open', ...asked });
    await expect(reports).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('B5 a revocation whose row the audit does not take in is none', async () => {
  const { sql } = database;
  await sql`alter table audit_entries add constraint none_now check (act <> 'revoke') not valid`;
  const ports = { sql, clock: { now: () => Date.now() }, broadcast: () => expect.unreachable() };
  const operators = createOperators(ports as never);
  await expect(operators.revoke({ jti: 'a-token-of-somebody' })).rejects.toThrow(/none_now/);
  expect(await sql`select from revocations`).toHaveLength(0);
  await sql`alter table audit_entries drop constraint none_now`;
});
