/** Readers that do not keep up: what they lose, what they are told, and how they end (W15). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closeCodes } from '#src/wire/codes.js';
import {
  type FakeClient,
  FrontHarness,
  isAck,
  messageEvent,
  startAt,
  testId,
} from '#test/support/front-harness.js';

const user = testId(1);
const other = testId(2);
const room = testId(100);
const quiet = testId(101);

async function listening(harness: FrontHarness, codec: 'json' | 'msgpack' = 'msgpack'): Promise<FakeClient> {
  const client = await harness.live(user, { codec });
  harness.subscribe(client, room, 0);
  harness.subscribe(client, quiet, 0);
  client.socket.bytesMax = 1_000;
  return client;
}

function publish(harness: FrontHarness, conv: string, seq: number): void {
  harness.answer({ kind: 'publish', conv, events: [messageEvent(conv, seq)] });
}

/** Fills the socket until it stops taking; returns the first seq that the client has not got. */
function fill(harness: FrontHarness, client: FakeClient, conv: string, from: number): number {
  client.socket.isReading = false;
  for (let seq = from; ; seq += 1) {
    const before = client.socket.frames.length;
    publish(harness, conv, seq);
    harness.endTurn();
    if (client.socket.frames.length === before) return seq;
    if (seq > 10_000) throw new Error('it never filled');
  }
}

test.each(['json', 'msgpack'] as const)(
  'W15 P6 a dropped frame that was the last of its room is told when the reader has drained (%s)',
  async (codec) => {
    const harness = new FrontHarness();
    const client = await listening(harness, codec);
    const lost = fill(harness, client, room, 1);
    expect(client.seqs()).toEqual(Array.from({ length: lost - 1 }, (_, index) => index + 1));
    client.socket.read();
    harness.endTurn();
    expect(client.heard()).toEqual([{ ev: 'gap', conv: room, have: lost - 1, head: lost }]);
    // It hears what comes now.
    publish(harness, room, lost + 1);
    publish(harness, quiet, 1);
    harness.endTurn();
    expect(client.heard().map((message) => ('seq' in message ? message.seq : 0))).toEqual([lost + 1, 1]);
    expect(harness.front.counters).toMatchObject({ slowReaders: 1, gapsTold: 1, framesDropped: 1 });
  },
);

test('W15 while it is behind, a reader is in no topic and costs no more; what it missed is told for each', async () => {
  const harness = new FrontHarness();
  const client = await listening(harness);
  const lost = fill(harness, client, room, 1);
  harness.endTurn();
  expect(client.socket.topics.size).toBe(0);
  const { buffered } = client.socket;
  for (let seq = 1; seq <= 50; seq += 1) {
    publish(harness, room, lost + seq);
    publish(harness, quiet, seq);
    harness.endTurn();
  }
  expect(client.socket.buffered).toBe(buffered);
  client.heard();
  client.socket.read();
  harness.endTurn();
  expect(client.heard()).toEqual([
    { ev: 'gap', conv: room, have: lost - 1, head: lost + 50 },
    { ev: 'gap', conv: quiet, have: 0, head: 50 },
  ]);
});

test('W15 P6 of frames dropped together only the first is reported: the others are told as well', async () => {
  const harness = new FrontHarness();
  const client = await listening(harness);
  const lost = fill(harness, client, room, 1) + 1;
  client.heard();
  client.socket.read();
  harness.endTurn();
  client.heard();
  // Nearly full again, then one turn with both rooms: the frame of the quiet room goes unreported.
  client.socket.isReading = false;
  client.socket.buffered = client.socket.bytesMax + 1;
  publish(harness, room, lost);
  publish(harness, quiet, 1);
  harness.endTurn();
  expect(harness.front.counters.framesDropped).toBe(2);
  client.socket.read();
  harness.endTurn();
  expect(client.heard()).toEqual([
    { ev: 'gap', conv: room, have: lost - 1, head: lost },
    { ev: 'gap', conv: quiet, have: 0, head: 1 },
  ]);
});

test('W15 P6 between the drop and the end of the turn nothing reaches the reader past the hole', async () => {
  const harness = new FrontHarness();
  const client = await listening(harness);
  const lost = fill(harness, client, room, 1);
  client.heard();
  // There is room again, but uWebSockets.js has not said so; somebody leaves, which publishes in the middle of a turn.
  client.socket.isReading = true;
  client.socket.buffered = 0;
  publish(harness, room, lost + 1);
  const leave = {
    ev: 'member.leave',
    conv: room,
    seq: lost + 2,
    number: 1,
    id: testId(9),
    from: other,
    at: startAt,
  } as const;
  harness.answer({ kind: 'publish', conv: room, events: [leave] });
  harness.endTurn();
  client.socket.read();
  harness.endTurn();
  expect(client.heard()).toEqual([{ ev: 'gap', conv: room, have: lost - 1, head: lost + 2 }]);
});

