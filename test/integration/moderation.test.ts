/** Reports and the audit through a whole server: what is kept, for whom, and that it stays. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSql } from '#src/storage/postgres/sql.js';
import type { AuditView, ReportView } from '#src/threads/services.js';
import { wireLimits } from '#src/wire/limits.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import { WireSocket } from '#test/support/wire-socket.js';

const folder = dataFolder('moderation');
const names = ['owner', 'bad', 'member', 'stranger', 'keen'] as const;
type Name = (typeof names)[number];
let server: TestServer;
let people: Person[];
const sockets: WireSocket[] = [];

beforeAll(async () => {
  server = await startServer({ data: folder.path, env: { NUBO_SHARDS: '2', NUBO_FRONTS: '1' } });
  people = await makePeople(server, names);
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  server.kill('everything');
  await server.ended;
  await folder.remove();
});

function person(name: Name): Person {
  const found = people[names.indexOf(name)];
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}
const idOf = (name: Name) => person(name).user;

async function open(name: Name): Promise<WireSocket> {
  const socket = await WireSocket.open({ address: server.address, token: person(name).token });
  sockets.push(socket);
  return socket;
}

interface Body {
  readonly entries: AuditView[];
  readonly reports: ReportView[];
  readonly next: string | null;
  readonly id: string;
  readonly at: number;
}

/** `who`: a name, or the operator. */
async function rest(
  who: Name | 'operator',
  line: string,
  body?: object,
  key?: string,
): Promise<{ status: number; json: Body }> {
  const [method = '', path = ''] = line.split(' ');
  const token = who === 'operator' ? server.runtime.operatorKey : person(who).token;
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const sent = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(`${server.address}${path}`, { method, headers, body: sent });
  const text = await response.text();
  return { status: response.status, json: text === '' ? {} : JSON.parse(text) };
}

