/** One socket from its first frame to its close. */
import { expect, test } from 'vitest';
import { NuboError } from '#src/errors.js';
import { chooseProtocol, isOriginAllowed } from '#src/front/upgrade.js';
import type { ToShard } from '#src/threads/messages.js';
import { encodeOperations } from '#src/wire/codec.js';
import { closeCodes } from '#src/wire/codes.js';
import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import {
  type FakeClient,
  FrontHarness,
  isAck,
  isError,
  startAt,
  testId,
} from '#test/support/front-harness.js';

const user = testId(1);
const other = testId(2);
const conv = testId(100);

function send(ref: number, id = ref): Operation<'send'> {
  return { op: 'send', ref, id: testId(1000 + id), conv, text: `text ${ref}` };
}

test('W1 takes the first subprotocol it speaks, JSON without any, and nothing else', () => {
  expect(chooseProtocol('nubo.v1.msgpack, nubo.v1.json')).toEqual({
    codec: 'msgpack',
    protocol: 'nubo.v1.msgpack',
  });
  expect(chooseProtocol('mqtt,nubo.v1.json')).toEqual({ codec: 'json', protocol: 'nubo.v1.json' });
  expect(chooseProtocol('nubo.v1.msgpack')).toEqual({ codec: 'msgpack', protocol: 'nubo.v1.msgpack' });
  expect(chooseProtocol('nubo.v1.json')).toEqual({ codec: 'json', protocol: 'nubo.v1.json' });
  expect(chooseProtocol('')).toEqual({ codec: 'json', protocol: '' });
  expect(chooseProtocol('mqtt')).toBeUndefined();
  expect(chooseProtocol('constructor')).toBeUndefined();
});

test('W1 lets in pages of this host and of allowed origins, and clients that name none', () => {
  expect(isOriginAllowed('', 'chat.example', [])).toBe(true);
  expect(isOriginAllowed('https://chat.example', 'chat.example', [])).toBe(true);
  expect(isOriginAllowed('http://localhost:8080', 'localhost:8080', [])).toBe(true);
  expect(isOriginAllowed('http://localhost:8081', 'localhost:8080', [])).toBe(false);
  expect(isOriginAllowed('https://evil.example', 'chat.example', [])).toBe(false);
  expect(isOriginAllowed('https://evil.example', 'chat.example', ['https://evil.example'])).toBe(true);
  expect(isOriginAllowed('https://any.example', 'chat.example', ['*'])).toBe(true);
  expect(isOriginAllowed('null', 'chat.example', [])).toBe(false);
});

test('W4 W5 a token in the header makes the socket live: hello comes first', async () => {
  const harness = new FrontHarness();
  const client = harness.connect({ token: harness.token(user), codec: 'json' });
  client.send({ op: 'ping', ref: 1 });
  expect(client.heard()).toEqual([]);
  await harness.settle();
  const [hello, pong, ...rest] = client.heard();
  expect(hello).toEqual({
    ev: 'hello',
    session: `session-of-${user}`,
    user,
    at: startAt,
    heartbeatMs: wireLimits.heartbeatMs,
    limits: wireLimits,
  });
  expect(pong).toEqual({ ack: 1, at: startAt });
  expect(rest).toEqual([]);
  expect(harness.takePosted()).toEqual([]);
});

test('W4 W5 a token that nobody has to be asked about makes the socket live before its first frame', () => {
  const harness = new FrontHarness();
  harness.isVerifiedAtOnce = true;
  const client = harness.connect({ token: harness.token(user) });
  expect(client.heard()).toEqual([expect.objectContaining({ ev: 'hello', user })]);
  client.send({ op: 'ping', ref: 1 });
  expect(client.heard()).toEqual([{ ack: 1, at: startAt }]);
  expect(harness.front.stats()).toMatchObject({ sessions: 1, users: 1 });
});

