/** A whole server asked both ways: what is done over REST is what a socket sees, and the other way round. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restRoutes } from '#src/front/rest/rest.js';
import type { LogEvent } from '#src/wire/events.js';
import { type Operation, type QueryName, queryNames } from '#src/wire/operations.js';
import type { FaultyServer } from '#test/faults/faulty-server.js';
import { startFaultyServerOnDatabase } from '#test/support/faulty-server-on-database.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { WireSocket } from '#test/support/wire-socket.js';

let server: FaultyServer;
let end: () => Promise<void>;
let [ann, bob, eve, dan]: Person[] = [];

beforeAll(async () => {
  ({ server, end } = await startFaultyServerOnDatabase('parity', {}));
  [ann, bob, eve, dan] = await makePeople(server, ['ann', 'bob', 'eve', 'dan']);
});
afterAll(() => end());

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('not there');
  return value;
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown> & { seq?: number; id?: string; conv?: string; code?: string };
}

async function rest(who: Person | undefined, line: string, body?: object, key?: string): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const response = await fetch(`${server.address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${must(who).token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? {} : JSON.parse(text) };
}

const open = (who: Person | undefined, codec: 'msgpack' | 'json' = 'msgpack') =>
  WireSocket.open({ address: server.address, token: must(who).token, codec });

/** A group of Ann's with Bob in it, and a message of Ann's; made over REST. */
async function begun() {
  const created = await rest(ann, 'POST /conversations', { type: 'group', members: [must(bob).user] });
  const conv = must(created.json.conv);
  const sent = await rest(ann, `POST /conversations/${conv}/messages`, { text: 'first' });
  return { conv, message: must(sent.json.id) };
}

test('W17 what is done over REST is heard on sockets, in the order of the answers', async () => {
  const { conv, message } = await begun();
  const socket = await open(bob);
  const heard: LogEvent[] = [];
  socket.onMessage = (told) => {
    if ('ev' in told && 'seq' in told) heard.push(told as LogEvent);
  };
  await socket.do({ op: 'subscribe', conv });
  const user = must(bob).user;
  const emoji = encodeURIComponent('👩‍👩‍👧‍👦');
  const steps: Array<[line: string, body: object | undefined, ev: LogEvent['ev'], told: object]> = [
    [`PUT /messages/${message}`, { text: 'second' }, 'message.edit', { message, text: 'second' }],
    [
      `PATCH /messages/${message}`,
      { text: 'third', metadata: { a: 1 } },
      'message.edit',
      { metadata: { a: 1 } },
    ],
    [
      `POST /messages/${message}/reactions`,
      { emoji: '👩‍👩‍👧‍👦' },
      'reaction.add',
      { message, emoji: '👩‍👩‍👧‍👦' },
    ],
    [`DELETE /messages/${message}/reactions/${emoji}`, undefined, 'reaction.remove', { emoji: '👩‍👩‍👧‍👦' }],
    [`PUT /messages/${message}/pin`, undefined, 'message.pin', { message }],
    [`DELETE /messages/${message}/pin`, undefined, 'message.unpin', { message }],
    [
      `PATCH /conversations/${conv}`,
      { title: 'Tea', slowMs: 5 },
      'conversation.change',
      { title: 'Tea', slowMs: 5 },
    ],
    [
      `PATCH /conversations/${conv}/members/${user}`,
      { role: 'moderator' },
      'member.role',
      { user, role: 'moderator' },
    ],
    [
      `PATCH /conversations/${conv}/members/${user}`,
      { nickname: 'Bo' },
      'member.nickname',
      { user, nickname: 'Bo' },
    ],
    [`PATCH /conversations/${conv}/members/${user}`, { muted: true }, 'member.mute', { user }],
    [`PATCH /conversations/${conv}/members/${user}`, { muted: false }, 'member.unmute', { user }],
    [
      `POST /conversations/${conv}/mutes`,
      { user, reason: 'noise' },
      'member.mute',
      { user, reason: 'noise' },
    ],
    [`DELETE /conversations/${conv}/mutes/${user}`, undefined, 'member.unmute', { user }],
    [`POST /conversations/${conv}/bans`, { user: must(eve).user }, 'member.ban', { user: must(eve).user }],
    [
      `DELETE /conversations/${conv}/bans/${must(eve).user}`,
      undefined,
      'member.unban',
      { user: must(eve).user },
    ],
    [`DELETE /messages/${message}`, undefined, 'message.delete', { message }],
    [`POST /conversations/${conv}/archive`, undefined, 'conversation.change', { state: 'archived' }],
    [`DELETE /conversations/${conv}`, undefined, 'conversation.change', { state: 'deleted' }],
  ];
  for (const [line, body, ev, told] of steps) {
    const { status, json } = await rest(ann, line, body);
    expect({ line, status, json }).toMatchObject({ line, status: 200, json: { seq: expect.any(Number) } });
    await expect.poll(() => heard.find(({ seq }) => seq === json.seq)).toMatchObject({ ev, conv, ...told });
  }
  expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, place) => must(heard[0]).seq + place));
  expect((await rest(ann, `GET /conversations/${conv}`)).status).toBe(404);
  socket.close();
});

