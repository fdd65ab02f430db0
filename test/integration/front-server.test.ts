/** The real server: uWebSockets.js, real sockets, a shard that the test plays. */
import net from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ToShard } from '#src/threads/messages.js';
import { closeCodes } from '#src/wire/codes.js';
import { wireLimits } from '#src/wire/limits.js';
import { isError, messageEvent, testId } from '#test/support/front-harness.js';
import { SlowClient, startTestServer, TestClient, type TestServer } from '#test/support/front-server.js';

const user = testId(1);
const other = testId(2);
const room = testId(100);
const quiet = testId(101);

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => {
  server.close();
  expect(server.faults).toEqual([]);
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A shard that lets everybody subscribe at head 0 and acks the rest. */
function obligingShard(message: ToShard): void {
  if (!('request' in message)) return;
  const { request } = message;
  if (message.kind === 'subscribe') {
    server.say({ kind: 'subscribed', request, conv: message.conv, head: 0, backlog: { kind: 'none' } });
  } else if (message.kind === 'call')
    server.say({ kind: 'answer', request, output: { service: message.service } });
  else if (message.kind === 'send') server.say({ kind: 'ack', request, id: message.id, seq: 1, at: 5 });
  else server.say({ kind: 'ack', request, seq: 1 });
}

async function statusOfUpgrade(options: ConstructorParameters<typeof TestClient>[1]): Promise<number> {
  const client = new TestClient(server.port, options);
  return new Promise((resolve) => {
    client.socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    client.socket.once('open', () => resolve(101));
  });
}

test('W1 the upgrade echoes the subprotocol it took, takes none as JSON, and refuses others with 400', async () => {
  const binary = new TestClient(server.port, { codec: 'msgpack', headers: bearer(user) });
  expect(await binary.next()).toMatchObject({ ev: 'hello', user });
  expect(binary.socket.protocol).toBe('nubo.v1.msgpack');
  const plain = new TestClient(server.port, { protocols: [], headers: bearer(user) });
  expect(await plain.next()).toMatchObject({ ev: 'hello', user });
  expect(plain.socket.protocol).toBe('');
  expect(await statusOfUpgrade({ protocols: ['mqtt'] })).toBe(400);
  expect(await statusOfUpgrade({ headers: { origin: 'https://evil.example' } })).toBe(403);
  expect(await statusOfUpgrade({ headers: { origin: 'https://app.example' } })).toBe(101);
  expect(await statusOfUpgrade({ headers: { origin: `http://127.0.0.1:${server.port}` } })).toBe(101);
});

test('W5 a token counts in the header and in auth, a bad one ends in 4502, one in the query is not looked at', async () => {
  const byFrame = new TestClient(server.port);
  await byFrame.opened();
  byFrame.send({ op: 'auth', ref: 1, token: user });
  expect(await byFrame.next()).toMatchObject({ ev: 'hello', user });
  expect(await byFrame.next()).toEqual({ ack: 1 });
  const { sessions } = server.front.stats();
  const bad = new TestClient(server.port, { headers: bearer('bad') });
  expect(await bad.next()).toMatchObject({ err: null, code: 'unauthorized' });
  expect(await bad.closed).toMatchObject({ code: closeCodes.unauthorized.code });
  expect(server.front.stats().sessions).toBe(sessions);
  const byQuery = new TestClient(server.port, { path: `/ws?token=${user}&access_token=${user}` });
  await byQuery.opened();
  byQuery.send({ op: 'ping', ref: 1 });
  expect(await byQuery.next()).toMatchObject({ err: 1, code: 'unauthorized' });
});

test('W2 64 KiB is a frame, 64 KiB + 1 is bad_frame and 4500, and the neighbour does not notice', async () => {
  const neighbour = await TestClient.live(server.port, other);
  for (const codec of ['json', 'msgpack'] as const) {
    const client = await TestClient.live(server.port, user, codec);
    // JSON: a text that pads the frame; msgpack: spaces are numbers, so one string of the right length.
    const frame = (bytes: number) =>
      codec === 'json'
        ? JSON.stringify({
            op: 'ping',
            ref: 1,
            pad: 'x'.repeat(bytes - JSON.stringify({ op: 'ping', ref: 1, pad: '' }).length),
          })
        : Buffer.concat([
            Buffer.from([0x93, 2, 1, 0xdb, 0, 0, (bytes - 8) >> 8, (bytes - 8) & 255]),
            Buffer.alloc(bytes - 8, 0x78),
          ]);
    client.socket.send(frame(wireLimits.frameBytesMax));
    expect(await client.next()).toMatchObject({ ack: 1 });
    client.socket.send(frame(wireLimits.frameBytesMax + 1));
    expect(await client.next()).toMatchObject({ err: null, code: 'bad_frame' });
    expect(await client.closed).toMatchObject({ code: closeCodes.bad_frame.code });
  }
  neighbour.send({ op: 'ping', ref: 1 });
  expect(await neighbour.next()).toMatchObject({ ack: 1 });
});

test('W7 W10 operations are acked and events reach the subscribers of both codecs, in order', async () => {
  server.onPost = obligingShard;
  const browser = await TestClient.live(server.port, user, 'json');
  const phone = await TestClient.live(server.port, other, 'msgpack');
  for (const client of [browser, phone]) {
    client.send({ op: 'subscribe', ref: 1, conv: room });
    expect(await client.next()).toEqual({ ack: 1, conv: room, head: 0 });
    expect(await client.next()).toEqual({ ev: 'resumed', conv: room, upTo: 0 });
  }
  browser.send({ op: 'send', ref: 2, id: testId(7), conv: room, text: 'grüß 🦊' });
  expect(await browser.next()).toEqual({ ack: 2, id: testId(7), seq: 1, at: 5 });
  const events = [1, 2, 3].map((seq) => messageEvent(room, seq, 'grüß 🦊'));
  for (const event of events) server.say({ kind: 'publish', conv: room, events: [event] });
  for (const client of [browser, phone]) {
    for (const event of events) expect(await client.next()).toEqual(event);
  }
});

test('W7 W10 in one turn the answer to subscribe precedes the events after it', async () => {
  let request = 0;
  server.onPost = (message) => {
    if (message.kind === 'subscribe') request = message.request;
    if (message.kind !== 'send') return;
    server.say(
      {
        kind: 'subscribed',
        request,
        conv: room,
        head: 5,
        backlog: { kind: 'events', events: [messageEvent(room, 5)] },
      },
      { kind: 'publish', conv: room, events: [messageEvent(room, 6)] },
      { kind: 'ack', request: message.request, seq: 6 },
    );
  };
  const client = await TestClient.live(server.port, user, 'msgpack');
  client.send(
    { op: 'subscribe', ref: 1, conv: room, have: 4 },
    { op: 'send', ref: 2, id: testId(7), conv: room, text: 'x' },
  );
  const heard = [];
  for (let index = 0; index < 5; index += 1) heard.push(await client.next());
  expect(heard.slice(0, 3)).toEqual([
    { ack: 1, conv: room, head: 5 },
    messageEvent(room, 5),
    { ev: 'resumed', conv: room, upTo: 5 },
  ]);
  expect(heard.slice(3)).toContainEqual(messageEvent(room, 6));
  expect(heard.slice(3)).toContainEqual({ ack: 2, seq: 6 });
});

test('R6 who is removed hears the removal and then nothing, over the real topics', async () => {
  server.onPost = obligingShard;
  const staying = await TestClient.live(server.port, user);
  const removed = await TestClient.live(server.port, other);
  for (const client of [staying, removed]) {
    client.send({ op: 'subscribe', ref: 1, conv: room });
    await client.next();
    await client.next();
  }
  const removal = {
    ev: 'member.remove',
    conv: room,
    seq: 2,
    number: 1,
    id: testId(9),
    from: user,
    at: 1,
    user: other,
  } as const;
  server.say({
    kind: 'publish',
    conv: room,
    events: [messageEvent(room, 1), removal, messageEvent(room, 3)],
  });
  for (const seq of [1, 2, 3]) expect(await staying.next()).toMatchObject({ seq });
  for (const seq of [1, 2]) expect(await removed.next()).toMatchObject({ seq });
  expect(await removed.next()).toEqual({ ev: 'unsubscribed', conv: room });
  removed.send({ op: 'ping', ref: 5 });
  expect(await removed.next()).toMatchObject({ ack: 5 });
});

/** Publishes, a few in a turn, until the server counts a dropped frame; returns the last seq. */
async function fillUntilDropped(conv: string, from: number): Promise<number> {
  const text = 'x'.repeat(4_000);
  const before = server.front.counters.framesDropped;
  for (let seq = from; seq < from + 20_000; seq += 1) {
    server.say({ kind: 'publish', conv, events: [messageEvent(conv, seq, text)] });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (server.front.counters.framesDropped > before) return seq;
  }
  throw new Error('nothing was dropped');
}

test('W15 P6 a real slow reader is told the range it lacks, also when the last frame of the room was dropped', async () => {
  server.onPost = obligingShard;
  const slow = await SlowClient.live(server.port, user);
  const fast = await TestClient.live(server.port, other);
  for (const conv of [room, quiet]) slow.send({ op: 'subscribe', ref: 1, conv });
  await slow.until((message) => 'ev' in message && message.ev === 'resumed' && message.conv === quiet);
  fast.send({ op: 'subscribe', ref: 1, conv: room });
  await fast.next();
  await fast.next();
  slow.socket.pause();
  const last = await fillUntilDropped(room, 1);
  // In another room, and in the same turn: dropped behind the first or never sent.
  server.say({ kind: 'publish', conv: quiet, events: [messageEvent(quiet, 1)] });
  for (let seq = 1; seq <= last; seq += 1) expect(await fast.next()).toMatchObject({ seq });
  await new Promise((resolve) => setTimeout(resolve, 50));
  slow.socket.resume();
  const heard = await slow.until(
    (message) => 'ev' in message && message.ev === 'gap' && message.conv === quiet,
  );
  expect(slow.isClosed).toBe(false);
  const seqs = heard.flatMap((message) =>
    'ev' in message && message.ev === 'message.new' && message.conv === room ? [message.seq] : [],
  );
  const gap = heard.find((message) => 'ev' in message && message.ev === 'gap' && message.conv === room);
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
  expect(gap).toEqual({ ev: 'gap', conv: room, have: seqs.length, head: last });
  // Live again, without a hole.
  server.say({ kind: 'publish', conv: room, events: [messageEvent(room, last + 1)] });
  await slow.until((message) => 'seq' in message && message.seq === last + 1);
  expect(slow.isClosed).toBe(false);
  slow.socket.destroy();
});

test('W15 P6 many rooms in one turn to a reader that stops in the middle: heard or told, for each room', async () => {
  server.onPost = obligingShard;
  const slow = await SlowClient.live(server.port, user);
  const rooms = Array.from({ length: 60 }, (_, index) => testId(200 + index));
  slow.send(...rooms.map((conv, ref) => ({ op: 'subscribe', ref, conv }) as const));
  await slow.until((message) => 'ev' in message && message.ev === 'resumed' && message.conv === rooms.at(-1));
  slow.socket.pause();
  const text = 'y'.repeat(3_000);
  let rounds = 0;
  while (server.front.counters.framesDropped === 0) {
    rounds += 1;
    for (const conv of rooms)
      server.say({ kind: 'publish', conv, events: [messageEvent(conv, rounds, text)] });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (rounds > 1_000) throw new Error('nothing was dropped');
  }
  expect(server.front.counters.framesDropped).toBeLessThan(rooms.length);
  slow.socket.resume();
  await slow.until((message) => 'ev' in message && message.ev === 'gap' && message.conv === rooms.at(-1));
  expect(slow.isClosed).toBe(false);
  slow.send({ op: 'ping', ref: 10_000 });
  const heard = await slow.until((message) => 'ack' in message && message.ack === 10_000);
  for (const conv of rooms) {
    const seqs = heard.flatMap((message) =>
      'seq' in message && 'conv' in message && message.conv === conv ? [message.seq] : [],
    );
    const gaps = heard.flatMap((message) =>
      'ev' in message && message.ev === 'gap' && message.conv === conv ? [message] : [],
    );
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
    if (seqs.length < rounds) {
      expect(gaps.length).toBe(1);
      expect(gaps[0]?.have).toBeLessThanOrEqual(seqs.length);
      expect(gaps[0]?.head).toBe(rounds);
    }
  }
  slow.socket.destroy();
});

test('W15 a reader that never reads its answers is closed with 4003, told when it reads again', async () => {
  server.onPost = (message) => {
    if (message.kind !== 'history') return;
    const events = [messageEvent(room, 1, 'z'.repeat(32_000))];
    server.say({ kind: 'ack', request: message.request, events });
  };
  const slow = await SlowClient.live(server.port, user);
  slow.socket.pause();
  for (let ref = 0; ref < 2_000 && server.front.counters.connectionsClosed.slow === 0; ref += 1) {
    slow.send({ op: 'ping', ref }, { op: 'history', ref: 5_000 + ref, conv: room });
    if (ref % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // History is refused before the buffer is full; small answers then fill the rest.
  for (let ref = 0; server.front.counters.connectionsClosed.slow === 0; ref += 1) {
    slow.send(...Array.from({ length: 200 }, (_, index) => ({ op: 'ping', ref: index }) as const));
    await new Promise((resolve) => setImmediate(resolve));
    if (ref > 5_000) throw new Error('it was never closed');
  }
  slow.socket.resume();
  await slow.untilClosed();
  expect(slow.closeCode).toBe(closeCodes.slow.code);
});

test('O4 draining refuses new sockets and closes the others with 4000', async () => {
  const clients = await Promise.all([1, 2, 3].map((index) => TestClient.live(server.port, testId(index))));
  const drained = server.front.drain(100);
  expect(await statusOfUpgrade({ headers: bearer(user) })).toBe(503);
  for (const client of clients) expect(await client.closed).toEqual({ code: 4000, reason: 'windowMs=100' });
  await drained;
  server.stopListening();
  await expect(new TestClient(server.port).opened()).rejects.toThrow(/ECONNREFUSED/);
});

test('R1 R2 REST over real HTTP: happy, sad, HEAD, too large, wrong type', async () => {
  server.onPost = obligingShard;
  const base = `http://127.0.0.1:${server.port}`;
  const ping = await fetch(`${base}/ping`);
  expect(ping.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await ping.json()).toEqual({ message: 'pong' });
  const head = await fetch(`${base}/ping`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '18']);
  const headers = { ...bearer(user), 'content-type': 'application/json', 'idempotency-key': testId(8) };
  const sent = await fetch(`${base}/conversations/${room}/messages`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ text: 'hi' }),
  });
  expect(sent.status).toBe(201);
  expect(await sent.json()).toEqual({ id: testId(8), seq: 1, at: 5 });
  const read = await fetch(`${base}/conversations/${room}/read`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ seq: 1 }),
  });
  expect([read.status, await read.text()]).toEqual([204, '']);
  const unauthorized = await fetch(`${base}/me`);
  expect(unauthorized.status).toBe(401);
  expect(unauthorized.headers.get('content-type')).toBe('application/problem+json');
  const large = await fetch(`${base}/login`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: 'x'.repeat(70_000) }),
  });
  expect(large.status).toBe(413);
  const chunked = await fetch(`${base}/login`, {
    method: 'POST',
    headers,
    duplex: 'half',
    body: new ReadableStream({
      start(controller) {
        for (let index = 0; index < 10; index += 1) controller.enqueue(Buffer.alloc(10_000, 0x20));
        controller.close();
      },
    }),
  } as RequestInit);
  expect(chunked.status).toBe(413);
  expect((await fetch(`${base}/login`, { method: 'POST', body: 'x' })).status).toBe(415);
  expect((await fetch(`${base}/ws`)).status).toBe(426);
  expect((await fetch(`${base}/nothing`)).status).toBe(404);
});