test('W5 H5 a token that is refused at once ends its socket with 4502 and leaves nothing behind', async () => {
  const harness = new FrontHarness();
  harness.isVerifiedAtOnce = true;
  const revoked = harness.token(user);
  harness.front.onShardMessages(0, [
    {
      kind: 'revoked',
      revocation: { subject: 'user', value: user, since: startAt, until: startAt + 3_600_000 },
    },
  ]);
  for (const token of ['wrong', revoked]) {
    const client = harness.connect({ token });
    expect(client.heard()).toEqual([expect.objectContaining({ err: null, code: 'unauthorized' })]);
    expect(client.socket.closed?.code).toBe(closeCodes.unauthorized.code);
    client.session.onClose();
  }
  expect(harness.front.stats()).toMatchObject({ sessions: 0, users: 0 });
});

test('W7 W5 an auth operation that is known at once answers what follows in its frame, good or bad', async () => {
  const harness = new FrontHarness();
  harness.isVerifiedAtOnce = true;
  const good = harness.connect();
  good.send({ op: 'auth', ref: 1, token: harness.token(user) }, { op: 'ping', ref: 2 });
  const bad = harness.connect();
  bad.send({ op: 'auth', ref: 1, token: 'wrong' }, { op: 'ping', ref: 2 });
  await harness.settle();
  expect(good.heard().slice(1)).toEqual([{ ack: 1 }, { ack: 2, at: startAt }]);
  expect(
    bad
      .heard()
      .filter(isError)
      .map(({ err }) => err),
  ).toEqual([1, 2]);
});

test('W4 W5 a token in an auth operation does the same, and what came before it is unauthorized', async () => {
  const harness = new FrontHarness();
  const client = harness.connect();
  client.send(send(1));
  expect(client.heard()).toEqual([expect.objectContaining({ err: 1, code: 'unauthorized' })]);
  expect(harness.posted).toEqual([]);
  client.send({ op: 'auth', ref: 2, token: harness.token(user) }, send(3));
  await harness.settle();
  const heard = client.heard();
  expect(heard[0]).toMatchObject({ ev: 'hello', user });
  expect(heard[1]).toEqual({ ack: 2 });
  expect(harness.takePosted().map(({ kind }) => kind)).toEqual(['send']);
});

test('P7 a refusal of an operation before anybody looked says nothing of stored', async () => {
  const harness = new FrontHarness();
  const client = harness.connect();
  client.send(send(1));
  client.send({ op: 'auth', ref: 2, token: 'wrong' }, send(3));
  await harness.settle();
  const errors = client.heard().filter(isError);
  expect(errors.map(({ err }) => err)).toEqual([1, 2, 3]);
  for (const error of errors) expect(error).not.toHaveProperty('stored');
  expect(client.socket.closed?.code).toBe(closeCodes.unauthorized.code);
});

test('W5 the front waits for no more operations than its bound while it verifies', async () => {
  const harness = new FrontHarness({ limits: { waitingOperationsMax: 2 } });
  const client = harness.connect({ token: harness.token(user) });
  client.send({ op: 'ping', ref: 1 }, { op: 'ping', ref: 2 }, { op: 'ping', ref: 3 });
  const [refusal, ...none] = client.heard();
  expect(refusal).toMatchObject({ err: 3, code: 'overloaded', retryMs: expect.any(Number) });
  expect(none).toEqual([]);
  await harness.settle();
  expect(client.heard().filter(isAck)).toEqual([
    { ack: 1, at: startAt },
    { ack: 2, at: startAt },
  ]);
});

test('W5 a key server that does not answer is no fault of the token: 4004, come back', async () => {
  const harness = new FrontHarness();
  harness.tokens.set(
    'late',
    new NuboError('unavailable', 'The JWKS address did not answer.', { retryMs: 2000 }),
  );
  const client = harness.connect({ token: 'late' });
  await harness.settle();
  expect(client.heard()).toEqual([
    expect.objectContaining({ err: null, code: 'unavailable', retryMs: 2000 }),
  ]);
  expect(client.socket.closed?.code).toBe(closeCodes.restarted.code);
});

