/** What REST tells of limits, and when to come back. */
import { expect, test } from 'vitest';
import { Rates } from '#src/rates.js';
import type { Refusal } from '#src/threads/messages.js';
import { testId } from '#test/support/front-harness.js';
import { RestHarness } from '#test/support/rest-harness.js';

const user = testId(1);
const conv = testId(100);

function limited() {
  const limits = { standard: { perSecond: 2, burst: 5 }, high: { perSecond: 1e6, burst: 4e6 } };
  const rest = new RestHarness({}, { rates: (clock) => new Rates(limits, clock) });
  return { rest, token: rest.harness.token(user) };
}

/** A list of RFC 9651 whose items are strings with integers as parameters. */
function parsed(field: string | undefined): Record<string, Record<string, number>> {
  const items = (field ?? '').split(', ').map((item) => {
    const [, name = '', parameters = ''] = /^"([\x20-\x7e]+)"((?:;[a-z]+=\d{1,15})*)$/.exec(item) ?? [];
    expect(name).not.toBe('');
    const pairs = parameters
      .slice(1)
      .split(';')
      .map((pair) => pair.split('='));
    return [name, Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)]))] as const;
  });
  return Object.fromEntries(items);
}

test('R7 every answer to a user says what they are held to and what is left of it', async () => {
  const { rest, token } = limited();
  const left: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    const { status, headers } = await rest.send('GET /conversations/x', { token });
    expect(status).toBe(400);
    expect(parsed(headers['ratelimit-policy'])).toEqual({ requests: { q: 5, w: 3 } });
    const { requests } = parsed(headers.ratelimit);
    expect(requests?.t).toBe(1);
    left.push(requests?.r ?? -1);
  }
  expect(left).toEqual([4, 3, 2, 1, 0]);
  const refused = await rest.send('GET /me', { token });
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'retry-after': '1', ratelimit: '"requests";r=0;t=1' },
    json: { code: 'rate_limited', retryMs: 500 },
  });
  rest.harness.advance(60_000);
  const again = await rest.send('GET /conversations/x', { token });
  expect(parsed(again.headers.ratelimit).requests).toEqual({ r: 4, t: 1 });
});

test('R7 what is stored names the limits of the shard as well, by class', async () => {
  const { rest, token } = limited();
  const path = `POST /conversations/${conv}/messages`;
  const post = (bearer: string) =>
    rest.send(path, { token: bearer, json: { text: 'x' } }, () => ({
      kind: 'ack',
      id: testId(9),
      seq: 1,
      at: 1,
    }));
  const sent = await post(token);
  expect(sent.status).toBe(201);
  expect(parsed(sent.headers['ratelimit-policy'])).toEqual({
    requests: { q: 5, w: 3 },
    operations: { q: 200, w: 4 },
    conversation: { q: 2000, w: 4 },
  });
  const high = await post(rest.harness.token(user, { rate: 'high' }));
  expect(Object.keys(parsed(high.headers['ratelimit-policy']))).toEqual(['requests', 'operations']);
  const pinned = await rest.send(`PUT /conversations/${conv}/nothing`, { token });
  expect(pinned.headers).not.toHaveProperty('ratelimit');
});

test.each(['operations', 'conversation', 'slow-mode'] as const)(
  'R7 a refusal by the limit %s says so, and for how long',
  async (limit) => {
    const { rest, token } = limited();
    const refusal: Refusal = { code: 'rate_limited', message: 'Wait.', retryMs: 2_100, limit };
    const said = await rest.send(
      `POST /conversations/${conv}/messages`,
      { token, json: { text: 'x' } },
      () => ({ kind: 'err', ...refusal }),
    );
    expect(said).toMatchObject({ status: 429, headers: { 'retry-after': '3' }, json: { retryMs: 2_100 } });
    expect(parsed(said.headers.ratelimit)).toEqual({ requests: { r: 4, t: 1 }, [limit]: { r: 0, t: 3 } });
    expect(said.json).not.toHaveProperty('limit');
  },
);

test('R7 attempts to log in are told their policy, and of a refusal how long it lasts', async () => {
  const { rest } = limited();
  const json = { name: 'ada', password: 'something' };
  const wrong = await rest.send('POST /login', { json }, () => ({
    kind: 'err',
    code: 'unauthorized',
    message: 'no',
  }));
  expect(parsed(wrong.headers['ratelimit-policy'])).toEqual({
    address: { q: 120, w: 60 },
    name: { q: 10, w: 60 },
  });
  expect(wrong.headers).not.toHaveProperty('ratelimit');
  const refused = await rest.send('POST /login', { json }, () => ({
    ...{ kind: 'err', code: 'rate_limited', message: 'no', retryMs: 41_001, limit: 'name' },
  }));
  expect(refused.headers).toMatchObject({ 'retry-after': '42', ratelimit: '"name";r=0;t=42' });
  const free = await rest.send('GET /ping');
  expect(Object.keys(free.headers).filter((name) => name.startsWith('ratelimit'))).toEqual([]);
});

test('R7 whatever is 429 or 503 says when to come back', async () => {
  const { rest, token } = limited();
  for (const code of ['overloaded', 'rate_limited'] as const) {
    const said = await rest.send('GET /me', { token }, () => ({
      kind: 'err',
      code,
      message: 'x',
      retryMs: 1,
    }));
    expect(said.headers['retry-after']).toBe('1');
  }
  const lost = await rest.send('GET /me', { token }, () => ({
    kind: 'err',
    code: 'unavailable',
    message: 'x',
  }));
  expect(lost).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  rest.readiness = { ready: false, checks: {} };
  expect(await rest.send('GET /readyz')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  const busy = rest.rest.overloaded({
    ...{ method: 'GET', path: '/me', query: new URLSearchParams(), body: new Uint8Array(), address: '::1' },
    header: () => undefined,
  });
  expect(busy).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
});

test('R7 pages of other origins may read the fields', async () => {
  const rest = new RestHarness({ allowedOrigins: ['*'] });
  const { headers } = await rest.send('GET /ping', { headers: { origin: 'https://app.example' } });
  expect(headers['access-control-expose-headers']).toMatch(/retry-after, ratelimit, ratelimit-policy/);
});
