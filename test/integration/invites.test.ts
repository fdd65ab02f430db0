/** Invitations through a whole server, over sockets and REST, and what the database keeps of them. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSql } from '#src/storage/postgres/sql.js';
import type { Services } from '#src/threads/services.js';
import type { Ack, WireError } from '#src/wire/events.js';
import { temporaryFolder } from '../support/children.js';
import { makePeople, type Person } from '../support/operator.js';
import { startServer, type TestServer } from '../support/server.js';
import { WireSocket } from '../support/wire-socket.js';

type Invite = Services['invites.create']['output'];

const folder = temporaryFolder('invites');
let server: TestServer;
let people: Person[];
let sockets: WireSocket[];

beforeAll(async () => {
  server = await startServer({ data: join(folder.path, 'data'), env: { NUBO_SHARDS: '2' } });
  people = await makePeople(
    server,
    Array.from({ length: 30 }, (_, index) => `guest ${index}`),
  );
  sockets = await Promise.all(
    people.map(({ token }) => WireSocket.open({ address: server.address, token, codec: 'json' })),
  );
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await server.stop();
  folder.remove();
}, 60_000);

function at<Item>(items: readonly Item[], place: number): Item {
  const item = items[place];
  if (item === undefined) throw new Error(`there is no ${place}`);
  return item;
}

async function group(fields: { type?: 'group' | 'channel'; membersMax?: number } = {}): Promise<string> {
  const id = uuidv7();
  await at(sockets, 0).do({ op: 'create', id, type: 'group', title: 'Invited', ...fields });
  return id;
}

async function invite(conv: string, bounds: { until?: number; uses?: number } = {}): Promise<Invite> {
  const { result } = await at(sockets, 0).do({ op: 'invite.create', conv, ...bounds });
  return result as unknown as Invite;
}

async function listed(conv: string): Promise<Array<Omit<Invite, 'code'>>> {
  const { result } = await at(sockets, 0).do({ op: 'invite.list', conv });
  return result?.invites as Invite[];
}

async function membersOf(conv: string): Promise<number> {
  const { result } = await at(sockets, 0).do({ op: 'conversation', conv });
  return result?.memberCount as number;
}

const accept = (place: number, code: string, id?: string): Promise<Ack | WireError> =>
  at(sockets, place).ask({ op: 'invite.accept', code, ...(id === undefined ? {} : { id }) });
const codeOf = (answer: Ack | WireError): string => ('ack' in answer ? 'ack' : answer.code);

test('G10 as many come by an invitation as may, however many come at once, and a retry takes no second use', async () => {
  const conv = await group();
  const { code, id } = await invite(conv, { uses: 7 });
  expect(code).toMatch(/^[\w-]{22}$/);
  const ids = people.map(() => uuidv7());
  const places = people.map((_, place) => place).slice(1);
  const answers = await Promise.all(
    places.flatMap((place) => [0, 1].map(() => accept(place, code, at(ids, place)))),
  );
  expect(answers.filter((answer) => 'ack' in answer)).toHaveLength(14);
  expect(new Set(answers.map(codeOf))).toEqual(new Set(['ack', 'not_found']));
  expect(await membersOf(conv)).toBe(8);
  // Used up, it is shown no more; who came by it may ask again, and is told the same.
  expect(await listed(conv)).toEqual([]);
  const winner = places.find((_, index) => 'ack' in at(answers, 2 * index)) ?? 0;
  const [first] = answers.filter((answer): answer is Ack => 'ack' in answer);
  expect(await accept(winner, code, at(ids, winner))).toMatchObject({ result: first?.result });
  const revoked = await at(sockets, 0).ask({ op: 'invite.revoke', conv, invite: id });
  expect(codeOf(revoked)).toBe('ack');
});

test('G10 who is banned or removed, full, archived and over: nobody comes in, and no use is lost', async () => {
  const conv = await group({ membersMax: 2 });
  const owner = at(sockets, 0);
  const { code } = await invite(conv, { uses: 2 });
  expect(codeOf(await accept(1, code))).toBe('ack');
  expect(await accept(2, code)).toMatchObject({ code: 'forbidden' });
  expect(await listed(conv)).toMatchObject([{ uses: 1, usesMax: 2, until: null, conv }]);
  await owner.do({ op: 'change', id: uuidv7(), conv, membersMax: 9 });
  await owner.do({ op: 'ban', id: uuidv7(), conv, member: at(people, 3).user });
  expect(await accept(3, code)).toMatchObject({ code: 'not_found', message: 'There is no such invitation.' });
  await owner.do({ op: 'change', id: uuidv7(), conv, state: 'archived' });
  expect(await accept(2, code)).toMatchObject({ code: 'forbidden' });
  await owner.do({ op: 'change', id: uuidv7(), conv, state: 'active' });
  // A member takes none; who left comes back with the one they took.
  expect(codeOf(await accept(0, code))).toBe('ack');
  await at(sockets, 1).do({ op: 'leave', id: uuidv7(), conv });
  expect(codeOf(await accept(1, code))).toBe('ack');
  expect(await listed(conv)).toMatchObject([{ uses: 1 }]);
  expect(codeOf(await accept(2, code))).toBe('ack');
  expect(codeOf(await accept(4, code))).toBe('not_found');
  expect(await membersOf(conv)).toBe(3);

  const short = await invite(conv, { until: Date.now() + 300 });
  const other = await invite(conv);
  await expect
    .poll(async () => (await listed(conv)).map(({ id }) => id), { timeout: 5000 })
    .toEqual([other.id]);
  expect(codeOf(await accept(5, short.code))).toBe('not_found');
  await owner.do({ op: 'invite.revoke', conv, invite: other.id });
  expect(codeOf(await accept(5, other.code))).toBe('not_found');
  const last = await invite(conv);
  await owner.do({ op: 'change', id: uuidv7(), conv, state: 'deleted' });
  expect(codeOf(await accept(5, last.code))).toBe('not_found');
});

test('G10 whoever took a use and was cut off before they came in does not come in when it is over', async () => {
  const conv = await group();
  const { code, id } = await invite(conv);
  const late = { place: 8, id: uuidv7() };
  const sql = openSql(server.runtime.postgresUrl, { max: 1, name: 'nubo test invites' });
  try {
    const hash = createHash('sha256').update(code).digest();
    await sql`select from nubo_take_invite(${hash}, ${at(people, late.place).user}, ${late.id})`;
  } finally {
    await sql.end();
  }
  const stored = { place: 9, id: uuidv7() };
  const before = await accept(stored.place, code, stored.id);
  expect(codeOf(before)).toBe('ack');
  await at(sockets, 0).do({ op: 'invite.revoke', conv, invite: id });
  expect(await accept(late.place, code, late.id)).toMatchObject({
    code: 'not_found',
    message: 'There is no such invitation.',
  });
  expect(await accept(stored.place, code, stored.id)).toMatchObject({ result: (before as Ack).result });
  expect(await membersOf(conv)).toBe(2);
});

test('G10 R2 an invitation that is made again with the same id is the same one, of whom and where it was made', async () => {
  const [conv, other] = [await group(), await group()];
  const id = uuidv7();
  const asked = { op: 'invite.create', id, conv, until: Date.now() + 1500 } as const;
  const owner = at(sockets, 0);
  const answers = await Promise.all([owner.do(asked), owner.do(asked)]);
  expect(at(answers, 0).result).toEqual(at(answers, 1).result);
  expect(await listed(conv)).toHaveLength(1);
  expect(codeOf(await accept(1, String(at(answers, 0).result?.code)))).toBe('ack');
  await owner.do({ op: 'role', id: uuidv7(), conv, member: at(people, 1).user, role: 'admin' });
  expect(codeOf(await at(sockets, 1).ask(asked))).toBe('conflict');
  expect(codeOf(await owner.ask({ ...asked, conv: other }))).toBe('conflict');
  // Also when its time has come.
  await expect.poll(() => listed(conv), { timeout: 5000 }).toEqual([]);
  expect((await owner.do(asked)).result).toMatchObject({ id, code: at(answers, 0).result?.code, uses: 1 });
  const headers = {
    ...{ authorization: `Bearer ${at(people, 0).token}`, 'content-type': 'application/json' },
    'idempotency-key': uuidv7(),
  };
  const made = [0, 1].map(async () => {
    const path = `/conversations/${conv}/invites`;
    const response = await fetch(`${server.address}${path}`, { method: 'POST', headers, body: '{}' });
    return { status: response.status, json: await response.json() };
  });
  const [one, two] = await Promise.all(made);
  expect(one).toMatchObject({ status: 201, json: { id: headers['idempotency-key'] } });
  expect(two).toEqual(one);
});

test('G1 G10 R6 who may invite is in the table; whoever may not see it sees what is not there', async () => {
  const conv = await group();
  const [owner, admin, member, stranger] = sockets as [WireSocket, WireSocket, WireSocket, WireSocket];
  for (const place of [1, 2])
    await owner.do({ op: 'add', id: uuidv7(), conv, member: at(people, place).user });
  await owner.do({ op: 'role', id: uuidv7(), conv, member: at(people, 1).user, role: 'admin' });
  const { id } = await invite(conv);
  for (const asked of [
    { op: 'invite.create', conv },
    { op: 'invite.list', conv },
    { op: 'invite.revoke', conv, invite: id },
  ] as const) {
    expect(codeOf(await admin.ask(asked))).toBe('ack');
    expect(codeOf(await member.ask(asked))).toBe('forbidden');
    const { message } = (await stranger.ask({ ...asked, conv: uuidv7() })) as WireError;
    expect(await stranger.ask(asked)).toMatchObject({ code: 'not_found', message });
  }
  // Nobody invites themselves.
  const forged = { op: 'join', id: uuidv7(), conv, invited: true } as const;
  expect(codeOf(await stranger.ask(forged))).toBe('not_found');
  const direct = await owner.do({
    op: 'create',
    id: uuidv7(),
    type: 'direct',
    members: [at(people, 3).user],
  });
  expect(codeOf(await owner.ask({ op: 'invite.create', conv: direct.conv ?? '' }))).toBe('forbidden');
});

test('G10 R1 over REST: made, listed, accepted, taken back; at most a hundred', async () => {
  const conv = await group();
  const rest = async (person: Person, method: string, path: string, body?: object) => {
    const response = await fetch(`${server.address}${path}`, {
      method,
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === '' ? {} : JSON.parse(text) };
  };
  const owner = at(people, 0);
  const made = await rest(owner, 'POST', `/conversations/${conv}/invites`, { uses: 3 });
  expect(made).toMatchObject({ status: 201, json: { usesMax: 3, uses: 0, creator: owner.user } });
  const { code, ...view } = made.json;
  expect((await rest(owner, 'GET', `/conversations/${conv}/invites`)).json.invites).toEqual([view]);
  const joined = await rest(at(people, 6), 'POST', '/invites/accept', { code });
  expect(joined).toMatchObject({ status: 200, json: { conv, seq: 2 } });
  expect(await rest(at(people, 6), 'POST', '/invites/accept', { code })).toMatchObject({
    status: 200,
    json: { conv },
  });
  expect((await rest(owner, 'DELETE', `/conversations/${conv}/invites/${view.id}`)).status).toBe(204);
  expect((await rest(at(people, 7), 'POST', '/invites/accept', { code })).status).toBe(404);
  for (let count = 0; count < 100; count += 1) await invite(conv);
  const more = await rest(owner, 'POST', `/conversations/${conv}/invites`, {});
  expect(more).toMatchObject({ status: 403 });
  const page = await rest(owner, 'GET', `/conversations/${conv}/invites?limit=60`);
  const rest40 = await rest(owner, 'GET', `/conversations/${conv}/invites?limit=60&cursor=${page.json.next}`);
  expect(new Set([...page.json.invites, ...rest40.json.invites].map(({ id }) => id)).size).toBe(100);
});