test('W5 closes with 4001 within a second of exp, and not before', async () => {
  const harness = new FrontHarness();
  const client = harness.connect({ token: harness.token(user, { expiresAt: startAt + 10_000 }) });
  await harness.settle();
  harness.advance(9_999);
  expect(client.socket.closed).toBeUndefined();
  harness.advance(1_000);
  expect(client.socket.closed?.code).toBe(closeCodes.token_expired.code);
  expect(harness.front.stats().users).toBe(0);
});

test('W5 a new token of the same user lengthens the socket, one of another user is refused', async () => {
  const harness = new FrontHarness();
  const client = harness.connect({ token: harness.token(user, { expiresAt: startAt + 10_000 }) });
  await harness.settle();
  client.heard();
  client.send({ op: 'auth', ref: 1, token: harness.token(other) });
  await harness.settle();
  expect(client.heard()).toEqual([expect.objectContaining({ err: 1, code: 'forbidden' })]);
  client.send({ op: 'auth', ref: 2, token: 'wrong' });
  await harness.settle();
  expect(client.heard()).toEqual([expect.objectContaining({ err: 2, code: 'unauthorized' })]);
  client.send({ op: 'auth', ref: 3, token: harness.token(user, { expiresAt: startAt + 50_000 }) });
  await harness.settle();
  expect(client.heard()).toEqual([{ ack: 3 }]);
  harness.advance(29_000);
  client.send({ op: 'ping', ref: 4 });
  expect(client.socket.closed).toBeUndefined();
  harness.advance(22_000);
  expect(client.socket.closed?.code).toBe(closeCodes.token_expired.code);
});

test('W6 a socket that has not authenticated after 10 s is closed with 4501', async () => {
  const harness = new FrontHarness();
  const silent = harness.connect();
  const live = await harness.live(user);
  harness.advance(wireLimits.authenticateMs - 1);
  expect(silent.socket.closed).toBeUndefined();
  harness.advance(1_000);
  expect(silent.socket.closed?.code).toBe(closeCodes.not_authenticated.code);
  expect(live.socket.closed).toBeUndefined();
});

test('W3 W7 many operations in one frame are answered in one frame a turn, each once', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.takePosted();
  client.send(send(1), send(2), send(3));
  const requests = harness.takePosted().map((message) => ('request' in message ? message.request : 0));
  expect(new Set(requests).size).toBe(3);
  for (const request of requests) expect(request % 256).toBe(3);
  const [first = 0, second = 0, third = 0] = requests;
  harness.answer(
    { kind: 'ack', request: second, id: testId(1002), seq: 1, at: startAt },
    { kind: 'err', request: first, code: 'forbidden', message: 'no', stored: false },
  );
  harness.answer({ kind: 'ack', request: third, id: testId(1003), seq: 2, at: startAt });
  expect(client.socket.frames).toEqual([]);
  harness.endTurn();
  expect(client.socket.takeFrames()).toEqual([
    [
      { ack: 2, id: testId(1002), seq: 1, at: startAt },
      { err: 1, code: 'forbidden', message: 'no', stored: false },
      { ack: 3, id: testId(1003), seq: 2, at: startAt },
    ],
  ]);
  // An answer that comes twice is told once.
  harness.answer({ kind: 'ack', request: third, id: testId(1003), seq: 2, at: startAt });
  harness.endTurn();
  expect(client.heard()).toEqual([]);
});

test('W7 P1 acks of a batch, which come as columns, are each the answer to the operation in their own place', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.takePosted();
  client.send(send(1), send(2), send(3));
  const requests = harness.takePosted().map((message) => ('request' in message ? message.request : 0));
  const [first = 0, second = 0, third = 0] = requests;
  const acks = { kind: 'acks', at: startAt + 5 } as const;
  // The batch has them in an order of its own, among one that nobody waits for any more.
  harness.answer({
    ...{ ...acks, requests: Float64Array.of(third, 256 * 7 + 3, first) },
    seqs: Float64Array.of(11, 12, 13),
  });
  harness.answer({ ...acks, requests: Float64Array.of(second), seqs: Float64Array.of(14) });
  harness.endTurn();
  expect(client.heard()).toEqual([
    { ack: 3, id: testId(1003), seq: 11, at: startAt + 5, conv },
    { ack: 1, id: testId(1001), seq: 13, at: startAt + 5, conv },
    { ack: 2, id: testId(1002), seq: 14, at: startAt + 5, conv },
  ]);
  // Told once.
  harness.answer({ ...acks, requests: Float64Array.of(...requests), seqs: Float64Array.of(1, 2, 3) });
  harness.endTurn();
  expect(client.heard()).toEqual([]);
});

