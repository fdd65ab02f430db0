/** The schema's ways up and back, and `nubo migrate`. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { afterEach, expect, test } from 'vitest';
import { UserError } from '#src/errors.js';
import { projectRoot } from '#src/project-root.js';
import { PostgresLockSession } from '#src/storage/postgres/lock-session.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { migrate, schemaStatus, withSchema } from '#src/storage/postgres/migrate.js';
import type { LogEvent } from '#src/wire/events.js';
import { catalogOf } from '../support/catalog.js';
import { startChild } from '../support/children.js';
import { Asker, Script } from '../support/log-events.js';
import { addUsers, createDatabase, sqlFolder, type TestDatabase } from '../support/postgres.js';

/** What databases of the first release have noted: these files may never change. */
const firstRelease = [
  { version: 1, name: 'people', md5: '5029ebed362eec5356559e44cc6ec750' },
  { version: 2, name: 'log', md5: 'bc697844c0b02991a5e5e356d106698d' },
];

const undo: Array<() => unknown> = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createDatabase({ empty: true });
  undo.push(() => database.close());
  return database;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nubo-test-sql-'));
  undo.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A folder with the migrations up to a version. */
function filesUpTo(version: number): string {
  const folder = temporaryFolder();
  const isWanted = (path: string) => !path.endsWith('.sql') || Number(/(\d{4})_/.exec(path)?.[1]) <= version;
  cpSync(sqlFolder, folder, { recursive: true, filter: isWanted });
  return folder;
}

function down(url: string, options: { to?: number; mayLose?: boolean }): Promise<string[]> {
  return withSchema({ url, folder: sqlFolder }, (schema) => schema.down({ mayLose: false, ...options }));
}

async function own(url: string): Promise<Asker> {
  const store = new PostgresLogStore({ url, shard: 0, readConnections: 1 });
  undo.push(() => store.close());
  const asker = new Asker(store);
  await asker.own();
  return asker;
}

async function nubo(url: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const child = startChild(process.execPath, [join(projectRoot, 'build/cli/main.js'), 'migrate', ...args], {
    env: { PATH: process.env.PATH, NUBO_POSTGRES_URL: url },
  });
  const code = await child.ended;
  return { code, output: child.output() };
}

test('O8 migrations are applied once, by one server at a time, each wholly or not at all', async () => {
  const { url } = await emptyDatabase();
  const both = await Promise.all([migrate({ url, folder: sqlFolder }), migrate({ url, folder: sqlFolder })]);
  expect(both.map((applied) => applied.length).sort()).toEqual([0, expect.any(Number)]);
  expect(both.flat()).toContain('0002_log.up.sql');

  const own = await emptyDatabase();
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'some'));
  const write = (name: string, text: string) => writeFileSync(join(folder, 'some', name), text);
  write('0001_good.up.sql', 'create table good (id int); insert into good values (1);');
  write('0001_good.down.sql', 'drop table good;');
  write('0002_bad.up.sql', 'create table half (id int); select 1 / 0;');
  const place = { url: own.url, folder };
  await expect(migrate(place)).rejects.toThrow('migration 2 must be one file .up.sql and one .down.sql');
  write('0002_bad.down.sql', 'drop table half;');
  await expect(migrate(place)).rejects.toThrow('0002_bad.up.sql: division by zero');
  const [tables] =
    await own.sql`select to_regclass('good') is not null as good, to_regclass('half') is null as half`;
  expect(tables).toEqual({ good: true, half: true });
  write('0002_bad.up.sql', 'create table half (id int);');
  expect(await migrate(place)).toEqual(['0002_bad.up.sql']);
  write('0001_good.up.sql', 'create table other (id int);');
  expect(await schemaStatus(place)).toMatchObject([{ isChanged: true }, { isChanged: false }]);
  await expect(migrate(place)).rejects.toThrow(UserError);
  rmSync(join(folder, 'some', '0002_bad.up.sql'));
  rmSync(join(folder, 'some', '0002_bad.down.sql'));
  await expect(migrate(place)).rejects.toThrow('start a newer nubo');
});