/** Every page of a list, from the first on. */
async function pages(who: Name | 'operator', path: string): Promise<Body[]> {
  const found: Body[] = [];
  let next: string | null = '';
  while (next !== null) {
    const place: string = next === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${next}`;
    const { status, json } = await rest(who, `GET ${path}${place}`);
    expect(status).toBe(200);
    found.push(json);
    next = json.next;
  }
  return found;
}

async function room(): Promise<{ owner: WireSocket; bad: WireSocket; conv: string }> {
  const [owner, bad] = [await open('owner'), await open('bad')];
  const { conv = '' } = await owner.do({
    ...{ op: 'create', id: uuidv7(), type: 'group', title: 'a room' },
    members: [idOf('bad'), idOf('member')],
  });
  return { owner, bad, conv };
}

test('B5 whatever those who moderate do is in the audit of its conversation, with who, whom, when and why', async () => {
  const { owner, bad, conv } = await room();
  const member = idOf('bad');
  const [theirs, own] = [uuidv7(), uuidv7()];
  await bad.do({ op: 'send', id: theirs, conv, text: 'theirs' });
  await bad.do({ op: 'send', id: own, conv, text: 'own' });
  await bad.do({ op: 'delete', id: uuidv7(), conv, message: own });
  const until = Date.now() + 3_600_000;
  const done = [
    { op: 'delete', message: theirs },
    { op: 'mute', member, until, reason: 'noise' },
    { op: 'unmute', member },
    { op: 'role', member, role: 'moderator' },
    { op: 'role', member, role: 'member' },
    { op: 'remove', member },
    { op: 'ban', member, reason: 'spam' },
    { op: 'unban', member },
    { op: 'change', title: 'no act' },
    { op: 'change', state: 'archived' },
  ] as const;
  for (const asked of done) await owner.do({ ...asked, id: uuidv7(), conv });
  const told = (await pages('owner', `/conversations/${conv}/audit?limit=4`)).flatMap(
    ({ entries }) => entries,
  );
  expect(told.map(({ act }) => act)).toEqual(
    ['delete', 'mute', 'unmute', 'role', 'role', 'remove', 'ban', 'unban', 'state'].toReversed(),
  );
  expect(told.every(({ actor, conversation }) => actor === idOf('owner') && conversation === conv)).toBe(
    true,
  );
  expect(told.every(({ act, target }) => target === (act === 'state' ? null : member))).toBe(true);
  expect(told.find(({ act }) => act === 'mute')).toMatchObject({ reason: 'noise', until });
  expect(told.find(({ act }) => act === 'ban')).toMatchObject({ reason: 'spam' });
  expect(told.find(({ act }) => act === 'delete')).toMatchObject({ message: theirs });
  expect(told.find(({ act }) => act === 'state')).toMatchObject({ state: 'archived' });
  expect(told.filter(({ act }) => act === 'role').map(({ role }) => role)).toEqual(['member', 'moderator']);
  const { result } = await owner.do({ op: 'audit', conv, limit: 100 });
  expect(result).toEqual({ entries: told, next: null });
  // For whom it is not.
  expect((await rest('member', `GET /conversations/${conv}/audit`)).status).toBe(403);
  const hidden = await rest('stranger', `GET /conversations/${conv}/audit`);
  expect(hidden).toEqual(await rest('stranger', `GET /conversations/${uuidv7()}/audit`));
  expect(hidden.status).toBe(404);
  expect((await rest('owner', `GET /conversations/${conv}/audit?cursor=WzEsMl0`)).status).toBe(400);
});

test('B4 C2 a report keeps what a message said when its author deletes it, for operators alone', async () => {
  const { owner, bad, conv } = await room();
  const message = uuidv7();
  const secrets = [`first ${uuidv7()}`, `then ${uuidv7()}`];
  await bad.do({ op: 'send', id: message, conv, text: secrets[0] ?? '' });
  await bad.do({ op: 'edit', id: uuidv7(), conv, message, text: secrets[1] ?? '' });
  const report = { message, reason: 'abuse', text: 'look at this' } as const;
  const key = uuidv7();
  const kept = await rest('owner', 'POST /reports', report, key);
  expect(kept).toMatchObject({ status: 200, json: { id: key, at: expect.any(Number) } });
  await bad.do({ op: 'delete', id: uuidv7(), conv, message });
  // Again the same, over the wire, and for one who has lost the conversation since.
  expect((await owner.do({ op: 'report', id: key, ...report })).result).toEqual(kept.json);
  expect(await rest('bad', 'POST /reports', { user: idOf('owner'), reason: 'spam' }, key)).toMatchObject({
    status: 409,
  });
  const open = (await pages('operator', '/operator/reports?limit=1')).flatMap(({ reports }) => reports);
  const mine = open.find(({ id }) => id === key);
  expect(mine).toMatchObject({
    ...{ reporter: idOf('owner'), subject: 'message', target: message, conversation: conv },
    ...{ accused: idOf('bad'), reason: 'abuse', text: 'look at this', state: 'open', settledAt: null },
    evidence: { text: secrets[1], sent: secrets[0], versions: [{ text: secrets[1] }] },
  });
  for (const who of ['owner', 'bad'] as const) {
    expect([401, 403]).toContain((await rest(who, 'GET /operator/reports')).status);
    const page = (await rest(who, `GET /conversations/${conv}/messages`)).json;
    expect(JSON.stringify(page)).not.toMatch(new RegExp(secrets.join('|')));
  }
  const settled = { state: 'resolved', note: 'warned' };
  expect((await rest('operator', `PATCH /operator/reports/${key}`, settled)).status).toBe(204);
  const lists = await Promise.all(
    ['open', 'resolved'].map((state) => pages('operator', `/operator/reports?state=${state}`)),
  );
  const [still, done] = lists.map((list) =>
    list.flatMap(({ reports }) => reports).filter(({ id }) => id === key),
  );
  expect(still).toEqual([]);
  expect(done).toMatchObject([{ state: 'resolved', note: 'warned', settledAt: expect.any(Number) }]);
  expect((await rest('operator', `PATCH /operator/reports/${uuidv7()}`, settled)).status).toBe(404);
  // Nobody of the conversation is told who reported.
  const { entries } = (await rest('owner', `GET /conversations/${conv}/audit`)).json;
  expect(entries).toEqual([]);
});

test('B4 W16 R6 one reports what one may see, one thing at a time, and not without end', async () => {
  const { conv } = await room();
  const keen = await open('keen');
  const unseen = [{ conv }, { conv: uuidv7() }, { user: uuidv7() }, { message: uuidv7() }];
  const answers = [];
  for (const target of unseen) {
    const answer = await keen.ask({ op: 'report', id: uuidv7(), ...target, reason: 'spam' });
    answers.push('err' in answer ? { code: answer.code, message: answer.message } : answer);
  }
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ code: 'not_found' });
  for (const wrong of [{}, { user: idOf('bad'), conv }, { user: 'x' }])
    expect(await rest('keen', 'POST /reports', { ...wrong, reason: 'spam' })).toMatchObject({ status: 400 });
  expect((await rest('keen', 'POST /reports', { user: idOf('bad'), reason: 'taste' })).status).toBe(400);
  const tooLong = 'x'.repeat(wireLimits.reportTextCharsMax + 1);
  const long = { user: idOf('bad'), reason: 'spam', text: tooLong };
  expect((await rest('keen', 'POST /reports', long)).status).toBe(400);
  // All at once: no more of them pass than may.
  const burst = await Promise.all(
    Array.from({ length: wireLimits.reportsPerHour + 10 }, () =>
      keen.ask({ op: 'report', id: uuidv7(), user: idOf('bad'), reason: 'spam' }),
    ),
  );
  expect(burst.filter((answer) => 'ack' in answer)).toHaveLength(wireLimits.reportsPerHour);
  expect(burst.find((answer) => 'err' in answer)).toMatchObject({
    ...{ code: 'rate_limited', retryMs: expect.any(Number) },
  });
});

test('B5 the audit of operators has blocks, reports, what operators did and what was done in conversations, and only takes rows in', async () => {
  const owner = await open('owner');
  const user = idOf('stranger');
  await owner.do({ op: 'block', user });
  await owner.do({ op: 'block', user });
  await owner.do({ op: 'unblock', user });
  const report = uuidv7();
  await owner.do({ op: 'report', id: report, user, reason: 'hate' });
  await rest('operator', `PATCH /operator/reports/${report}`, { state: 'dismissed' });
  expect((await rest('operator', 'POST /operator/revocations', { user })).status).toBe(204);
  const entries = (await pages('operator', '/operator/audit?limit=7')).flatMap((page) => page.entries);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  expect(entries.map(({ at }) => at)).toEqual(
    entries.map(({ at }) => at).toSorted((one, other) => other - one),
  );
  const about = entries.filter(({ target }) => target === user).map(({ act, actor }) => [act, actor]);
  const me = idOf('owner');
  expect(about).toEqual([
    ['revoke', null],
    ['settle', null],
    ['report', me],
    ['unblock', me],
    ['block', me],
    ['mint', null],
  ]);
  expect(new Set(entries.map(({ act }) => act))).toEqual(
    new Set([
      ...['revoke', 'settle', 'report', 'unblock', 'block', 'mint', 'delete', 'mute', 'unmute', 'role'],
      ...['remove', 'ban', 'unban', 'state'],
    ]),
  );
  expect([401, 403]).toContain((await rest('owner', 'GET /operator/audit')).status);
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  try {
    await expect(sql`update audit_entries set reason = 'none'`).rejects.toThrow(/only takes rows in/);
    await expect(sql`delete from audit_entries`).rejects.toThrow(/only takes rows in/);
    await expect(sql`truncate audit_entries`).rejects.toThrow(/only takes rows in/);
  } finally {
    await sql.end();
  }
});