test('W7 turns each operation into what its shard understands', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.takePosted();
  const asker = { request: expect.any(Number), user };
  const durable = { ...asker, rate: 'standard' };
  client.send(
    {
      op: 'send',
      ref: 1,
      id: testId(1),
      conv,
      text: 'hi',
      type: 'image',
      metadata: { a: 1 },
      replyTo: testId(9),
    },
    { op: 'create', ref: 2, id: testId(2), type: 'group', title: 'Crew', members: [other] },
    { op: 'join', ref: 3, id: testId(3), conv },
    { op: 'leave', ref: 4, id: testId(4), conv },
    { op: 'add', ref: 5, id: testId(5), conv, member: other },
    { op: 'remove', ref: 6, id: testId(6), conv, member: other },
    { op: 'read', ref: 7, conv, seq: 12 },
    { op: 'history', ref: 8, conv, before: 50 },
    { op: 'subscribe', ref: 9, conv, have: 4 },
  );
  expect(harness.takePosted()).toEqual([
    {
      kind: 'send',
      ...durable,
      conv,
      id: testId(1),
      text: 'hi',
      type: 'image',
      metadata: { a: 1 },
      replyTo: testId(9),
    },
    {
      kind: 'create',
      ...durable,
      conv: testId(2),
      id: testId(2),
      type: 'group',
      title: 'Crew',
      members: [other],
    },
    { kind: 'join', ...durable, conv, id: testId(3) },
    { kind: 'leave', ...durable, conv, id: testId(4) },
    { kind: 'add', ...durable, conv, id: testId(5), member: other },
    { kind: 'remove', ...durable, conv, id: testId(6), member: other },
    { kind: 'read', ...asker, conv, seq: 12 },
    { kind: 'history', ...asker, conv, before: 50, limit: 50 },
    { kind: 'subscribe', ...asker, conv, have: 4 },
  ]);
});

test('W7 both users of a pair get the same direct conversation, and it names exactly one other', async () => {
  const harness = new FrontHarness();
  const one = await harness.live(user);
  const two = await harness.live(other);
  harness.takePosted();
  one.send({ op: 'create', ref: 1, id: testId(1), type: 'direct', members: [other] });
  two.send({ op: 'create', ref: 1, id: testId(2), type: 'direct', members: [user] });
  const convs = harness.takePosted().map((message) => ('conv' in message ? message.conv : ''));
  expect(convs[0]).toBe(convs[1]);
  for (const members of [[], [user], [other, testId(3)], undefined]) {
    one.send({
      op: 'create',
      ref: 2,
      id: testId(3),
      type: 'direct',
      ...(members === undefined ? {} : { members }),
    });
    expect(one.heard()).toEqual([{ err: 2, code: 'invalid', message: expect.any(String) }]);
  }
  expect(harness.takePosted()).toEqual([]);
});

test('W2 a bad frame is answered with bad_frame and closed with 4500, its neighbour is untouched', async () => {
  const harness = new FrontHarness();
  for (const frame of [
    Buffer.from([0xc1]),
    Buffer.alloc(wireLimits.frameBytesMax + 1, 0xc0),
    Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.from([0xc0])]),
  ]) {
    const client = await harness.live(user);
    const neighbour = await harness.live(other);
    client.raw(frame);
    expect(client.heard()).toEqual([expect.objectContaining({ err: null, code: 'bad_frame' })]);
    expect(client.socket.closed?.code).toBe(closeCodes.bad_frame.code);
    neighbour.send({ op: 'ping', ref: 1 });
    expect(neighbour.heard()).toEqual([{ ack: 1, at: startAt }]);
  }
});

