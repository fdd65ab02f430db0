/** What subscribers hear, in which order, and what they are told when events are missing. */
import { expect, test } from 'vitest';
import { frontLimits } from '#src/front/limits.js';
import { decodeMessages } from '#src/wire/codec.js';
import { wireLimits } from '#src/wire/limits.js';
import { type FakeClient, FrontHarness, messageEvent, startAt, testId } from '#test/support/front-harness.js';

const user = testId(1);
const other = testId(2);
const conv = testId(100);

function publish(harness: FrontHarness, ...seqs: number[]): void {
  harness.answer({ kind: 'publish', conv, events: seqs.map((seq) => messageEvent(conv, seq)) });
}

/** Events as `seq`, the rest as `ack@head`, `resumed@upTo` or `gap have-head`. */
function story(client: FakeClient): string[] {
  return client.heard().map((message) => {
    if ('ack' in message) return `ack@${message.head ?? ''}`;
    if ('err' in message) return `err ${message.code}`;
    if (message.ev === 'resumed') return `resumed@${message.upTo}`;
    if (message.ev === 'gap') return `gap ${message.have}-${message.head}`;
    return 'seq' in message ? String(message.seq) : message.ev;
  });
}

test('W10 W12 the answer, the backlog, resumed, then live events: in this order for both codecs', async () => {
  const harness = new FrontHarness();
  for (const codec of ['msgpack', 'json'] as const) {
    const client = await harness.live(user, { codec });
    client.send({ op: 'subscribe', ref: 1, conv, have: 3 });
    const { request } = harness.request('subscribe');
    const events = [4, 5].map((seq) => messageEvent(conv, seq));
    // In one turn with what comes before and after it.
    publish(harness, 4, 5);
    harness.answer({ kind: 'subscribed', request, conv, head: 5, backlog: { kind: 'events', events } });
    publish(harness, 6);
    publish(harness, 7, 8);
    harness.endTurn();
    expect(story(client)).toEqual(['ack@5', '4', '5', 'resumed@5', '6', '7', '8']);
    client.socket.close(1000, '');
  }
});

test('W10 who joins while events of others wait hears those after its head only', async () => {
  const harness = new FrontHarness();
  const first = await harness.live(user);
  const second = await harness.live(other);
  harness.subscribe(first, conv, 10);
  second.send({ op: 'subscribe', ref: 1, conv });
  const { request } = harness.request('subscribe');
  publish(harness, 11);
  harness.answer({ kind: 'subscribed', request, conv, head: 11, backlog: { kind: 'none' } });
  publish(harness, 12);
  harness.endTurn();
  expect(story(first)).toEqual(['11', '12']);
  expect(story(second)).toEqual(['ack@11', 'resumed@11', '12']);
});

test('W12 a gap instead of the backlog, and a backlog of too many bytes is one as well', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send({ op: 'subscribe', ref: 1, conv, have: 3 });
  let { request } = harness.request('subscribe');
  harness.answer({ kind: 'subscribed', request, conv, head: 900, backlog: { kind: 'gap', have: 3 } });
  harness.endTurn();
  expect(story(client)).toEqual(['ack@900', 'gap 3-900']);
  client.send({ op: 'subscribe', ref: 1, conv, have: 880 });
  ({ request } = harness.request('subscribe'));
  const events = Array.from({ length: 20 }, (_, index) =>
    messageEvent(conv, 881 + index, 'x'.repeat(30_000)),
  );
  harness.answer({ kind: 'subscribed', request, conv, head: 900, backlog: { kind: 'events', events } });
  harness.endTurn();
  expect(story(client)).toEqual(['ack@900', 'gap 880-900']);
});

test('W3 a long backlog comes in frames of bounded size', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send({ op: 'subscribe', ref: 1, conv, have: 0 });
  const { request } = harness.request('subscribe');
  const events = Array.from({ length: 500 }, (_, index) => messageEvent(conv, 1 + index));
  harness.answer({ kind: 'subscribed', request, conv, head: 500, backlog: { kind: 'events', events } });
  harness.endTurn();
  const frames = client.socket.takeFrames();
  expect(frames.length).toBeGreaterThan(1);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(wireLimits.containerItemsMax);
  expect(frames.flat()).toHaveLength(502);
});

test('P6 events of a turn are published once, encoded for the codecs in use', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user, { codec: 'msgpack' });
  harness.subscribe(client, conv, 0);
  publish(harness, 1);
  publish(harness, 2, 3);
  expect(harness.hub.published).toEqual([]);
  harness.endTurn();
  expect(
    harness.hub.published.map(({ topic, frame }) => [topic, decodeMessages('msgpack', frame).length]),
  ).toEqual([[`m:${conv}`, 3]]);
  const browser = await harness.live(other, { codec: 'json' });
  harness.subscribe(browser, conv, 3);
  publish(harness, 4);
  harness.endTurn();
  expect(harness.hub.published.slice(1).map(({ topic }) => topic)).toEqual([`m:${conv}`, `j:${conv}`]);
  expect(story(client)).toEqual(['1', '2', '3', '4']);
  expect(story(browser)).toEqual(['4']);
});