test('O8 a database of the first release goes up with all that is in it', async () => {
  const { url, sql } = await emptyDatabase();
  await migrate({ url, folder: filesUpTo(2) });
  const noted = await sql`select version::int, name, md5 from nubo_schema where version > 0 order by version`;
  expect(noted).toEqual(firstRelease);
  const script = new Script();
  await addUsers(sql, [script.owner]);
  const created = script.create();
  const before = [created, script.message('before')];
  expect(await (await own(url)).write(before.slice(1))).toEqual({ kind: 'committed' });
  await writeAsFirstRelease(sql, created);

  expect((await migrate({ url, folder: sqlFolder })).length).toBeGreaterThan(0);
  const asker = await own(url);
  const after = script.message('after');
  expect(await asker.write([after])).toEqual({ kind: 'committed' });
  expect(await asker.read({ conv: script.conv, after: 0, before: 1e9, limit: 10, last: false })).toEqual({
    kind: 'events',
    events: [...before, after],
  });
  expect(await asker.load(script.conv)).toMatchObject({ snapshot: { head: { seq: 3, number: 2 } } });
});

/** A creation as the first release wrote it, with the effects that its schema knew. */
async function writeAsFirstRelease(sql: Sql, event: LogEvent<'conversation.create'>): Promise<void> {
  const { conv, from, seq, number, at, id, type } = event;
  const effects = {
    conversations: [{ conv, type, creator: from, createdAt: at }],
    members: [{ conv, user: from, role: 'owner', seq, number, at, present: true }],
  };
  await sql`select nubo_apply(${JSON.stringify(effects)}::text::jsonb)`;
  await sql`
    insert into conversation_log (id, conversation, actor, seq, number, batch, at, kind, details)
    select ${id}, ${conv}, ${from}, ${seq}, ${number}, batch, nubo_time(${at}), 41,
      ${JSON.stringify({ type, members: [] })}::text::jsonb
    from conversation_log where conversation = ${conv}`;
}

test('O8 each way down undoes its way up, and up again is the same', async () => {
  const { url, sql } = await emptyDatabase();
  // Numbers may be left out: parts that grow side by side choose theirs apart.
  const versions = [0, ...(await schemaStatus({ url, folder: sqlFolder })).map(({ version }) => version)];
  const catalogs: string[][] = [];
  await migrate({ url, folder: filesUpTo(1) });
  await down(url, { to: 0 });
  for (const version of versions) {
    if (version > 0) await migrate({ url, folder: filesUpTo(version) });
    catalogs.push(await catalogOf(sql));
  }
  expect(catalogs[0]).toEqual([]);
  expect(new Set(catalogs.map((lines) => lines.join('\n'))).size).toBe(versions.length);
  for (const catalog of catalogs.slice(0, -1).toReversed()) {
    expect(await down(url, {})).toHaveLength(1);
    expect(await catalogOf(sql)).toEqual(catalog);
  }
  expect(await down(url, {})).toEqual([]);
  await migrate({ url, folder: sqlFolder });
  expect(await catalogOf(sql)).toEqual(catalogs.at(-1));
  expect(await down(url, { to: 0 })).toHaveLength(versions.length - 1);
  expect(await catalogOf(sql)).toEqual([]);
});

test('O8 going down loses rows only when told to, and else does nothing at all', async () => {
  const { url, sql } = await emptyDatabase();
  await migrate({ url, folder: sqlFolder });
  const script = new Script();
  await addUsers(sql, [script.owner]);
  await (await own(url)).write([script.create(), script.message('kept')]);
  const catalog = await catalogOf(sql);
  const refusal = down(url, { to: 0 });
  await expect(refusal).rejects.toThrow(UserError);
  await expect(refusal).rejects.toThrow(
    'would lose what is stored in conversation_log, conversation_members, conversations, entity_changes, users, writers; nothing was done',
  );
  expect(await catalogOf(sql)).toEqual(catalog);
  const undone = await down(url, { to: 6, mayLose: true });
  expect(undone.slice(-2)).toEqual(['0008_load_tail.down.sql', '0007_entity_changes.down.sql']);
  expect(undone).toContain('0012_sync.down.sql');
  // What stores nothing goes without a word.
  expect(await down(url, { to: 2 })).toContain('0003_views.down.sql');
  await expect(down(url, { to: 3 })).rejects.toThrow('--to must be one of 0, 1, 2.');
  expect(await down(url, { to: 0, mayLose: true })).toEqual(['0002_log.down.sql', '0001_people.down.sql']);
  expect(await catalogOf(sql)).toEqual([]);
});

