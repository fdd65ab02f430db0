/** How fast one connection may ask, and what becomes of what is over it. */
import { expect, test } from 'vitest';
import type { ServerMessage } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import { FrontHarness, isAck, isError, testId } from '#test/support/front-harness.js';

const user = testId(1);
const conv = testId(100);
const limits = { connectionPerSecond: 100, connectionBurst: 200 };

const pings = (first: number, count: number): Operation[] =>
  Array.from({ length: count }, (_, place) => ({ op: 'ping', ref: first + place }));

function tally(heard: readonly ServerMessage[]) {
  const refused = heard.filter(isError);
  return {
    acks: heard.filter(isAck).length,
    refused: refused.length,
    codes: new Set(refused.map(({ code }) => code)),
  };
}

test('L17 W7 a flood over one socket has exactly one answer to each ref, and is never closed for it', async () => {
  const harness = new FrontHarness({ limits });
  for (const codec of ['json', 'msgpack'] as const) {
    const client = await harness.live(user, { codec });
    const answers = new Map<number, number>();
    const refs = 30_000;
    let ref = 0;
    let passed = 0;
    const listen = () => {
      for (const message of client.heard()) {
        if (!isAck(message) && !isError(message)) continue;
        const about = (isAck(message) ? message.ack : message.err) as number;
        answers.set(about, (answers.get(about) ?? 0) + 1);
        if (isError(message))
          expect(message).toMatchObject({ code: 'rate_limited', retryMs: expect.any(Number) });
        else passed += 1;
      }
    };
    while (ref < refs) {
      const batch: Operation[] = [];
      for (let place = 0; place < 250; place += 1, ref += 1)
        batch.push(
          ref % 2 === 0 ? { op: 'ping', ref } : { op: 'send', ref, id: testId(1000 + ref), conv, text: 'x' },
        );
      client.send(...batch);
      for (const message of harness.takePosted())
        if (message.kind === 'send')
          harness.answer({ kind: 'ack', request: message.request, id: message.id, seq: 1 });
      harness.endTurn();
      listen();
      harness.advance(250);
    }
    harness.endTurn();
    listen();
    expect(answers.size).toBe(refs);
    expect(new Set(answers.values())).toEqual(new Set([1]));
    // 30 s at 100 a second, and what it had at first.
    expect(passed).toBeGreaterThan(3000);
    expect(passed).toBeLessThanOrEqual(limits.connectionBurst + 30.25 * limits.connectionPerSecond);
    expect(client.socket.closed).toBeUndefined();
  }
});

test('L17 who waits as long as it is told gets through, and not before', async () => {
  const harness = new FrontHarness({ limits: { connectionPerSecond: 2, connectionBurst: 4 } });
  const client = await harness.live(user);
  client.send(...pings(1, 5));
  const refusal = client.heard().filter(isError);
  expect(refusal).toMatchObject([{ err: 5, code: 'rate_limited', retryMs: 500 }]);
  expect(refusal[0]).not.toHaveProperty('stored');
  harness.advance(499);
  client.send(...pings(6, 1));
  // A tick is a quarter of a second.
  expect(tally(client.heard()).acks).toBeLessThanOrEqual(1);
  harness.advance(500);
  client.send(...pings(7, 1));
  expect(tally(client.heard())).toMatchObject({ acks: 1, refused: 0 });
});

test('L17 everything counts: what is free for users, wrong, empty or not yet of anybody', async () => {
  const one = { connectionPerSecond: 1, connectionBurst: 10 };
  const floods: Record<string, (send: (frame: string) => void) => void> = {
    unsubscribe: (send) => send(JSON.stringify({ op: 'unsubscribe', ref: 1, conv })),
    'a wrong operation': (send) => send('{"op":"ping"}'),
    'an operation there is none of': (send) => send('{"op":"constructor","ref":1}'),
    'an empty frame': (send) => send('[]'),
    'typing without a ref': (send) => send(JSON.stringify({ op: 'typing.start', conv })),
    auth: (send) => send('{"op":"auth","ref":1,"token":"x"}'),
  };
  for (const [name, flood] of Object.entries(floods)) {
    const harness = new FrontHarness({ limits: one });
    const client = await harness.live(user, { codec: 'json' });
    for (let count = 0; count < 11; count += 1) flood((frame) => client.raw(frame));
    await harness.settle();
    client.heard();
    client.send({ op: 'ping', ref: 9 });
    expect([name, client.heard()]).toMatchObject([name, [{ err: 9, code: 'rate_limited' }]]);
  }
  const harness = new FrontHarness({ limits: one });
  const stranger = harness.connect({ codec: 'json' });
  stranger.send(...pings(1, 12));
  expect(
    stranger
      .heard()
      .filter(isError)
      .map(({ code }) => code),
  ).toEqual([...Array.from({ length: 10 }, () => 'unauthorized'), ...['rate_limited', 'rate_limited']]);
});

test('L17 what is wrong is told to be wrong, also over the limit', async () => {
  const harness = new FrontHarness({ limits: { connectionPerSecond: 1, connectionBurst: 2 } });
  const client = await harness.live(user, { codec: 'json' });
  client.send(...pings(1, 5));
  client.heard();
  client.raw('[{"op":"ping","ref":-1},{"op":"send","ref":7}]');
  expect(client.heard()).toMatchObject([
    { err: null, code: 'invalid' },
    { err: 7, code: 'invalid' },
  ]);
});

test('L17 tokens of class high are not held to it, and 0 is no limit', async () => {
  const harness = new FrontHarness({ limits });
  const client = harness.connect({ token: harness.token(user, { rate: 'high' }) });
  await harness.settle();
  client.heard();
  for (let frame = 0; frame < 8; frame += 1)
    client.send(...pings(frame * 250, wireLimits.frameOperationsMax - 6));
  expect(tally(client.heard())).toMatchObject({ acks: 2000, refused: 0 });
  const free = new FrontHarness({ limits: { connectionPerSecond: 0 } });
  const other = await free.live(user);
  for (let frame = 0; frame < 20; frame += 1) other.send(...pings(frame * 250, 250));
  expect(tally(other.heard())).toMatchObject({ acks: 5000, refused: 0 });
});

test('L17 a connection that rested for days has its burst and no more, and a clock that goes back gives nothing', async () => {
  const harness = new FrontHarness({ limits });
  const client = harness.connect({ token: harness.token(user, { expiresAt: harness.now + 1e12 }) });
  await harness.settle();
  client.heard();
  harness.now += 400 * 86_400_000;
  client.send(...pings(1, 250));
  expect(tally(client.heard())).toMatchObject({ acks: 200, refused: 50 });
  harness.now -= 3_600_000;
  client.send(...pings(1, 250));
  expect(tally(client.heard())).toMatchObject({ acks: 0, refused: 250 });
  // Nor does it take anything: a second later there is what a second gives.
  harness.advance(1_000);
  client.send(...pings(1, 250));
  expect(tally(client.heard())).toMatchObject({ acks: 100, refused: 150 });
});