test('W15 P8 who is behind loses typing before messages, and hears it again later', async () => {
  const harness = new FrontHarness({ limits: { softBufferBytes: 400 } });
  const client = await listening(harness);
  client.socket.bytesMax = 100_000;
  const typing = {
    kind: 'ephemeral',
    conv: room,
    event: { ev: 'typing.start', conv: room, from: other },
    at: startAt,
  } as const;
  harness.answer(typing);
  harness.endTurn();
  expect(client.heard()).toHaveLength(1);
  client.socket.isReading = false;
  for (let seq = 1; seq <= 5; seq += 1) publish(harness, room, seq);
  harness.endTurn();
  harness.advance(500);
  harness.now = startAt;
  client.heard();
  harness.answer(typing);
  publish(harness, room, 6);
  harness.endTurn();
  expect(client.seqs()).toEqual([6]);
  client.socket.read();
  harness.endTurn();
  harness.answer(typing);
  harness.endTurn();
  expect(client.heard()).toEqual([typing.event]);
});

test('W15 receipts wait for who is behind, merged: each member once, the furthest mark', async () => {
  const harness = new FrontHarness({ limits: { softBufferBytes: 400 } });
  const client = await listening(harness);
  client.socket.bytesMax = 100_000;
  client.socket.isReading = false;
  for (let seq = 1; seq <= 5; seq += 1) publish(harness, room, seq);
  harness.endTurn();
  harness.advance(500);
  client.heard();
  const marks = (...each: Array<[string, number, number]>) =>
    harness.answer({
      ...{ kind: 'ephemeral', conv: room, at: harness.now, to: [user] },
      event: { ev: 'read.update', conv: room, marks: each },
    });
  for (let number = 1; number <= 50; number += 1) marks([other, number, 0], [testId(77), 0, number]);
  marks([other, 3, 51]);
  harness.advance(2_000);
  expect(client.heard()).toEqual([]);
  client.socket.read();
  harness.endTurn();
  harness.advance(1_000);
  const told = {
    ev: 'read.update',
    conv: room,
    marks: [
      [other, 50, 51],
      [testId(77), 0, 50],
    ],
  };
  expect(client.heard()).toEqual([told]);
  marks([other, 52, 0]);
  harness.endTurn();
  expect(client.heard()).toHaveLength(1);
});

test('W15 one that reads slowly is left its connection as long as it takes or says anything', async () => {
  const harness = new FrontHarness({
    limits: {
      drainMs: 5_000,
      slowMsMax: 60_000,
      softBufferBytes: 400,
      bufferBytesMax: 2_000,
      answerBytesMax: 2_000,
    },
  });
  const clients = {
    taking: await listening(harness),
    saying: await listening(harness),
    silent: await listening(harness),
  };
  for (const client of Object.values(clients)) {
    client.socket.isReading = false;
    client.socket.bytesMax = 2_000;
  }
  for (let seq = 1; seq <= 40; seq += 1) {
    publish(harness, room, seq);
    harness.endTurn();
  }
  for (let second = 0; second < 20; second += 1) {
    clients.taking.socket.buffered -= 10;
    clients.saying.session.heard();
    harness.advance(1_000);
  }
  const closed = () =>
    Object.entries(clients).flatMap(([name, { session }]) => (session.isClosing ? [name] : []));
  expect(closed()).toEqual(['silent']);
  for (let second = 0; second < 45; second += 1) {
    clients.taking.socket.buffered -= 10;
    clients.saying.session.heard();
    harness.advance(1_000);
  }
  expect(closed()).toEqual(['taking', 'saying', 'silent']);
});

test('W15 W7 answers wait for who is behind, so that a heartbeat is not the end; too many are', async () => {
  const limits = { softBufferBytes: 400, bufferBytesMax: 1_000, answerBytesMax: 1_000 };
  const harness = new FrontHarness({ limits });
  const client = await listening(harness);
  const lost = fill(harness, client, room, 1);
  harness.advance(500);
  client.heard();
  for (const ref of [1, 2, 3]) client.send({ op: 'ping', ref });
  harness.advance(2_000);
  expect([client.session.isClosing, client.heard()]).toEqual([false, []]);
  client.socket.read();
  harness.endTurn();
  expect(client.heard().filter(isAck)).toMatchObject([{ ack: 1 }, { ack: 2 }, { ack: 3 }]);
  fill(harness, client, room, lost + 1);
  harness.advance(500);
  for (let ref = 1; ref <= 20; ref += 1) client.send({ op: 'ping', ref });
  expect(client.session.isClosing).toBe(true);
});

test('W15 one that does not drain within the limit is closed with 4003', async () => {
  const harness = new FrontHarness({ limits: { drainMs: 5_000, softBufferBytes: 400 } });
  const client = await listening(harness);
  fill(harness, client, room, 1);
  harness.advance(4_900);
  expect(client.socket.closed).toBeUndefined();
  // A little room, so that the close frame itself is not dropped.
  client.socket.buffered = 500_000;
  harness.advance(700);
  expect(client.socket.closed?.code).toBe(closeCodes.slow.code);
  expect(harness.front.stats().users).toBe(0);
});