test('R1 a client that goes away in the middle of its request or before its answer does no harm', async () => {
  let asked = 0;
  server.onPost = () => {
    asked += 1;
  };
  for (const text of [
    `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na`,
    `GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user}\r\n\r\n`,
  ]) {
    const socket = net.connect({ port: server.port, host: '127.0.0.1' });
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(text);
    if (text.startsWith('GET')) await expect.poll(() => asked).toBe(1);
    socket.destroy();
  }
  expect((await fetch(`http://127.0.0.1:${server.port}/ping`)).status).toBe(200);
});

test('H5 a revocation closes the real socket with 4503 within a second', async () => {
  const client = await TestClient.live(server.port, user);
  const revocation = { subject: 'user', value: user, since: Date.now(), until: Date.now() + 1e6 } as const;
  const startedAt = Date.now();
  server.say({ kind: 'revoked', revocation });
  expect(await client.closed).toMatchObject({ code: closeCodes.session_ended.code });
  expect(Date.now() - startedAt).toBeLessThan(1_000);
});

test('W16 what cannot be an operation is answered and the socket stays', async () => {
  const client = await TestClient.live(server.port, user);
  client.socket.send(JSON.stringify({ op: 'send', ref: 1, id: testId(1), conv: room, text: 5 }));
  const answer = await client.next();
  expect(isError(answer) && answer.code).toBe('invalid');
  client.send({ op: 'ping', ref: 2 });
  expect(await client.next()).toMatchObject({ ack: 2 });
});