test('P6 what a turn brought leaves together at its end, in as few frames as their real size allows', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user, { codec: 'msgpack' });
  harness.subscribe(client, conv, 0);
  const { mergedFrameBytes } = frontLimits;
  const seqs = Array.from({ length: 300 }, (_, index) => index + 1);
  for (const seq of seqs) publish(harness, seq);
  expect(harness.hub.published).toEqual([]);
  harness.endTurn();
  const sizes = harness.hub.published.map(({ frame }) => frame.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(mergedFrameBytes);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(bytes).toBeGreaterThan(mergedFrameBytes);
  expect(sizes).toHaveLength(Math.ceil(bytes / mergedFrameBytes));
  expect(story(client)).toEqual(seqs.map(String));
});

test('P6 a hole in what the shard publishes is told, and what comes twice is published once', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.subscribe(client, conv, 0);
  publish(harness, 1, 2);
  publish(harness, 2, 3, 7, 8);
  harness.endTurn();
  expect(story(client)).toEqual(['1', '2', '3', 'gap 3-6', '7', '8']);
});

test('P6 A10 after a shard restart the topics are registered with the last seq, and what is missing comes or is told', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.subscribe(client, conv, 5);
  publish(harness, 6);
  harness.endTurn();
  harness.takePosted();
  harness.front.shardGone(0);
  expect(harness.takePosted()).toEqual([]);
  harness.front.shardBack(0);
  expect(harness.takePosted()).toEqual([
    { kind: 'recollection', front: 3, refused: [], isLast: true },
    { kind: 'register', front: 3, conv, have: 6 },
  ]);
  publish(harness, 7, 8);
  harness.endTurn();
  expect(story(client)).toEqual(['6', '7', '8']);
  harness.answer({ kind: 'missed', conv, head: 900 });
  publish(harness, 901);
  harness.endTurn();
  expect(story(client)).toEqual(['gap 8-900', '901']);
});

test('G7 who lost the conversation with what was missed hears that, and nothing more', async () => {
  const harness = new FrontHarness();
  const [mia, olga] = [await harness.live('mia'), await harness.live('olga')];
  for (const client of [mia, olga]) harness.subscribe(client, conv, 5);
  harness.answer({ kind: 'missed', conv, head: 9, gone: ['mia'] });
  publish(harness, 10);
  harness.endTurn();
  expect(story(mia)).toEqual(['unsubscribed']);
  expect(story(olga)).toEqual(['gap 5-9', '10']);
});

test('A9 A10 a shard without room for register is told at the next sweep', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.subscribe(client, conv, 5);
  harness.front.shardGone(0);
  harness.takePosted();
  harness.full.add(0);
  harness.front.shardBack(0);
  expect(harness.takePosted()).toEqual([]);
  harness.full.clear();
  harness.advance(600);
  expect(harness.takePosted()).toContainEqual({ kind: 'register', front: 3, conv, have: 5 });
});

test('P6 a subscription answered by an actor that has forgotten this front tells the others what they missed', async () => {
  const harness = new FrontHarness();
  const first = await harness.live(user);
  const second = await harness.live(other);
  harness.subscribe(first, conv, 5);
  second.send({ op: 'subscribe', ref: 1, conv });
  const { request } = harness.request('subscribe');
  harness.answer({ kind: 'subscribed', request, conv, head: 9, backlog: { kind: 'none' } });
  publish(harness, 10);
  harness.endTurn();
  expect(story(first)).toEqual(['gap 5-9', '10']);
  expect(story(second)).toEqual(['ack@9', 'resumed@9', '10']);
});

test('R6 L6 who is removed hears up to the removal, is told, and hears nothing more; the others hear all', async () => {
  const harness = new FrontHarness();
  const staying = await harness.live(user);
  const phone = await harness.live(other);
  const laptop = await harness.live(other, { codec: 'json' });
  const elsewhere = await harness.live(other);
  for (const client of [staying, phone, laptop]) harness.subscribe(client, conv, 0);
  const removal = {
    ev: 'member.remove',
    conv,
    seq: 2,
    number: 1,
    id: testId(50),
    from: user,
    at: startAt,
    user: other,
  } as const;
  harness.answer({ kind: 'publish', conv, events: [messageEvent(conv, 1), removal, messageEvent(conv, 3)] });
  publish(harness, 4);
  harness.endTurn();
  expect(story(staying)).toEqual(['1', '2', '3', '4']);
  expect(story(phone)).toEqual(['1', '2', 'unsubscribed']);
  expect(story(laptop)).toEqual(['1', '2', 'unsubscribed']);
  expect(story(elsewhere)).toEqual([]);
  expect(phone.socket.topics.size).toBe(0);
});

