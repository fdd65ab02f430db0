/** Limits through a whole server: floods over a socket and over REST, slow mode, proxies, links of messages. */
import { request } from 'node:http';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LogEvent } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import { makePeople, type Person } from '../support/operator.js';
import { dataFolder, startServer, type TestServer } from '../support/server.js';
import { type Message, WireSocket } from '../support/wire-socket.js';

const folder = dataFolder('limits');
const sockets: WireSocket[] = [];
let server: TestServer;
let owner: Person;
let people: Person[];

const env = {
  ...{ NUBO_SHARDS: '1', NUBO_FRONTS: '1', NUBO_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' },
  ...{ NUBO_CONNECTION_RATE_PER_SECOND: '400', NUBO_CONNECTION_RATE_BURST: '500' },
  ...{ NUBO_CONVERSATION_RATE_PER_SECOND: '30', NUBO_CONVERSATION_RATE_BURST: '60' },
};

beforeAll(async () => {
  server = await startServer({ data: folder.path, env });
  [owner] = (await makePeople(server, ['owner'])) as [Person];
  people = await makePeople(server, ['ann', 'bob', 'eve'], { limits: 'standard' });
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  server.kill('everything');
  await server.ended;
  await folder.remove();
});

function person(place: number): Person {
  const found = people[place];
  if (found === undefined) throw new Error('nobody');
  return found;
}

async function open({ token }: Person, codec: 'json' | 'msgpack' = 'msgpack'): Promise<WireSocket> {
  const socket = await WireSocket.open({ address: server.address, token, codec });
  sockets.push(socket);
  return socket;
}

async function room(members: readonly Person[]): Promise<string> {
  const socket = await open(owner);
  const { conv = '' } = await socket.do({
    ...{ op: 'create', id: uuidv7(), type: 'group', title: 'room' },
    members: members.map(({ user }) => user),
  });
  return conv;
}

async function rest(
  { token }: Pick<Person, 'token'>,
  line: string,
  body?: unknown,
  more: Record<string, string> = {},
) {
  const [method = '', path = ''] = line.split(' ');
  const headers = {
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...more,
  };
  const response = await fetch(server.address + path, {
    method,
    headers,
    body: JSON.stringify(body) ?? null,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text === '' ? undefined : JSON.parse(text),
  };
}

/** How many messages the conversation has. */
async function messagesIn(conv: string): Promise<number> {
  const { json } = await rest(owner, `GET /conversations/${conv}`);
  return json.number;
}

test.each(['json', 'msgpack'] as const)(
  'L17 W7 a flood of sends over one socket has one answer to each (%s), and what was acked is there',
  async (codec) => {
    const ann = person(codec === 'json' ? 0 : 1);
    const conv = await room([ann]);
    const socket = await open(ann, codec);
    const sends = 3_000;
    // Beside those that the socket gives by itself.
    const firstRef = 10_000;
    const answers = new Map<number, Message[]>();
    let left = sends;
    const done = new Promise<void>((resolve) => {
      socket.onMessage = (message) => {
        const ref = 'ack' in message ? message.ack : 'err' in message ? message.err : undefined;
        if (typeof ref !== 'number' || ref < firstRef) return;
        answers.set(ref, [...(answers.get(ref) ?? []), message]);
        left -= 1;
        if (left === 0) resolve();
      };
    });
    for (let first = firstRef; first < firstRef + sends; first += 100)
      socket.post(
        Array.from({ length: 100 }, (_, place): Operation => {
          return { op: 'send', ref: first + place, id: uuidv7(), conv, text: 'flood' };
        }),
      );
    await done;
    // Whatever would be answered twice has come before this.
    expect(await socket.ask({ op: 'unsubscribe', conv })).toBeDefined();
    expect(answers.size).toBe(sends);
    const all = [...answers.values()];
    expect(all.every((told) => told.length === 1)).toBe(true);
    const refused = all.flat().filter((told) => 'err' in told);
    expect(refused.length).toBeGreaterThan(sends - 800);
    for (const refusal of refused) {
      expect(refusal).toMatchObject({ code: 'rate_limited', retryMs: expect.any(Number) });
      expect(refusal).not.toHaveProperty('stored');
    }
    expect(await messagesIn(conv)).toBe(all.flat().filter((told) => 'ack' in told && 'seq' in told).length);
    expect(socket.isOpen).toBe(true);
  },
);

test('L17 R7 a flood over REST has one answer to each, and who is refused learns when to come back', async () => {
  const eve = person(2);
  const conv = await room([eve]);
  const path = `POST /conversations/${conv}/messages`;
  const answers = await Promise.all(Array.from({ length: 300 }, () => rest(eve, path, { text: 'flood' })));
  const stored = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 429);
  expect(stored.length + refused.length).toBe(300);
  expect(refused.length).toBeGreaterThan(50);
  expect(await messagesIn(conv)).toBe(stored.length);
  for (const { headers, json } of refused) {
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(json.retryMs / 1000));
    expect(headers.get('ratelimit')).toMatch(/"(?:conversation|operations)";r=0;t=1$/);
  }
  for (const { headers } of answers)
    expect(headers.get('ratelimit-policy')).toBe(
      '"requests";q=800;w=4, "operations";q=200;w=4, "conversation";q=60;w=2',
    );
});

