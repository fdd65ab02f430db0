/** Blocks through a whole server: over sockets and REST, while the other sends, and while threads and the process die. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#src/ids.js';
import { openSql } from '#src/storage/postgres/sql.js';
import type { Ack, WireError } from '#src/wire/events.js';
import { type FaultyServer, startFaultyServer } from '#test/faults/faulty-server.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { dataFolder } from '#test/support/server.js';
import { WireSocket } from '#test/support/wire-socket.js';

const folder = dataFolder('blocks');
const names = ['ann', 'bob', 'eve', 'racer', 'rival'];
let server: FaultyServer;
let people: Person[];
const sockets: WireSocket[] = [];

beforeAll(async () => {
  server = await startFaultyServer({ data: folder.path, shards: 2 });
  people = await makePeople(server, names);
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  server.kill('everything');
  await server.ended;
  await folder.remove();
});

function person(name: string): Person {
  const found = people[names.indexOf(name)];
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}

async function open(name: string, codec: 'msgpack' | 'json' = 'msgpack'): Promise<WireSocket> {
  const socket = await WireSocket.open({ address: server.address, token: person(name).token, codec });
  sockets.push(socket);
  return socket;
}

interface Answer {
  readonly status: number;
  /** What these tests read of the bodies they ask for. */
  readonly json: {
    readonly blocks: Array<{ user: string; at: number }>;
    readonly next: string | null;
    readonly presences: object[];
    readonly mentions: number;
  };
}

