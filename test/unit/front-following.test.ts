import { expect, test } from 'vitest';
import type { Following } from '#src/front/following.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import { type FakeClient, FrontHarness, startAt, testId } from '#test/support/front-harness.js';

const user = testId(1);
const other = testId(2);
const room = testId(100);
const second = testId(101);

type Call = Extract<ToShard, { kind: 'call' }>;

function message(conv: string, seq: number): LogEvent {
  return {
    ...{ ev: 'message.new', conv, seq, number: seq, id: testId(1000 + seq), from: other, at: startAt },
    text: `text ${seq}`,
  } as LogEvent;
}

function stirred(conv: string, first: number, moves: Array<[string, string, boolean]> = []): ToFront {
  return { kind: 'stirred', convs: [conv], firsts: [first], moves };
}

class Followers {
  readonly harness = new FrontHarness();
  convs = [room];
  heads = new Map([[room, 5]]);

  /** Answers what the front asks of services, but for `held` ones, until it asks nothing more. */
  async serve(held: readonly string[] = []): Promise<string[]> {
    const asked: string[] = [];
    for (let rounds = 0; rounds < 6; rounds += 1) {
      await this.harness.settle();
      const calls = this.harness.takeAllPosted().filter((posted): posted is Call => posted.kind === 'call');
      for (const call of calls) {
        asked.push(call.service);
        if (held.includes(call.service)) this.harness.posted.push({ shard: 0, message: call });
        else this.answer(call);
      }
    }
    return asked;
  }

  answer({ request, service, input }: Call): void {
    this.harness.answer({ kind: 'answer', request, output: this.output(service, input) });
  }

  private output(service: string, input: unknown): unknown {
    if (service === 'probe') return { batch: 1 };
    if (service === 'conversations.followed') return { convs: this.convs, more: false };
    if (service === 'sync') return { conversations: [], cursor: 'c', more: false, full: false };
    if (service !== 'conversations.standing') return null;
    const { convs } = input as { convs: string[] };
    return convs.map((conv) => ({
      conv,
      type: 'group',
      standing: 'member',
      head: this.heads.get(conv) ?? 1,
    }));
  }

  async follow(fields: { quiet?: true } = {}): Promise<FakeClient> {
    const client = await this.harness.live(user);
    client.send({ op: 'subscribe.all', ref: 7, ...fields });
    await this.serve();
    expect(client.heard()).toMatchObject([{ ack: 7, result: { cursor: 'c' } }]);
    return client;
  }
}

test('W20 a conversation that stirs is registered for from there, and its events follow in order', async () => {
  const world = new Followers();
  const client = await world.follow();
  const { harness } = world;
  harness.posted.length = 0;
  harness.answer(stirred(second, 3), stirred(room, 5));
  expect(harness.takePosted()).toEqual([{ kind: 'register', front: 3, conv: room, have: 4 }]);
  harness.answer({ kind: 'publish', conv: room, events: [message(room, 5), message(room, 6)] });
  harness.endTurn();
  expect(client.heard()).toMatchObject([{ ev: 'resumed', conv: room, upTo: 4 }, { seq: 5 }, { seq: 6 }]);
  harness.answer(stirred(room, 7));
  expect(harness.takePosted()).toEqual([]);
});

test('W20 what stirs while conversations are being read is looked at afterwards', async () => {
  const world = new Followers();
  const { harness } = world;
  const client = await harness.live(user);
  client.send({ op: 'subscribe.all', ref: 7 });
  await world.serve(['conversations.followed']);
  harness.answer(stirred(room, 5), stirred(second, 2, [[second, user, true]]));
  world.convs = [room];
  const call = harness.request('call');
  harness.posted.length = 0;
  world.answer(call);
  await harness.settle();
  const registered = harness.takeAllPosted().filter(({ kind }) => kind === 'register');
  expect(registered).toEqual([
    { kind: 'register', front: 3, conv: room, have: 4 },
    { kind: 'register', front: 3, conv: second, have: 1 },
  ]);
});

test('W20 A10 conversations are read when every shard has settled what was under way, also in one that died', async () => {
  const world = new Followers();
  const { harness } = world;
  const client = await harness.live(user);
  client.send({ op: 'subscribe.all', ref: 7 });
  expect(await world.serve(['probe'])).not.toContain('conversations.followed');
  expect(await world.serve()).toEqual(expect.arrayContaining(['probe', 'conversations.followed', 'sync']));
  harness.front.shardGone(0);
  harness.front.shardBack(0);
  expect(await world.serve(['probe'])).not.toContain('conversations.followed');
  expect(await world.serve()).toContain('conversations.followed');
});