/** Where each query is over REST, for one situation. */
function linesOf(
  conv: string,
  message: string,
): Record<QueryName, [line: string, asked: object, body?: object]> {
  const user = must(bob).user;
  return {
    conversations: ['GET /conversations?limit=2', { limit: 2 }],
    conversation: [`GET /conversations/${conv}`, { conv }],
    channels: ['GET /channels?title=parity', { title: 'parity' }],
    message: [`GET /messages/${message}`, { message }],
    edits: [`GET /messages/${message}/edits?limit=1`, { message, limit: 1 }],
    reactions: [`GET /messages/${message}/reactions?emoji=tea`, { message, emoji: 'tea' }],
    members: [`GET /conversations/${conv}/members`, { conv }],
    pins: [`GET /conversations/${conv}/pins`, { conv }],
    bans: [`GET /conversations/${conv}/bans`, { conv }],
    mutes: [`GET /conversations/${conv}/mutes`, { conv }],
    users: [`GET /users?ids=${user},${must(ann).user}`, { ids: [user, must(ann).user] }],
    user: [`GET /users/${user}`, { user }],
    me: ['GET /me', {}],
    'me.change': ['PATCH /me', { fields: { bio: 'ducks' } }],
    settings: ['GET /me/settings', {}],
    'settings.change': ['PATCH /me/settings', { fields: { theme: 1 } }],
    sessions: ['GET /me/sessions', {}],
    'sessions.end': [`DELETE /me/sessions/${uuidv7()}`, { session: uuidv7() }],
    sync: ['GET /sync?limit=2', { limit: 2 }],
    // Of somebody who never comes: those who do come and go between two questions.
    presence: [`GET /presence?users=${must(dan).user}`, { users: [must(dan).user] }],
    receipts: [`GET /messages/${message}/receipts`, { message }],
    'invite.create': [`POST /conversations/${conv}/invites`, { conv, until: 1 }, { until: 1 }],
    'invite.list': [`GET /conversations/${conv}/invites`, { conv }],
    'invite.revoke': [`DELETE /conversations/${conv}/invites/${message}`, { conv, invite: message }],
    'invite.accept': [
      'POST /invites/accept',
      { code: 'AAAAAAAAAAAAAAAAAAAAAA' },
      { code: 'AAAAAAAAAAAAAAAAAAAAAA' },
    ],
    report: ['POST /reports', { id: uuidv7(), message, reason: 'spam' }, { message, reason: 'spam' }],
    audit: [`GET /conversations/${conv}/audit`, { conv }],
    quiet: [`PUT /conversations/${conv}/quiet`, { conv, until: 0 }, { until: 0 }],
    block: [`PUT /me/blocks/${user}`, { user }],
    unblock: [`DELETE /me/blocks/${user}`, { user }],
    blocks: ['GET /me/blocks', {}],
    search: [`GET /conversations/${conv}/search?q=zebra`, { conv, q: 'zebra' }],
    'search.users': ['GET /search/users?q=bo&limit=5', { q: 'bo', limit: 5 }],
    'search.conversations': ['GET /search/conversations?q=pari', { q: 'pari' }],
  };
}