test('W16 a wrong operation is invalid and changes nothing, those beside it are taken', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user, { codec: 'json' });
  harness.takePosted();
  client.raw(
    JSON.stringify([
      { op: 'send', ref: 1, id: testId(1), conv, text: 'nul \u0000' },
      { op: 'send', ref: 2, id: 'no id', conv, text: 'x' },
      { op: 'dance', ref: 3 },
      { op: 'ping', ref: 4 },
      { op: 'history', ref: 5, conv, before: 1, after: 2 },
    ]),
  );
  expect(client.heard()).toEqual([
    { err: 1, code: 'invalid', message: expect.any(String) },
    { err: 2, code: 'invalid', message: expect.any(String) },
    expect.objectContaining({ err: 3, code: 'invalid' }),
    { ack: 4, at: startAt },
    expect.objectContaining({ err: 5, code: 'invalid' }),
  ]);
  expect(harness.takePosted()).toEqual([]);
  expect(client.socket.closed).toBeUndefined();
});

test('W14 ping is answered at once with the time of the server', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.now += 77;
  client.send({ op: 'ping', ref: 5 });
  expect(client.heard()).toEqual([{ ack: 5, at: startAt + 77 }]);
});

test('A9 a shard without credits, and too many operations under way, are told at once without stored', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.full.add(0);
  client.send(send(1), { op: 'subscribe', ref: 2, conv }, { op: 'typing.start', ref: 3, conv });
  const errors = client.heard().filter(isError);
  expect(errors.map(({ err }) => err)).toEqual([1, 2, 3]);
  for (const error of errors) {
    expect(error).toMatchObject({ code: 'overloaded', retryMs: expect.any(Number) });
    expect(error).not.toHaveProperty('stored');
  }
  expect(harness.front.stats()).toMatchObject({ requests: 0, topics: 0 });

  harness.full.clear();
  for (let ref = 0; ref < wireLimits.socketRequestsMax; ref += 1) client.send(send(ref));
  expect(client.heard()).toEqual([]);
  client.send(send(5000));
  expect(client.heard()).toEqual([expect.objectContaining({ err: 5000, code: 'overloaded' })]);
  // Room again after one answer.
  harness.answer({ kind: 'ack', request: harness.request('send').request, seq: 1 });
  client.send(send(5001));
  harness.endTurn();
  expect(client.heard()).toHaveLength(1);
});

test('P7 the operations of a shard that died are unknown, those of others go on', async () => {
  const shardOf = (id: string) => (id === conv ? 1 : 0);
  const harness = new FrontHarness({ placement: { count: 2, shardOf } });
  const client = await harness.live(user);
  client.send(send(1), { ...send(2), conv: testId(200) });
  const untouched = harness.request('send').request;
  harness.front.shardGone(1);
  harness.endTurn();
  const [lost, ...none] = client.heard();
  expect(lost).toMatchObject({ err: 1, code: 'unavailable', retryMs: expect.any(Number) });
  expect(lost).not.toHaveProperty('stored');
  expect(none).toEqual([]);
  // New ones are refused at once until it is back, and go to nobody.
  harness.takePosted();
  client.send(send(3));
  expect(client.heard()).toEqual([expect.objectContaining({ err: 3, code: 'unavailable' })]);
  expect(harness.takePosted()).toEqual([]);
  harness.answer({ kind: 'ack', request: untouched, seq: 7 });
  harness.front.shardBack(1);
  client.send(send(4));
  harness.endTurn();
  expect(client.heard()).toEqual([{ ack: 2, seq: 7 }]);
  expect(harness.takePosted()).toMatchObject([{ kind: 'recollection' }, { kind: 'send', conv }]);
});