test('W20 G7 whoever was read as a member and went meanwhile hears nothing', async () => {
  const world = new Followers();
  const { harness } = world;
  const client = await harness.live(user);
  client.send({ op: 'subscribe.all', ref: 7 });
  await world.serve(['conversations.followed']);
  harness.answer(stirred(room, 5, [[room, user, false]]));
  const call = harness.request('call');
  harness.posted.length = 0;
  world.answer(call);
  await harness.settle();
  harness.answer(stirred(room, 6));
  expect(harness.takeAllPosted().filter(({ kind }) => kind === 'register')).toEqual([]);
});

test.each(['unsure', 'shard'] as const)(
  'W20 A10 after a hole in what stirs (%s) conversations are read again, and the client is told to sync',
  async (hole) => {
    const world = new Followers();
    const client = await world.follow();
    const { harness } = world;
    if (hole === 'shard') {
      harness.front.shardGone(0);
      harness.front.shardBack(0);
    } else harness.answer({ kind: 'unsure' });
    world.convs = [second];
    // Nobody is sure of anything now: nothing is registered for.
    harness.answer(stirred(room, 6));
    await world.serve();
    harness.advance(1_000);
    expect(client.heard()).toContainEqual({ ev: 'resync', at: expect.any(Number) });
    harness.posted.length = 0;
    harness.answer(stirred(room, 7), stirred(second, 3));
    const registered = harness.takeAllPosted().filter(({ kind }) => kind === 'register');
    expect(registered).toEqual([{ kind: 'register', front: 3, conv: second, have: 2 }]);
  },
);

test('W20 G7 who is removed and comes back in one batch hears the end, and the new beginning', async () => {
  const world = new Followers();
  const client = await world.follow();
  const { harness } = world;
  const row = { conv: room, number: 4, from: other, at: startAt };
  harness.answer(
    stirred(room, 5, [
      [room, user, false],
      [room, user, true],
    ]),
    {
      kind: 'publish',
      conv: room,
      events: [
        { ...row, ev: 'member.remove', seq: 5, id: testId(2005), user },
        { ...row, ev: 'member.add', seq: 6, id: testId(2006), user },
        message(room, 7),
      ],
    },
  );
  harness.endTurn();
  // Nobody heard the topic in between, so the shard is asked again.
  expect(harness.takePosted().at(-1)).toEqual({ kind: 'register', front: 3, conv: room, have: 6 });
  harness.answer({ kind: 'publish', conv: room, events: [message(room, 7)] });
  harness.endTurn();
  expect(client.heard()).toMatchObject([
    { ev: 'resumed', upTo: 4 },
    { ev: 'member.remove', seq: 5 },
    { ev: 'unsubscribed', conv: room },
    { ev: 'resumed', upTo: 6 },
    { ev: 'message.new', seq: 7 },
  ]);
});

test('W21 W15 a quiet one is told once a second how things stand, and one that is behind when it keeps up again', async () => {
  const world = new Followers();
  const client = await world.follow({ quiet: true });
  const { harness } = world;
  harness.posted.length = 0;
  for (let seq = 6; seq <= 40; seq += 1) harness.answer(stirred(room, seq));
  world.heads.set(room, 40);
  harness.advance(600);
  expect(await world.serve()).toEqual(['heads.flush', 'conversations.standing']);
  expect(client.heard()).toEqual([
    { ev: 'conversation.update', conv: room, type: 'group', standing: 'member', head: 40 },
  ]);
  harness.answer(stirred(room, 41));
  harness.advance(500);
  expect(await world.serve()).toEqual([]);
  world.heads.set(room, 41);
  harness.advance(600);
  await world.serve();
  expect(client.heard()).toMatchObject([{ ev: 'conversation.update', head: 41 }]);
});

test('W20 a conversation that was silent is let go of, and begins anew', async () => {
  const world = new Followers();
  const client = await world.follow();
  const { harness } = world;
  harness.answer(stirred(room, 5), { kind: 'publish', conv: room, events: [message(room, 5)] });
  harness.endTurn();
  client.heard();
  harness.posted.length = 0;
  for (let minute = 0; minute < 3; minute += 1) {
    harness.advance(25_000);
    client.send({ op: 'ping', ref: 1 });
  }
  expect(harness.takeAllPosted()).toContainEqual({ kind: 'unregister', front: 3, conv: room });
  client.heard();
  harness.answer(stirred(room, 6), { kind: 'publish', conv: room, events: [message(room, 6)] });
  harness.endTurn();
  expect(client.heard()).toMatchObject([{ ev: 'resumed', upTo: 5 }, { seq: 6 }]);
});

