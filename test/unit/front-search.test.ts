/** Search over a socket and over REST: the same question to the same shard, the same answer. */
import { expect, test } from 'vitest';
import type { FoundMessage } from '#src/threads/services.js';
import { FrontHarness, startAt, testId } from '#test/support/front-harness.js';
import { RestHarness } from '#test/support/rest-harness.js';

const user = testId(1);
const conv = testId(100);
const found: FoundMessage[] = [
  { conv, seq: 3, id: testId(7), from: user, at: startAt, snippet: 'a word', marks: [[2, 4]] },
];

test('F1 W7 a search on a socket is answered once, with what was found and where the next page begins', async () => {
  const harness = new FrontHarness();
  const client = harness.connect({ token: harness.token(user) });
  await harness.settle();
  client.heard();
  client.send({ op: 'search', ref: 4, q: 'word', conv, limit: 5 });
  const { request, ...call } = harness.request('call');
  const input = { user, q: 'word', conv, limit: 5 };
  expect(call).toEqual({ kind: 'call', service: 'search.messages', input });
  harness.answer({ kind: 'answer', request, output: { found, next: 'abc' } });
  await harness.settle();
  expect(client.heard()).toEqual([{ ack: 4, result: { found, next: 'abc' } }]);
  client.send({ op: 'search', ref: 5, q: 'nothing' });
  const second = harness.request('call');
  harness.answer({ kind: 'answer', request: second.request, output: { found: [], next: null } });
  client.send({ op: 'search', ref: 6, q: '-word' });
  const third = harness.request('call');
  harness.answer({ kind: 'err', request: third.request, code: 'invalid', message: 'q must name a word' });
  await harness.settle();
  expect(client.heard()).toEqual([
    { ack: 5, result: { found: [], next: null } },
    { err: 6, code: 'invalid', message: 'q must name a word' },
  ]);
});

test('F4 W16 what is too long, too many or no time is invalid, and reaches no shard', async () => {
  const harness = new FrontHarness();
  const client = harness.connect({ token: harness.token(user) });
  await harness.settle();
  client.heard();
  const wrong = [{ q: '' }, { q: 'x'.repeat(257) }, { q: 'x', limit: 51 }, { q: 'x', since: -1 }];
  for (const [ref, fields] of wrong.entries()) client.send({ op: 'search', ref, ...fields } as never);
  await harness.settle();
  expect(client.heard()).toEqual(
    wrong.map((_, ref) => expect.objectContaining({ err: ref, code: 'invalid' })),
  );
  const rest = new RestHarness();
  const token = rest.harness.token(user);
  for (const query of ['', 'q=', `q=${'x'.repeat(257)}`, 'q=x&limit=51', 'q=x&since=soon', 'q=x&from=me'])
    expect((await rest.send(`GET /search?${query}`, { token })).status).toBe(400);
  expect((await rest.send('GET /search?q=x')).status).toBe(401);
});

test('F1 R3 REST asks what a socket asks', async () => {
  const rest = new RestHarness();
  const token = rest.harness.token(user);
  const asked: unknown[] = [];
  const answers = (message: { kind: string; input?: unknown }) => {
    asked.push(message.input);
    return { kind: 'answer', output: { found, next: null } } as const;
  };
  const all = await rest.send(
    `GET /search?q=${encodeURIComponent('"été" -x')}&from=${user}&since=5&until=9&type=text&limit=3&cursor=abc`,
    { token },
    answers,
  );
  expect(all).toMatchObject({ status: 200, json: { found, next: null } });
  await rest.send(`GET /conversations/${conv}/search?q=word`, { token }, answers);
  expect(asked).toEqual([
    { user, q: '"été" -x', from: user, since: 5, until: 9, type: 'text', limit: 3, cursor: 'abc' },
    { user, q: 'word', conv },
  ]);
});
