/** REST from request to response. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { openApiDocument } from '#src/front/rest/openapi.js';
import { restRoutes } from '#src/front/rest/rest.js';
import type { ToShard } from '#src/threads/messages.js';
import { errorCodes } from '#src/wire/codes.js';
import { messageEvent, startAt, testId } from '#test/support/front-harness.js';
import { madeId, operatorKey, RestHarness } from '#test/support/rest-harness.js';

const user = testId(1);
const other = testId(2);
const conv = testId(100);

function signedIn(ports: ConstructorParameters<typeof RestHarness>[0] = {}) {
  const rest = new RestHarness(ports);
  return { rest, token: rest.harness.token(user) };
}

const profile = {
  id: user,
  username: 'ann',
  externalId: null,
  displayName: null,
  email: null,
  createdAt: startAt,
};

test('R1 an error is a problem document with the code of the wire, and says when to come back', async () => {
  const { rest, token } = signedIn();
  const response = await rest.send('GET /me', { token }, () => ({
    kind: 'err',
    code: 'overloaded',
    message: 'The server is busy.',
    retryMs: 1_200,
  }));
  expect(response).toMatchObject({
    status: 503,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '2' },
    json: {
      type: 'urn:nubo:error:overloaded',
      title: 'Service Unavailable',
      status: 503,
      detail: 'The server is busy.',
      code: 'overloaded',
      retryMs: 1_200,
    },
  });
  expect(response.json).not.toHaveProperty('stored');
});

test('R1 every code of the wire has its status, with stored and at where the shard gave them', async () => {
  const { rest, token } = signedIn();
  for (const [code, { status }] of Object.entries(errorCodes)) {
    const response = await rest.send('GET /me', { token }, () => ({
      kind: 'err',
      code: code as keyof typeof errorCodes,
      message: 'why',
      retryMs: 300,
      stored: false,
      at: startAt,
    }));
    expect(response).toMatchObject({ status, json: { status, code, stored: false, at: startAt } });
  }
});

test('R1 routes, methods, types and bodies that are wrong have their own statuses', async () => {
  const { rest, token } = signedIn();
  const cases: Array<[string, Parameters<RestHarness['send']>[1], number, string]> = [
    ['GET /nothing', {}, 404, 'not_found'],
    ['GET /conversations/', { token }, 404, 'not_found'],
    ['PUT /login', {}, 405, 'invalid'],
    ['DELETE /conversations', { token }, 405, 'invalid'],
    ['GET /ws', {}, 426, 'invalid'],
    ['POST /login', { raw: '{"name":"a"}', headers: { 'content-type': 'text/plain' } }, 415, 'invalid'],
    ['POST /login', { raw: '{"name":', headers: { 'content-type': 'application/json' } }, 400, 'bad_frame'],
    ['POST /login', { raw: '', headers: { 'content-type': 'application/json' } }, 400, 'bad_frame'],
    [
      'POST /login',
      { raw: Buffer.from([0x22, 0xff, 0x22]), headers: { 'content-type': 'application/json' } },
      400,
      'bad_frame',
    ],
    [
      'POST /login',
      { raw: `${'['.repeat(10_000)}${']'.repeat(10_000)}`, headers: { 'content-type': 'application/json' } },
      400,
      'bad_frame',
    ],
    ['POST /login', { json: { name: 'ann' } }, 400, 'invalid'],
    ['GET /me', {}, 401, 'unauthorized'],
    ['GET /me', { token: 'wrong' }, 401, 'unauthorized'],
    ['GET /conversations?limit=0', { token }, 400, 'invalid'],
    ['GET /conversations/nothing', { token }, 400, 'invalid'],
    [`GET /conversations/${conv}/messages?before=1&after=2`, { token }, 400, 'invalid'],
    [`POST /conversations/${conv}/messages`, { token, json: { text: 'nul \u0000' } }, 400, 'invalid'],
    ['POST /conversations', { token, json: { type: 'direct', members: [user] } }, 400, 'invalid'],
  ];
  for (const [line, sent, status, code] of cases) {
    expect({ line, ...(await rest.send(line, sent)) }).toMatchObject({
      line,
      status,
      json: { status, code },
    });
  }
  expect((await rest.send('PUT /conversations', { token })).headers).toMatchObject({ allow: 'GET, POST' });
  expect((await rest.send('GET /me')).headers).toMatchObject({ 'www-authenticate': 'Bearer' });
  expect(rest.harness.posted).toEqual([]);
  expect(rest.faults).toEqual([]);
});

test('R1 P7 a request that nobody answers is told that its outcome is unknown', async () => {
  const { rest, token } = signedIn();
  const response = await rest.send(`POST /conversations/${conv}/messages`, { token, json: { text: 'x' } });
  expect(response).toMatchObject({ status: 503, json: { code: 'unavailable', retryMs: expect.any(Number) } });
  expect(response.json).not.toHaveProperty('stored');
  expect(rest.harness.front.stats().requests).toBe(0);
});

test('R1 a bug is told as internal, is reported, and tells nothing of itself', async () => {
  const { rest } = signedIn();
  rest.harness.tokens.set('odd', new TypeError('secret of the house'));
  const response = await rest.send('GET /me', { token: 'odd' });
  expect(response).toMatchObject({ status: 500, json: { code: 'internal' } });
  expect(response.body).not.toContain('secret');
  expect(rest.faults).toHaveLength(1);
});

test('R2 Idempotency-Key is the id of the operation; without it the server makes one', async () => {
  const { rest, token } = signedIn();
  const asked: ToShard[] = [];
  const answers = (message: ToShard) => {
    asked.push(message);
    return { kind: 'ack', id: 'id' in message ? message.id : '', seq: 4, at: startAt } as const;
  };
  const line = `POST /conversations/${conv}/messages`;
  const key = testId(77);
  const first = await rest.send(
    line,
    { token, json: { text: 'hi' }, headers: { 'idempotency-key': key } },
    answers,
  );
  expect(first).toMatchObject({ status: 201, json: { id: key, seq: 4, at: startAt } });
  const second = await rest.send(line, { token, json: { text: 'hi' } }, answers);
  expect(second.json).toMatchObject({ id: madeId });
  expect(asked).toEqual([
    { kind: 'send', request: expect.any(Number), user, rate: 'standard', conv, id: key, text: 'hi' },
    { kind: 'send', request: expect.any(Number), user, rate: 'standard', conv, id: madeId, text: 'hi' },
  ]);
  for (const wrong of ['x', '018f0000-0000-4000-8000-000000000001', key.toUpperCase()]) {
    const response = await rest.send(
      line,
      { token, json: { text: 'hi' }, headers: { 'idempotency-key': wrong } },
      answers,
    );
    expect(response).toMatchObject({ status: 400, json: { code: 'invalid' } });
  }
  expect(asked).toHaveLength(2);
});

test('R2 every durable route asks what a socket would', async () => {
  const { rest, token } = signedIn();
  const ack = () => ({ kind: 'ack', id: madeId, seq: 1, at: startAt, conv: testId(5) }) as const;
  const asker = { request: expect.any(Number), user, rate: 'standard' };
  const cases: Array<[string, unknown, number, object]> = [
    [
      'POST /conversations',
      { type: 'group', title: 'Crew', members: [other] },
      201,
      { kind: 'create', ...asker, conv: madeId, id: madeId, type: 'group', title: 'Crew', members: [other] },
    ],
    [`POST /conversations/${conv}/join`, undefined, 200, { kind: 'join', ...asker, conv, id: madeId }],
    [`POST /conversations/${conv}/leave`, undefined, 200, { kind: 'leave', ...asker, conv, id: madeId }],
    [
      `POST /conversations/${conv}/members`,
      { user: other },
      200,
      { kind: 'add', ...asker, conv, id: madeId, member: other },
    ],
    [
      `DELETE /conversations/${conv}/members/${other}`,
      undefined,
      200,
      { kind: 'remove', ...asker, conv, id: madeId, member: other },
    ],
  ];
  for (const [line, json, status, expected] of cases) {
    const asked: ToShard[] = [];
    const response = await rest.send(line, { token, json }, (message) => {
      asked.push(message);
      return ack();
    });
    expect(asked).toEqual([expected]);
    expect(response).toMatchObject({ status, json: { id: madeId, seq: 1, at: startAt } });
  }
  const created = await rest.send('POST /conversations', { token, json: { type: 'channel' } }, ack);
  expect(created.headers).toMatchObject({ location: `/conversations/${testId(5)}` });
});

test('R5 a list waits for the heads of every shard, one conversation for those of its own', async () => {
  const { rest, token } = signedIn();
  const asked: string[] = [];
  const answers = (message: ToShard) => {
    if (message.kind !== 'call') return undefined;
    asked.push(message.service);
    if (message.service === 'heads.flush') return { kind: 'answer', output: null } as const;
    if (message.service === 'conversations.list') {
      expect(message.input).toEqual({ user, limit: 7, cursor: 'abc' });
      return { kind: 'answer', output: { conversations: [], next: null } } as const;
    }
    return { kind: 'answer', output: { id: conv } } as const;
  };
  const list = await rest.send('GET /conversations?limit=7&cursor=abc', { token }, answers);
  expect(list).toMatchObject({ status: 200, json: { conversations: [], next: null } });
  await rest.send(`GET /conversations/${conv}`, { token }, answers);
  expect(asked).toEqual(['heads.flush', 'conversations.list', 'heads.flush', 'conversations.get']);
});

test('R5 a shard whose heads cannot be flushed makes the list unavailable, not stale', async () => {
  const { rest, token } = signedIn();
  rest.harness.front.shardGone(0);
  expect(await rest.send('GET /conversations', { token })).toMatchObject({
    status: 503,
    json: { code: 'unavailable' },
  });
});

test('R6 what a shard says of the unseen and of the absent reaches the client unchanged, byte for byte', async () => {
  const { rest, token } = signedIn();
  const absent = () =>
    ({ kind: 'err', code: 'not_found', message: 'There is no such conversation.', stored: false }) as const;
  const lines = [`GET /conversations/${conv}`, `GET /conversations/${testId(101)}`];
  const [unseen, gone] = await Promise.all(lines.map((line) => rest.send(line, { token }, absent)));
  expect(unseen).toEqual(gone);
  expect(unseen?.status).toBe(404);
});

test('W11 a page of messages is asked by seq', async () => {
  const { rest, token } = signedIn();
  const asked: ToShard[] = [];
  const response = await rest.send(
    `GET /conversations/${conv}/messages?around=5&limit=3`,
    { token },
    (message) => {
      asked.push(message);
      return { kind: 'ack', events: [messageEvent(conv, 4), messageEvent(conv, 5)], head: 9 };
    },
  );
  expect(asked).toEqual([{ kind: 'history', request: expect.any(Number), user, conv, around: 5, limit: 3 }]);
  expect(response).toMatchObject({ status: 200, json: { events: [{ seq: 4 }, { seq: 5 }], head: 9 } });
});

test('R1 reads and marks go to their services', async () => {
  const { rest, token } = signedIn();
  const call = async (line: string, sent: Parameters<RestHarness['send']>[1], output: unknown) => {
    const asked: ToShard[] = [];
    const response = await rest.send(line, sent, (message) => {
      asked.push(message);
      return message.kind === 'call' ? { kind: 'answer', output } : { kind: 'ack', seq: 3 };
    });
    return { ...response, asked };
  };
  expect(await call('GET /me', { token }, profile)).toMatchObject({
    status: 200,
    json: profile,
    asked: [{ service: 'people.me', input: { user } }],
  });
  expect(await call(`GET /messages/${testId(9)}`, { token }, messageEvent(conv, 1))).toMatchObject({
    status: 200,
    asked: [{ service: 'messages.get', input: { user, id: testId(9) } }],
  });
  expect(await call(`GET /users?ids=${user},${other}`, { token }, [])).toMatchObject({
    status: 200,
    json: { users: [] },
    asked: [{ service: 'users.get', input: { ids: [user, other], usernames: [] } }],
  });
  expect(await call('GET /users?usernames=Ada,bob', { token }, [])).toMatchObject({
    asked: [{ service: 'users.get', input: { ids: [], usernames: ['Ada', 'bob'] } }],
  });
  expect((await call('GET /users', { token }, [])).status).toBe(400);
  expect(await call('GET /channels?title=tea', { token }, { conversations: [] })).toMatchObject({
    asked: [
      { service: 'heads.flush', input: null },
      { service: 'channels.find', input: { user, title: 'tea', limit: 30 } },
    ],
  });
  expect(await call(`POST /conversations/${conv}/read`, { token, json: { seq: 3 } }, null)).toMatchObject({
    status: 204,
    body: '',
    asked: [{ kind: 'read', user, conv, seq: 3 }],
  });
});

test('H2 H4 sign-up, log-in, refresh and log-out reach the people with the device', async () => {
  const { rest, token } = signedIn();
  const pair = {
    user,
    session: 's',
    accessToken: 'a',
    accessExpiresAt: 1,
    refreshToken: 'r',
    refreshExpiresAt: 2,
  };
  const device = { name: 'a test', address: '203.0.113.9' };
  const headers = { 'user-agent': 'a test' };
  const cases: Array<[string, unknown, number, string, object]> = [
    [
      'POST /signup',
      { username: 'Ann', password: 'long enough' },
      201,
      'people.signUp',
      { username: 'Ann', password: 'long enough', device },
    ],
    [
      'POST /login',
      { name: 'Ann', password: 'x' },
      200,
      'people.logIn',
      { name: 'Ann', password: 'x', device },
    ],
    ['POST /refresh', { refreshToken: 'r' }, 200, 'people.refresh', { refreshToken: 'r', device }],
    ['POST /logout', undefined, 204, 'people.logOut', { user, session: `session-of-${user}` }],
  ];
  for (const [line, json, status, service, input] of cases) {
    const asked: ToShard[] = [];
    const response = await rest.send(line, { json, token, headers }, (message) => {
      asked.push(message);
      return { kind: 'answer', output: status === 204 ? null : pair };
    });
    expect(asked).toEqual([{ kind: 'call', request: expect.any(Number), service, input }]);
    expect(response.status).toBe(status);
    if (status !== 204) expect(response.json).toEqual(pair);
  }
  const short = await rest.send('POST /signup', { json: { username: 'a', password: 'long enough' } });
  expect(short).toMatchObject({ status: 400, json: { code: 'invalid', stored: false } });
});

test('H7 the operator API is closed without the key, with a wrong one, with a token, and when there is none', async () => {
  const { rest, token } = signedIn();
  const json = { users: [{ sub: 'Ann' }] };
  for (const wrong of [undefined, 'wrong', token, `${operatorKey} `.repeat(2).trim(), '']) {
    expect(await rest.send('POST /operator/users', { json, token: wrong })).toMatchObject({
      status: 401,
      json: { code: 'unauthorized' },
    });
  }
  const closed = new RestHarness({ operatorKey: undefined });
  expect(await closed.send('POST /operator/users', { json, token: 'undefined' })).toMatchObject({
    status: 401,
  });
  expect(rest.harness.posted).toEqual([]);
});

test('H7 with the key an operator creates users in bulk, mints tokens and revokes', async () => {
  const rest = new RestHarness({ operatorKey: 'key' });
  const call = async (line: string, json: unknown, output: unknown) => {
    const asked: ToShard[] = [];
    const response = await rest.send(line, { token: 'key', json }, (message) => {
      asked.push(message);
      return { kind: 'answer', output };
    });
    return { status: response.status, asked };
  };
  const users = Array.from({ length: 1_000 }, (_, index) => ({ sub: `user ${index}` }));
  expect(await call('POST /operator/users', { users }, { users: [] })).toMatchObject({
    status: 200,
    asked: [{ service: 'operator.createUsers', input: { users } }],
  });
  expect(
    await call('POST /operator/tokens', { users: [user], seconds: 60, limits: 'high' }, { tokens: [] }),
  ).toMatchObject({
    status: 200,
    asked: [{ service: 'operator.mintTokens', input: { users: [user], seconds: 60, limits: 'high' } }],
  });
  expect(await call('POST /operator/revocations', { jti: 'j' }, null)).toMatchObject({
    status: 204,
    asked: [{ service: 'operator.revoke', input: { jti: 'j' } }],
  });
  expect((await call('POST /operator/revocations', { jti: 'j', user }, null)).status).toBe(400);
  expect((await call('POST /operator/users', { users: [...users, { sub: 'one more' }] }, null)).status).toBe(
    400,
  );
});

test('O2 ping, health and readiness answer under both names, and draining is not ready', async () => {
  const rest = new RestHarness();
  expect(await rest.send('GET /ping')).toMatchObject({ status: 200, json: { message: 'pong' } });
  for (const path of ['/healthz', '/health']) expect((await rest.send(`GET ${path}`)).status).toBe(200);
  for (const path of ['/readyz', '/ready']) expect((await rest.send(`GET ${path}`)).status).toBe(200);
  rest.readiness = { ready: false, checks: { postgres: 'away' } };
  expect(await rest.send('GET /readyz')).toMatchObject({
    status: 503,
    json: { checks: { postgres: 'away' } },
  });
  rest.readiness = { ready: true, checks: {} };
  void rest.harness.front.drain(10);
  expect(await rest.send('GET /readyz')).toMatchObject({ status: 503, json: { ready: false } });
});

test('O3 metrics in production are for loopback that is no proxy, and for the operator', async () => {
  const open = new RestHarness({ openMetrics: true });
  expect(await open.send('GET /metrics')).toMatchObject({ status: 200, body: 'nubo_up 1\n' });
  const rest = new RestHarness({ openMetrics: false });
  const status = async (sent: Parameters<RestHarness['send']>[1]) =>
    (await rest.send('GET /metrics', sent)).status;
  expect(await status({})).toBe(401);
  expect(await status({ address: '127.0.0.1' })).toBe(200);
  expect(await status({ address: '::1' })).toBe(200);
  expect(await status({ address: '127.0.0.1', headers: { 'x-forwarded-for': '198.51.100.7' } })).toBe(401);
  expect(await status({ token: 'wrong' })).toBe(401);
});

test('R1 answers carry headers against sniffing and framing; other origins are let in by name only', async () => {
  const closed = new RestHarness();
  const plain = await closed.send('GET /ping', { headers: { origin: 'https://app.example' } });
  expect(plain.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  expect(plain.headers).not.toHaveProperty('access-control-allow-origin');
  const open = new RestHarness({ allowedOrigins: ['https://app.example'] });
  const allowed = await open.send('OPTIONS /login', { headers: { origin: 'https://app.example' } });
  expect(allowed).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-origin': 'https://app.example', vary: 'origin' },
  });
  const foreign = await open.send('GET /ping', { headers: { origin: 'https://evil.example' } });
  expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
});

test('R3 the document is OpenAPI 3.1, names every route, and its references lead somewhere', async () => {
  const rest = new RestHarness();
  const served = (await rest.send('GET /openapi.json')).json as ReturnType<typeof openApiDocument>;
  expect(served.openapi).toBe('3.1.0');
  for (const { method, path } of restRoutes) {
    expect(served.paths?.[path], path).toHaveProperty(method.toLowerCase());
  }
  expect(served.paths).toHaveProperty('/openapi.json');
  const text = JSON.stringify(served);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  );
  expect(references.length).toBeGreaterThan(10);
  for (const name of references) expect(served.components?.schemas).toHaveProperty([name]);
});

test('R3 a validator of OpenAPI finds nothing to say about the document', async () => {
  const document = openApiDocument(restRoutes, '0.1.0');
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document) as never)).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  // It can find something.
  expect((await new Validator().validate({ ...document, paths: { wrong: 1 } } as never)).valid).toBe(false);
});

test('R3 the document is made from the schemas that check: its bounds are theirs', () => {
  const document = openApiDocument(restRoutes, '0.1.0');
  const send = document.paths?.['/conversations/{id}/messages']?.post;
  expect(send?.parameters).toContainEqual(expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }));
  expect(JSON.stringify(document.paths?.['/conversations']?.post?.requestBody)).toContain('"maxItems":200');
  expect(document.paths?.['/operator/users']?.post?.security).toEqual([{ operatorKey: [] }]);
  expect(document.paths?.['/ping']?.get?.security).toEqual([]);
});