test('H5 a revocation closes the sockets it concerns at once, and no other', async () => {
  const harness = new FrontHarness();
  const minted = { session: undefined, jti: 'j1' } as { session?: string; jti: string };
  const concerned = harness.connect({ token: harness.token(user, minted) });
  const sameUser = harness.connect({ token: harness.token(user) });
  const stranger = await harness.live(other);
  const renewed = harness.connect({ token: harness.token(user, { issuedAt: startAt + 10 }) });
  await harness.settle();
  const revocation = { since: startAt + 5, until: startAt + 1e9 };
  harness.answer({ kind: 'revoked', revocation: { ...revocation, subject: 'jti', value: 'j1' } });
  expect(concerned.socket.closed?.code).toBe(closeCodes.session_ended.code);
  expect(sameUser.socket.closed).toBeUndefined();
  harness.answer({ kind: 'revoked', revocation: { ...revocation, subject: 'user', value: user } });
  expect(sameUser.socket.closed?.code).toBe(closeCodes.session_ended.code);
  // Issued after it: not concerned.
  expect(renewed.socket.closed).toBeUndefined();
  expect(stranger.socket.closed).toBeUndefined();
});

test('H5 a token revoked while it is verified does not come in', async () => {
  const harness = new FrontHarness();
  const token = harness.token(user, { subject: { sub: 'u1' } });
  const client = harness.connect({ token });
  await harness.settle();
  const { request } = harness.request('call');
  const revocation = { subject: 'user', value: user, since: startAt, until: startAt + 1e9 } as const;
  harness.answer({ kind: 'revoked', revocation });
  harness.answer({ kind: 'answer', request, output: { user } });
  await harness.settle();
  expect(client.heard()).toEqual([expect.objectContaining({ err: null, code: 'unauthorized' })]);
  expect(client.socket.closed?.code).toBe(closeCodes.unauthorized.code);
});

test('H6 a user of the application is introduced to the store once, before hello', async () => {
  const harness = new FrontHarness();
  const token = harness.token(user, { subject: { sub: 'Ann', name: 'Ann A.' } });
  const first = harness.connect({ token });
  const second = harness.connect({ token });
  await harness.settle();
  const calls = harness.takePosted();
  expect(calls).toEqual([
    {
      kind: 'call',
      request: expect.any(Number),
      service: 'people.appear',
      input: { sub: 'Ann', name: 'Ann A.' },
    },
  ]);
  expect(first.heard()).toEqual([]);
  const request = calls[0] !== undefined && 'request' in calls[0] ? calls[0].request : 0;
  harness.answer({ kind: 'answer', request, output: { user } });
  await harness.settle();
  expect(first.heard()[0]).toMatchObject({ ev: 'hello', user });
  expect(second.heard()[0]).toMatchObject({ ev: 'hello', user });
  const third = harness.connect({ token });
  await harness.settle();
  expect(third.heard()[0]).toMatchObject({ ev: 'hello', user });
  expect(harness.takePosted()).toEqual([]);
});

test('W9 an idle socket is pinged, lives by its pong, and is closed with 4002 without one', async () => {
  const harness = new FrontHarness();
  const answering = await harness.live(user);
  const dead = await harness.live(other);
  harness.advance(wireLimits.heartbeatMs + 500);
  expect([answering.socket.pings, dead.socket.pings]).toEqual([1, 1]);
  answering.session.heard();
  harness.advance(wireLimits.heartbeatMs);
  expect(dead.socket.closed?.code).toBe(closeCodes.idle.code);
  expect(answering.socket.closed).toBeUndefined();
});

test('O4 draining closes every socket with 4000 in batches, and tells the window', async () => {
  const harness = new FrontHarness();
  const clients: FakeClient[] = [];
  for (let index = 0; index < 40; index += 1) clients.push(await harness.live(testId(500 + index)));
  let isDone = false;
  const drained = harness.front.drain(2_000).then(() => {
    isDone = true;
  });
  const closed = () => clients.filter(({ socket }) => socket.closed !== undefined).length;
  expect(closed()).toBe(2);
  harness.advance(1_000);
  expect(closed()).toBeGreaterThan(15);
  expect(closed()).toBeLessThan(30);
  await harness.settle();
  expect(isDone).toBe(false);
  harness.advance(1_100);
  await drained;
  expect(closed()).toBe(40);
  expect(clients[0]?.socket.closed).toEqual({ code: closeCodes.draining.code, reason: 'windowMs=2000' });
});