test('R6 when the removal itself was missed, the members are asked about again, and who is none hears no more', async () => {
  const harness = new FrontHarness();
  const staying = await harness.live(user);
  const removed = await harness.live(other);
  harness.subscribe(staying, conv, 5);
  harness.subscribe(removed, conv, 5);
  harness.takePosted();
  harness.answer({ kind: 'missed', conv, head: 2000 });
  harness.endTurn();
  const asked = harness.takePosted().flatMap((message) => (message.kind === 'subscribe' ? [message] : []));
  expect(asked.map((message) => message.user).sort()).toEqual([user, other]);
  for (const { request, user: who } of asked) {
    if (who === user)
      harness.answer({ kind: 'subscribed', request, conv, head: 2000, backlog: { kind: 'none' } });
    else harness.answer({ kind: 'err', request, code: 'not_found', message: 'no such conversation' });
  }
  publish(harness, 2001);
  harness.endTurn();
  expect(story(staying)).toEqual(['gap 5-2000', '2001']);
  expect(story(removed)).toEqual(['gap 5-2000', 'unsubscribed']);
  expect(harness.front.stats().requests).toBe(0);
});

test('P6 the last subscriber gone ends the registration, but not while another subscription is under way', async () => {
  const harness = new FrontHarness();
  const first = await harness.live(user);
  const second = await harness.live(other);
  harness.subscribe(first, conv, 5);
  second.send({ op: 'subscribe', ref: 1, conv });
  const { request } = harness.request('subscribe');
  harness.takePosted();
  first.socket.close(1000, '');
  expect(harness.takePosted()).toEqual([]);
  harness.answer({ kind: 'subscribed', request, conv, head: 5, backlog: { kind: 'none' } });
  publish(harness, 6);
  harness.endTurn();
  expect(story(second)).toEqual(['ack@5', 'resumed@5', '6']);
  second.send({ op: 'unsubscribe', ref: 2, conv });
  expect(harness.takePosted()).toEqual([{ kind: 'unregister', front: 3, conv }]);
  expect(harness.front.stats().topics).toBe(0);
});

test('P6 an unregister without room is sent later, unless somebody has come back', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.subscribe(client, conv, 5);
  harness.full.add(0);
  client.send({ op: 'unsubscribe', ref: 1, conv });
  harness.full.clear();
  client.send({ op: 'subscribe', ref: 2, conv });
  const { request } = harness.request('subscribe');
  harness.takePosted();
  harness.advance(600);
  expect(harness.takePosted()).toEqual([]);
  harness.answer({ kind: 'subscribed', request, conv, head: 5, backlog: { kind: 'none' } });
  harness.advance(600);
  publish(harness, 6);
  harness.endTurn();
  expect(story(client)).toEqual(['ack@', 'ack@5', 'resumed@5', '6']);
  harness.full.add(0);
  client.send({ op: 'unsubscribe', ref: 3, conv });
  harness.full.clear();
  harness.advance(600);
  expect(harness.takePosted()).toEqual([{ kind: 'unregister', front: 3, conv }]);
});

test('W7 unsubscribe takes back a subscription under way', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send({ op: 'subscribe', ref: 1, conv }, { op: 'unsubscribe', ref: 2, conv });
  const { request } = harness.request('subscribe');
  harness.takePosted();
  harness.answer({ kind: 'subscribed', request, conv, head: 5, backlog: { kind: 'none' } });
  publish(harness, 6);
  harness.endTurn();
  expect(story(client)).toEqual(['ack@', 'ack@5']);
  expect(harness.takePosted()).toEqual([{ kind: 'unregister', front: 3, conv }]);
});

test('P7 a refused subscription leaves nothing behind', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send({ op: 'subscribe', ref: 1, conv });
  const { request } = harness.request('subscribe');
  harness.answer({ kind: 'err', request, code: 'not_found', message: 'There is no such conversation.' });
  harness.endTurn();
  expect(story(client)).toEqual(['err not_found']);
  expect(harness.front.stats()).toMatchObject({ topics: 0, requests: 0 });
});

test('W13 P8 typing reaches subscribers at once, is dropped when older than 1 s, and is posted with its time', async () => {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  harness.subscribe(client, conv, 5);
  harness.takePosted();
  client.send({ op: 'typing.start', conv }, { op: 'typing.stop', ref: 4, conv });
  expect(harness.takePosted()).toEqual([
    { kind: 'typing', user, conv, active: true, at: startAt },
    { kind: 'typing', user, conv, active: false, at: startAt },
  ]);
  expect(story(client)).toEqual(['ack@']);
  const event = { ev: 'typing.start', conv, from: other } as const;
  harness.answer({ kind: 'ephemeral', conv, event, at: startAt });
  harness.now += 1_000;
  harness.answer({ kind: 'ephemeral', conv, event, at: startAt });
  harness.now += 1;
  harness.answer({ kind: 'ephemeral', conv, event, at: startAt });
  harness.endTurn();
  expect(client.heard()).toEqual([event, event]);
});

test('W10 a notice for a user reaches every socket of theirs and of nobody else', async () => {
  const harness = new FrontHarness();
  const one = await harness.live(user);
  const two = await harness.live(user, { codec: 'json' });
  const stranger = await harness.live(other);
  const event = { ev: 'conversation.update', conv, head: 1 } as const;
  harness.answer({ kind: 'notify', user, event });
  harness.endTurn();
  expect([one.heard(), two.heard(), stranger.heard()]).toEqual([[event], [event], []]);
});