test('O8 what is in the tables when they begin to be watched counts as changed, and what was watched is so no more', async () => {
  const { url, sql } = await emptyDatabase();
  await migrate({ url, folder: filesUpTo(6) });
  const [before, after] = [new Script().owner, new Script().owner];
  await addUsers(sql, [before]);
  await migrate({ url, folder: sqlFolder });
  await addUsers(sql, [after]);
  const noted =
    await sql`select entity, id, version > 1.7e12 as is_time from entity_changes order by changed`;
  expect(noted).toEqual([before, after].map((id) => ({ entity: 'users', id, is_time: true })));

  await down(url, { to: 6, mayLose: true });
  await addUsers(sql, [new Script().owner]);
  await migrate({ url, folder: sqlFolder });
  expect(await sql`select from entity_changes`).toHaveLength(3);
});

test('O8 L2 nubo migrate says where the schema stands and what it did, and waits for no running server', async () => {
  const { url, sql } = await emptyDatabase();
  const versions = (await schemaStatus({ url, folder: sqlFolder })).map(({ version }) => version);
  const newest = versions.at(-1);
  const fresh = await nubo(url, 'status');
  expect(fresh.output).toMatch(/^auth\/0001_people +pending\n/);
  expect(fresh.output).toContain(`\n${versions.length} pending: nubo migrate up applies them.\n`);

  const [first, second] = await Promise.all([nubo(url, 'up'), nubo(url, 'up')]);
  expect([first?.code, second?.code]).toEqual([0, 0]);
  const [worker, idler] = first?.output.startsWith('applied') ? [first, second] : [second, first];
  expect(worker?.output).toContain('applied 0001_people.up.sql\n');
  expect(worker?.output).toMatch(new RegExp(`\nThe schema is at version ${newest}\\.\n$`));
  expect(idler?.output).toBe(`Nothing to do. The schema is at version ${newest}.\n`);
  expect((await nubo(url, 'status')).output).toMatch(
    /^auth\/0001_people +applied \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n[\s\S]*\nAll are applied\.\n$/,
  );

  await own(url);
  const [before] = await sql<Array<{ owner: string }>>`select owner from writers`;
  expect(await nubo(url, 'up')).toMatchObject({ code: 0 });
  const [writer] = await sql<Array<{ owner: string; epoch: string }>>`select owner, epoch from writers`;
  expect(writer).toEqual({ owner: expect.not.stringMatching(before?.owner ?? ''), epoch: '2' });

  await sql`insert into log_horizon (until) values (now())`;
  expect(await nubo(url, 'down', '--to', '4', '--yes')).toEqual({
    code: 2,
    output:
      'nubo: 0005_retention.down.sql was refused: months have left the log, and without this migration the order of ' +
      'their conversations would begin anew. Nothing was done.\n',
  });
  await sql`delete from log_horizon`;

  await addUsers(sql, [new Script().owner]);
  const refused = await nubo(url, 'down', '--to', '0');
  expect(refused).toEqual({
    code: 2,
    output:
      'nubo: Going down would lose what is stored in entity_changes, users, writers; nothing was done. Add --yes to lose it.\n',
  });
  const server = await PostgresLockSession.open(url, 'a server');
  expect(await server.take()).toBe(true);
  expect(await nubo(url, 'down', '--yes')).toMatchObject({
    code: 2,
    output: expect.stringContaining('Another nubo uses this database'),
  });
  await server.end();
  expect(await nubo(url, 'down', '--to', '0', '--yes')).toMatchObject({
    code: 0,
    output: expect.stringMatching(/took back 0001_people\.down\.sql\nThe schema is at version 0\.\n$/),
  });
  expect(await nubo('postgres://nubo@127.0.0.1:1/none', 'status')).toEqual({
    code: 1,
    output: expect.stringMatching(/^nubo: The database could not be reached: .*\n$/),
  });
});