async function rest(name: string, line: string, body?: object): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const headers = {
    authorization: `Bearer ${person(name).token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const sent = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(`${server.address}${path}`, { method, headers, body: sent });
  const text = await response.text();
  return { status: response.status, json: text === '' ? {} : JSON.parse(text) };
}

const codeOf = (answer: Ack | WireError) => ('err' in answer ? answer.code : 'ack');

test('B1 B2 W17 a block shuts the direct conversation for both, over sockets and REST, until all of it is taken back', async () => {
  const [ann, bob, second] = [await open('ann'), await open('bob', 'json'), await open('ann', 'json')];
  const [a, b] = [person('ann').user, person('bob').user];
  const conv = directConversationId(a, b);
  await ann.do({ op: 'create', id: uuidv7(), type: 'direct', members: [b] });
  const message = uuidv7();
  await bob.do({ op: 'send', id: message, conv, text: 'hello' });
  const told = second.control('block.update');
  expect((await rest('ann', `PUT /me/blocks/${b}`)).status).toBe(204);
  expect(await told).toEqual({ ev: 'block.update', user: b, blocked: true });
  await ann.do({ op: 'block', user: b });
  for (const socket of [ann, bob]) {
    const answers = [
      await socket.ask({ op: 'send', id: uuidv7(), conv, text: 'more' }),
      await socket.ask({ op: 'edit', id: uuidv7(), conv, message, text: 'other' }),
      await socket.ask({ op: 'react', id: uuidv7(), conv, message, emoji: 'tea' }),
      await socket.ask({ op: 'pin', id: uuidv7(), conv, message }),
    ];
    expect(answers.map(codeOf)).toEqual(['forbidden', 'forbidden', 'forbidden', 'forbidden']);
  }
  for (const [name, user] of [
    ['ann', b],
    ['bob', a],
  ] as const)
    expect((await rest(name, 'POST /conversations', { type: 'group', members: [user] })).status).toBe(403);
  // How far the other has read is told no more.
  await ann.do({ op: 'read', conv, seq: 2 });
  const receipts = (await bob.do({ op: 'receipts', message })).result;
  expect(receipts).toEqual({ delivered: 0, read: 0, readers: [] });
  // They read on, and take away what they said.
  expect((await bob.do({ op: 'history', conv })).events).toHaveLength(2);
  await bob.do({ op: 'delete', id: uuidv7(), conv, message });
  const { json } = await rest('ann', 'GET /me/blocks');
  expect(json).toEqual({ blocks: [{ user: b, at: expect.any(Number) }], next: null });
  expect((await rest('bob', 'GET /me/blocks')).json).toEqual({ blocks: [], next: null });
  // Each takes back their own only.
  await bob.do({ op: 'block', user: a });
  await ann.do({ op: 'unblock', user: b });
  expect(codeOf(await ann.ask({ op: 'send', id: uuidv7(), conv, text: 'more' }))).toBe('forbidden');
  expect((await rest('bob', `DELETE /me/blocks/${a}`)).status).toBe(204);
  await bob.do({ op: 'send', id: uuidv7(), conv, text: 'again' });
});

test('B1 W16 blocks of oneself, of nobody and of no user are refused', async () => {
  const ann = await open('ann');
  const nobody = uuidv7();
  expect(await ann.ask({ op: 'block', user: person('ann').user })).toMatchObject({ code: 'invalid' });
  expect(await ann.ask({ op: 'block', user: nobody })).toMatchObject({ code: 'not_found' });
  expect((await rest('ann', `PUT /me/blocks/${nobody}`)).status).toBe(404);
  expect((await rest('ann', 'PUT /me/blocks/x')).status).toBe(400);
  await ann.do({ op: 'unblock', user: nobody });
  expect((await rest('ann', 'GET /me/blocks?cursor=x')).status).toBe(400);
});

test('B1 the list of blocks is paged, each once, also those of one millisecond', async () => {
  const crowd = await makePeople(
    server,
    Array.from({ length: 7 }, (_, index) => `crowd ${index}`),
  );
  const eve = await open('eve');
  await Promise.all(crowd.map(({ user }) => eve.do({ op: 'block', user })));
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  await sql`update blocks set at = '2026-01-01' where blocker = ${person('eve').user}`;
  await sql.end();
  const listed: string[] = [];
  let cursor: string | null = null;
  do {
    const place: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { json } = await rest('eve', `GET /me/blocks?limit=3${place}`);
    listed.push(...json.blocks.map(({ user }) => user));
    cursor = json.next;
  } while (cursor !== null);
  expect(listed).toHaveLength(7);
  expect(listed.toSorted()).toEqual(crowd.map(({ user }) => user).toSorted());
  for (const { user } of crowd) await eve.do({ op: 'unblock', user });
});

test('B3 E3 of whom one has blocked one sees nothing, and they see nothing of one; a mention counts for neither', async () => {
  const [ann, eve] = [await open('ann'), await open('eve')];
  const [a, e] = [person('ann').user, person('eve').user];
  const group = uuidv7();
  await ann.do({ op: 'create', id: group, type: 'group', members: [e, person('bob').user] });
  const status = new Map<string, string>();
  ann.onMessage = (told) => {
    if ('ev' in told && told.ev === 'presence.update') status.set('ann sees', told.status);
  };
  eve.onMessage = (told) => {
    if ('ev' in told && told.ev === 'presence.update') status.set('eve sees', told.status);
  };
  await ann.do({ op: 'presence.watch', users: [e] });
  await eve.do({ op: 'presence.watch', users: [a] });
  await expect.poll(() => [...status.values()], { timeout: 5000 }).toEqual(['online', 'online']);
  await ann.do({ op: 'block', user: e });
  await expect.poll(() => [...status.values()], { timeout: 500 }).toEqual(['offline', 'offline']);
  for (const [name, user] of [
    ['ann', e],
    ['eve', a],
  ] as const)
    expect((await rest(name, `GET /presence?users=${user}`)).json.presences).toEqual([
      { user, status: 'offline' },
    ]);
  await eve.do({ op: 'send', id: uuidv7(), conv: group, text: '@ann', mentions: [a, person('bob').user] });
  const mentionsOf = async (name: string) => (await rest(name, `GET /conversations/${group}`)).json.mentions;
  expect([await mentionsOf('ann'), await mentionsOf('bob')]).toEqual([0, 1]);
  const edited = { op: 'send', id: uuidv7(), conv: group, text: 'x' } as const;
  await eve.do(edited);
  await eve.do({ op: 'edit', id: uuidv7(), conv: group, message: edited.id, text: '@ann', mentions: [a] });
  expect(await mentionsOf('ann')).toBe(0);
  await ann.do({ op: 'unblock', user: e });
  await eve.do({ op: 'send', id: uuidv7(), conv: group, text: '@ann', mentions: [a] });
  expect(await mentionsOf('ann')).toBe(1);
});

/** Sends as fast as it is answered until it is stopped; whatever is answered, it goes on. */
function flood(socket: WireSocket, conv: string): { stop(): Promise<void>; sent(): number } {
  let isOn = true;
  let sent = 0;
  const lines = Array.from({ length: 8 }, async () => {
    while (isOn) {
      sent += 1;
      const answer = await socket.ask({ op: 'send', id: uuidv7(), conv, text: `${sent}` });
      if ('err' in answer) await sleep(1);
    }
  });
  return {
    sent: () => sent,
    async stop() {
      isOn = false;
      await Promise.all(lines);
    },
  };
}

/** Again as long as the server is being started again: what the SDK does. */
async function insist(socket: WireSocket, operation: Parameters<WireSocket['ask']>[0]): Promise<string> {
  for (let turn = 0; turn < 400; turn += 1) {
    const code = codeOf(await socket.ask(operation));
    if (code !== 'unavailable' && code !== 'overloaded') return code;
    await sleep(25);
  }
  throw new Error('the server did not come back');
}

test('B1 from the ack of a block on nothing of the other is stored, also when the shard dies under it, or the process', async () => {
  const [racer, rival] = [await open('racer'), await open('rival')];
  const other = person('rival').user;
  const conv = directConversationId(person('racer').user, other);
  await racer.do({ op: 'create', id: uuidv7(), type: 'direct', members: [other] });
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  const headOf = async () => {
    const [row] =
      await sql`select coalesce(max(seq), 0)::int as head from conversation_log where conversation = ${conv}`;
    return row?.head as number;
  };
  let stored = 0;
  for (let round = 0; round < 12; round += 1) {
    const flooding = flood(rival, conv);
    const before = await headOf();
    await sleep(20 + (round % 4) * 7);
    // In some rounds the shard dies about when the block is kept, or right after its ack; no more often than it may.
    const death = round < 8 ? ['', 'before', '', 'after'][round % 4] : '';
    if (death === 'before') void server.plant({ kind: 'shard throws', shard: server.shardOf(conv) });
    expect(await insist(racer, { op: 'block', user: other })).toBe('ack');
    const head = await headOf();
    if (death === 'after') void server.plant({ kind: 'shard throws', shard: server.shardOf(conv) });
    await sleep(death === 'after' ? 600 : 60);
    await server.ready();
    await flooding.stop();
    expect(await headOf(), `round ${round}`).toBe(head);
    expect(await insist(rival, { op: 'send', id: uuidv7(), conv, text: 'late' })).toBe('forbidden');
    stored += head - before;
    await insist(racer, { op: 'unblock', user: other });
    expect(await insist(rival, { op: 'send', id: uuidv7(), conv, text: 'welcome' })).toBe('ack');
  }
  // There was a race to win, and shards died.
  expect(stored).toBeGreaterThan(100);
  expect(server.deaths()).toBe(4);
  await insist(racer, { op: 'block', user: other });
  await sql.end();
  server.kill('nubo');
  await server.ended;
  server = await startFaultyServer({ data: folder.path, shards: 2 });
  const again = await open('rival');
  expect(await insist(again, { op: 'send', id: uuidv7(), conv, text: 'late' })).toBe('forbidden');
}, 90_000);