test('G9 R7 slow mode over the wire and REST: who comes too early is told how long to wait', async () => {
  const [ann, bob] = [person(0), person(1)];
  const conv = await room([ann, bob]);
  const path = `/conversations/${conv}`;
  expect((await rest(owner, `PATCH ${path}`, { slowMs: 60_000 })).status).toBe(200);
  const socket = await open(ann);
  const first = uuidv7();
  const { seq } = await socket.do({ op: 'send', id: first, conv, text: 'one' });
  const early = await socket.ask({ op: 'send', id: uuidv7(), conv, text: 'two' });
  expect(early).toMatchObject({ code: 'rate_limited', retryMs: expect.any(Number) });
  expect(early).not.toHaveProperty('stored');
  const { status, headers, json } = await rest(ann, `POST ${path}/messages`, { text: 'two' });
  expect({ status, json }).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
  expect(json.retryMs).toBeGreaterThan(50_000);
  expect(json.retryMs).toBeLessThanOrEqual(60_000);
  expect(headers.get('retry-after')).toBe(String(Math.ceil(json.retryMs / 1000)));
  expect(headers.get('ratelimit')).toContain(`"slow-mode";r=0;t=${headers.get('retry-after')}`);
  // A retry of what was stored, others, who moderates, and what is no message are not held back.
  expect(await socket.do({ op: 'send', id: first, conv, text: 'one' })).toMatchObject({ seq });
  expect((await rest(bob, `POST ${path}/messages`, { text: 'mine' })).status).toBe(201);
  for (const text of ['a', 'b'])
    expect((await rest(owner, `POST ${path}/messages`, { text })).status).toBe(201);
  await socket.do({ op: 'react', id: uuidv7(), conv, message: first, emoji: '👍' });
  expect((await rest(owner, `PATCH ${path}`, { slowMs: 0 })).status).toBe(200);
  await socket.do({ op: 'send', id: uuidv7(), conv, text: 'two' });
});

/** Of an attempt to log in whose header has come in several lines. */
function statusWith(lines: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': lines };
    const sent = request(`${server.address}/login`, { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ name: 'nobody', password: 'x' }));
  });
}

test('H10 attempts to log in are counted by the address that a trusted proxy names, and by no other', async () => {
  const attempt = (forwardedFor: string) =>
    rest(
      { token: '' },
      'POST /login',
      { name: 'nobody', password: 'x' },
      { 'x-forwarded-for': forwardedFor },
    );
  const statuses: number[] = [];
  // What the client says of itself stands to the left, and another proxy to the right.
  for (let count = 0; count < 121; count += 1)
    statuses.push((await attempt(`192.0.2.${count}, 198.51.100.1, 10.0.0.7`)).status);
  expect(statuses).toEqual([...Array.from({ length: 120 }, () => 401), 429]);
  const refused = await attempt('198.51.100.1');
  expect(refused.headers.get('ratelimit')).toMatch(/^"address";r=0;t=\d+$/);
  expect(refused.headers.get('ratelimit-policy')).toBe('"address";q=120;w=60, "name";q=10;w=60');
  expect((await attempt('198.51.100.2')).status).toBe(401);
  // A proxy may add a line of its own below that of its client.
  expect(await statusWith(['198.51.100.2', '198.51.100.1'])).toBe(429);
  expect(await statusWith(['198.51.100.1', '198.51.100.2'])).toBe(401);
  const made = await rest(
    { token: '' },
    ...[
      'POST /signup',
      { username: 'proxied', password: 'a good long one' },
      { 'x-forwarded-for': '203.0.113.9' },
    ],
  );
  expect(made.status).toBe(201);
  const { json } = await rest({ token: made.json.accessToken }, 'GET /me/sessions');
  expect(JSON.stringify(json)).toContain('203.0.113.9');
});

test('W19 W17 links of a message: the same over the wire and REST, kept as every client may show them', async () => {
  const [ann, bob] = [person(0), person(1)];
  const conv = await room([ann, bob]);
  const socket = await open(bob, 'json');
  await socket.do({ op: 'subscribe', conv });
  const heard = socket.until((told) =>
    'ev' in told && told.ev === 'message.new' ? (told as LogEvent<'message.new'>) : undefined,
  );
  const metadata = {
    links: [{ url: 'https://MÜLLER.example/ä', title: 'Müller', image: 'https://i.example/1.png' }],
  };
  const asKept = { links: [{ ...metadata.links[0], url: 'https://xn--mller-kva.example/%C3%A4' }] };
  const path = `/conversations/${conv}/messages`;
  const sent = await rest(ann, `POST ${path}`, { text: 'look', metadata });
  expect(sent.status).toBe(201);
  expect((await heard).metadata).toEqual(asKept);
  expect((await rest(ann, `GET /messages/${sent.json.id}`)).json).toMatchObject({ metadata: asKept });
  const hostile = { links: [{ url: 'https://x.example', image: 'javascript:alert(1)' }] };
  const sentence = 'metadata.links.0.image must be an http:// or https:// address';
  const refused = await rest(ann, `POST ${path}`, { text: 'look', metadata: hostile });
  expect(refused).toMatchObject({ status: 400, json: { code: 'invalid' } });
  expect(refused.json.detail).toContain(sentence);
  const onTheWire = await socket.ask({ op: 'send', id: uuidv7(), conv, text: 'look', metadata: hostile });
  expect(onTheWire).toMatchObject({ code: 'invalid', message: expect.stringContaining(sentence) });
  const edit = await rest(ann, `PUT /messages/${sent.json.id}`, { text: 'look', metadata: hostile });
  expect(edit.status).toBe(400);
  expect((await rest(ann, `PUT /messages/${sent.json.id}`, { text: 'look', metadata: {} })).status).toBe(200);
});