test('W20 G7 who was evicted while something was missed is told how they stand, and hears the next beginning', async () => {
  const world = new Followers();
  const client = await world.follow();
  const { harness } = world;
  harness.answer(stirred(room, 5), { kind: 'publish', conv: room, events: [message(room, 5)] });
  harness.endTurn();
  client.heard();
  world.heads.set(room, 9);
  harness.answer({ kind: 'missed', conv: room, head: 9, gone: [user] });
  harness.advance(600);
  await world.serve();
  expect(client.heard()).toMatchObject([
    { ev: 'unsubscribed', conv: room },
    { ev: 'conversation.update', conv: room, head: 9 },
  ]);
  harness.answer(stirred(room, 10), { kind: 'publish', conv: room, events: [message(room, 10)] });
  harness.endTurn();
  expect(client.heard()).toMatchObject([{ ev: 'resumed', upTo: 9 }, { seq: 10 }]);
});

test('W21 a quiet one who has opened a conversation and closed it is told of it again, and of what was on its way', async () => {
  const world = new Followers();
  const client = await world.follow({ quiet: true });
  const { harness } = world;
  harness.subscribe(client, room, 5);
  harness.answer(stirred(room, 6));
  // Its event has not arrived.
  client.send({ op: 'unsubscribe', ref: 8, conv: room });
  world.heads.set(room, 6);
  harness.advance(1_100);
  await world.serve();
  expect(client.heard()).toMatchObject([{ ack: 8 }, { ev: 'conversation.update', head: 6 }]);
  harness.answer(stirred(room, 7));
  world.heads.set(room, 7);
  harness.advance(1_100);
  await world.serve();
  expect(client.heard()).toMatchObject([{ ev: 'conversation.update', head: 7 }]);
});

test('W21 G7 how a conversation stood for somebody who went while it was read is not told', async () => {
  const world = new Followers();
  const client = await world.follow({ quiet: true });
  const { harness } = world;
  harness.answer(stirred(room, 6));
  harness.advance(600);
  await world.serve(['conversations.standing']);
  const call = harness.request('call');
  harness.posted.length = 0;
  harness.answer(stirred(room, 7, [[room, user, false]]));
  world.answer(call);
  await harness.settle();
  expect(client.heard()).toEqual([]);
});

test('W20 W15 who is found slow while it begins is told what it lacks when it has drained', async () => {
  const world = new Followers();
  world.convs = [room, second];
  const client = await world.follow();
  const { harness } = world;
  const before = await harness.live(other);
  harness.subscribe(before, second, 2);
  harness.answer(stirred(room, 5), { kind: 'publish', conv: room, events: [message(room, 5)] });
  harness.endTurn();
  client.heard();
  // uWebSockets.js gives out what waits whenever it publishes: of another conversation, it finds no room for this one.
  const dropped = Buffer.from(harness.hub.published.at(-1)?.frame ?? '');
  const publish = harness.hub.publish.bind(harness.hub);
  harness.hub.publish = (topic, frame) => {
    publish(topic, frame);
    if (topic.endsWith(second)) client.session.onDropped(dropped);
  };
  client.socket.buffered = client.socket.bytesMax;
  harness.answer({ kind: 'publish', conv: second, events: [message(second, 3)] }, stirred(second, 4));
  harness.answer({ kind: 'publish', conv: second, events: [message(second, 4)] });
  harness.endTurn();
  client.socket.read();
  harness.endTurn();
  expect(client.heard()).toContainEqual({ ev: 'gap', conv: second, have: 3, head: 4 });
  expect(before.seqs()).toEqual([3, 4]);
});

test('W20 A9 nothing is kept of what was heard, neither by who lost it nor when nobody follows any more', async () => {
  const world = new Followers();
  world.convs = [room, second];
  const client = await world.follow();
  const { harness } = world;
  const following = Reflect.get(harness.front, 'following') as Following;
  const left = { conv: room, number: 4, seq: 5, id: testId(2005), from: user, at: startAt };
  harness.answer(
    stirred(room, 4),
    stirred(second, 5),
    { kind: 'publish', conv: room, events: [message(room, 4)] },
    { kind: 'publish', conv: second, events: [message(second, 5)] },
    stirred(room, 5, [[room, user, false]]),
    { kind: 'publish', conv: room, events: [{ ...left, ev: 'member.leave' }] },
  );
  harness.endTurn();
  const sessions = Reflect.get(following, 'sessions') as Map<unknown, { topics: { conv: string } }>;
  expect([...sessions.values()].map(({ topics }) => topics)).toMatchObject([{ conv: second }]);
  client.socket.close(1000, '');
  expect(following.size).toEqual({ users: 0, conversations: 0 });
  expect((Reflect.get(following, 'open') as Set<string>).size).toBe(0);
  expect(sessions.size).toBe(0);
  expect(harness.front.stats().topics).toBe(0);
});