test('W11 a page of history that is too large keeps the events next to its place', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  const text = 'x'.repeat(30_000);
  const events = Array.from({ length: 20 }, (_, index) => ({
    ev: 'message.new' as const,
    conv,
    seq: index + 1,
    number: index + 1,
    id: testId(index),
    from: user,
    at: startAt,
    text,
  }));
  const page = (place: { before?: number; after?: number; around?: number }) => {
    client.send({ op: 'history', ref: 1, conv, ...place });
    harness.answer({ kind: 'ack', request: harness.request('history').request, events, head: 20 });
    harness.endTurn();
    const [ack] = client.heard().filter(isAck);
    return ack?.events?.map(({ seq }) => seq) ?? [];
  };
  expect(page({ after: 0 })).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(page({ before: 21 })).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  const around = page({ around: 10 });
  expect(around).toContain(10);
  expect(around).toHaveLength(8);
  expect(around).toEqual([...around].sort((a, b) => a - b));
});

test('W7 answers of a closed socket go nowhere', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send(send(1));
  const { request } = harness.request('send');
  client.socket.close(1006, '');
  client.raw(encodeOperations('msgpack', [send(2)]));
  harness.answer({ kind: 'ack', request, seq: 1 });
  harness.endTurn();
  expect(client.heard()).toEqual([]);
  expect(harness.front.stats().requests).toBe(0);
});

test('W17 W7 a query is answered with what its service says, refused as over REST, and counts while it waits', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user, { codec: 'json' });
  const found = { members: [{ user: other, role: 'owner', nickname: null, joinedAt: 5 }], next: null };
  client.send(
    { op: 'members', ref: 1, conv, limit: 7 },
    { op: 'pins', ref: 2, conv },
    { op: 'users', ref: 3 },
  );
  const [members, pins] = harness.takePosted() as Array<ToShard & { request: number; kind: 'call' }>;
  expect(members).toMatchObject({ service: 'members.list', input: { user, conv, limit: 7 } });
  expect(client.session.requestsOpen).toBe(3);
  harness.answer(
    { kind: 'err', request: pins?.request ?? 0, code: 'not_found', message: 'There is no such thing.' },
    { kind: 'answer', request: members?.request ?? 0, output: found },
  );
  await harness.settle();
  const heard = client.heard();
  expect(heard).toHaveLength(3);
  expect(heard).toContainEqual({ ack: 1, result: found });
  expect(heard).toContainEqual({ err: 2, code: 'not_found', message: 'There is no such thing.' });
  expect(heard).toContainEqual(expect.objectContaining({ err: 3, code: 'invalid', stored: false }));
  expect(client.session.requestsOpen).toBe(0);
});

test('W7 A10 a query of a shard that dies is answered, and one of a socket that has gone is forgotten', async () => {
  const harness = new FrontHarness();
  const [client, gone] = [await harness.live(user), await harness.live(other)];
  client.send({ op: 'me', ref: 1 });
  gone.send({ op: 'me', ref: 2 });
  gone.session.onClose();
  harness.front.shardGone(0);
  await harness.settle();
  expect(client.heard()).toEqual([
    expect.objectContaining({ err: 1, code: 'unavailable', retryMs: expect.any(Number) }),
  ]);
  expect(gone.heard()).toEqual([]);
  expect(harness.front.stats().requests).toBe(0);
});

test('W15 a query of a socket that has not read its last answer waits', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.socket.isReading = false;
  client.socket.buffered = 200 * 1024;
  client.send({ op: 'conversations', ref: 1 });
  expect(harness.takePosted()).toEqual([]);
  expect(client.heard()).toEqual([expect.objectContaining({ err: 1, code: 'overloaded' })]);
});