test('W17 every query finds the same over REST and over sockets of both codecs, or is refused the same', async () => {
  const { conv, message } = await begun();
  await rest(ann, 'POST /conversations', { type: 'channel', title: 'Parity' });
  await rest(ann, `PUT /messages/${message}`, { text: 'second' });
  await rest(ann, `POST /messages/${message}/reactions`, { emoji: 'tea' });
  await rest(ann, `PUT /messages/${message}/pin`);
  await rest(ann, `POST /conversations/${conv}/bans`, { user: must(eve).user });
  const lines = linesOf(conv, message);
  let found = 0;
  // A member who may all of it, one who may not, and one who may not even know.
  for (const who of [ann, bob, eve]) {
    const sockets = [await open(who, 'msgpack'), await open(who, 'json')];
    for (const name of queryNames) {
      const [line, asked, given] = lines[name];
      const { id, fields } = asked as { id?: string; fields?: object };
      const { status, json } = await rest(who, line, given ?? fields, id);
      for (const socket of sockets) {
        const answer = await socket.ask({ op: name, ...asked } as Omit<Operation<QueryName>, 'ref'> as never);
        // A change is one each time.
        const known = 'updatedAt' in json ? { ...json, updatedAt: expect.any(Number) } : json;
        if ('ack' in answer) expect({ name, result: answer.result }).toEqual({ name, result: known });
        else
          expect({ name, code: answer.code, message: answer.message }).toEqual({
            name,
            code: json.code,
            message: json.detail,
          });
        expect('ack' in answer).toBe(status < 300);
        if ('ack' in answer) found += 1;
      }
    }
    for (const socket of sockets) socket.close();
  }
  expect(found).toBeGreaterThan(60);
});

test('R2 P2 with a key everything that is stored happens once over both, also after one was removed', async () => {
  const { conv, message } = await begun();
  const sent = await rest(bob, `POST /conversations/${conv}/messages`, { text: 'mine' });
  const key = uuidv7();
  const line = `PUT /messages/${must(sent.json.id)}`;
  const first = await rest(bob, line, { text: 'once' }, key);
  expect(first.status).toBe(200);
  const socket = await open(bob);
  const again = { op: 'edit', id: key, conv, message: must(sent.json.id), text: 'once' } as const;
  expect(await socket.do(again)).toMatchObject({ id: key, seq: first.json.seq });
  await rest(ann, `DELETE /conversations/${conv}/members/${must(bob).user}`);
  expect(await rest(bob, line, { text: 'once' }, key)).toEqual(first);
  expect(await rest(bob, line, { text: 'twice' })).toMatchObject({ status: 404 });
  expect((await rest(ann, `GET /messages/${message}`)).json.text).toBe('first');
  socket.close();
});

test('R6 whatever is done to a message of others is answered as if it were none', async () => {
  const { message } = await begun();
  const asked = restRoutes.filter(({ path }) => path.startsWith('/messages/{id}'));
  expect(asked.length).toBeGreaterThan(8);
  const bodies: Record<string, object> = { edit: { text: 'x' }, react: { emoji: 'x' } };
  for (const { method, path, operations: [name = ''] = [] } of asked) {
    const answers = [message, uuidv7()].map((id) =>
      rest(eve, `${method} ${path.replace('{id}', id).replace('{emoji}', 'x')}`, bodies[name]),
    );
    const [hidden, absent] = await Promise.all(answers);
    expect({ path, ...hidden }).toEqual({ path, ...absent });
    expect(hidden?.status).toBe(404);
  }
  // Nothing of it was done.
  await sleep(50);
  expect((await rest(ann, `GET /messages/${message}`)).json).toMatchObject({ text: 'first' });
});