test('W15 an answer that finds no room ends the socket: with 4003 when it reads again, cut when it never does', async () => {
  for (const reads of [true, false]) {
    const harness = new FrontHarness({
      limits: { softBufferBytes: 500, bufferBytesMax: 300_000, closeMs: 3_000 },
    });
    const client = await listening(harness);
    client.socket.isReading = false;
    client.socket.bytesMax = 300_000;
    client.socket.buffered = 300_001;
    client.send({ op: 'ping', ref: 1 });
    // The close frame would be dropped like the answer: it waits.
    expect(client.socket.closed).toBeUndefined();
    expect(client.session.isClosing).toBe(true);
    expect(client.socket.topics.size).toBe(0);
    if (reads) {
      client.socket.read();
      expect(client.socket.closed?.code).toBe(closeCodes.slow.code);
    } else {
      harness.advance(3_600);
      expect(client.socket.isCut).toBe(true);
    }
    expect(harness.front.counters.connectionsClosed).toMatchObject({ slow: 1, gone: 0 });
    expect(harness.front.stats()).toMatchObject({ sessions: 0, topics: 0 });
  }
});

test('W15 W12 a subscription answered while the socket is behind is complete later, by a gap', async () => {
  const harness = new FrontHarness();
  const client = await listening(harness);
  fill(harness, client, room, 1);
  const late = testId(102);
  client.socket.buffered = 900;
  client.send({ op: 'subscribe', ref: 1, conv: late, have: 7 });
  const { request } = harness.request('subscribe');
  const events = [messageEvent(late, 8), messageEvent(late, 9)];
  harness.answer({ kind: 'subscribed', request, conv: late, head: 9, backlog: { kind: 'events', events } });
  harness.endTurn();
  expect(client.heard().at(-1)).toEqual({ ack: 1, conv: late, head: 9 });
  publish(harness, late, 10);
  harness.endTurn();
  client.socket.read();
  harness.endTurn();
  expect(client.heard()).toContainEqual({ ev: 'gap', conv: late, have: 7, head: 10 });
  publish(harness, late, 11);
  harness.endTurn();
  expect(client.seqs()).toEqual([11]);
});

test('W15 history waits for a reader that is behind', async () => {
  const harness = new FrontHarness({ limits: { softBufferBytes: 400 } });
  const client = await listening(harness);
  client.socket.isReading = false;
  client.socket.buffered = 401;
  harness.takePosted();
  client.send({ op: 'history', ref: 1, conv: room });
  expect(client.heard()).toEqual([expect.objectContaining({ err: 1, code: 'overloaded' })]);
  expect(harness.takePosted()).toEqual([]);
});

/** Whatever the reader does: at the end it has every seq of every room, or was told the range. */
test('W15 P6 never silence: random rooms, turns and reading', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('publish' as const),
        room: fc.nat(2),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ do: 'turn' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'stop reading' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'read' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'typing' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'sweep' as const }) },
  );
  let gaps = 0;
  let drops = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
      const harness = new FrontHarness({ limits: { softBufferBytes: 700 } });
      const rooms = [testId(100), testId(101), testId(102)];
      const client = await harness.live(user);
      for (const each of rooms) harness.subscribe(client, each, 0);
      client.socket.bytesMax = 1_500;
      const heads = rooms.map(() => 0);
      for (const each of steps) {
        if (each.do === 'publish') {
          const conv = rooms[each.room] as string;
          const events = Array.from({ length: each.count }, () => {
            heads[each.room] = (heads[each.room] as number) + 1;
            return messageEvent(conv, heads[each.room] as number);
          });
          harness.answer({ kind: 'publish', conv, events });
        } else if (each.do === 'turn') harness.endTurn();
        else if (each.do === 'stop reading') client.socket.isReading = false;
        else if (each.do === 'read') client.socket.read();
        else if (each.do === 'sweep') harness.advance(500);
        else
          harness.answer({
            kind: 'ephemeral',
            conv: rooms[0] as string,
            event: { ev: 'typing.stop', conv: rooms[0] as string, from: other },
            at: harness.now,
          });
      }
      harness.endTurn();
      client.socket.read();
      harness.endTurn();
      harness.endTurn();
      expect(client.socket.closed).toBeUndefined();
      const heard = client.heard();
      for (const [index, conv] of rooms.entries()) {
        const known = new Set<number>();
        let last = 0;
        for (const message of heard) {
          if (!('ev' in message) || !('conv' in message) || message.conv !== conv) continue;
          if (message.ev === 'gap') {
            gaps += 1;
            // It may name what was heard (a lower bound), never leave out what was not.
            for (let seq = message.have + 1; seq <= message.head; seq += 1) known.add(seq);
            last = message.head;
          } else if ('seq' in message) {
            // In order, once, and nothing is skipped without having been told.
            expect(message.seq).toBe(last + 1);
            known.add(message.seq);
            last = message.seq;
          }
        }
        expect(known.size).toBe(heads[index]);
      }
      drops += harness.front.counters.framesDropped;
    }),
    { numRuns: 150 },
  );
  // It must have bitten.
  expect(drops).toBeGreaterThan(50);
  expect(gaps).toBeGreaterThan(50);
});
