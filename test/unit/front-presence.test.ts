/** Presence from socket to socket: a front and the actor, without threads. */
import { expect, test } from 'vitest';
import type { ServerMessage } from '#src/wire/events.js';
import { type FakeClient, isAck, isError, startAt, testId } from '#test/support/front-harness.js';
import { PresenceWorld } from '#test/support/presence-world.js';

const [alice, bob, carol] = [testId(1), testId(2), testId(3)];

function updates(messages: readonly ServerMessage[]): Array<[string, string, number?]> {
  return messages.flatMap((message): Array<[string, string, number?]> => {
    if (!('ev' in message) || message.ev !== 'presence.update') return [];
    const { user, status, lastSeen } = message;
    return lastSeen === undefined ? [[user, status]] : [[user, status, lastSeen]];
  });
}

const heardOf = (client: FakeClient) => updates(client.heard());

test('E3 who watches is answered with how everybody is now, and then hears of changes', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  await world.live(bob);
  world.advance(2_000);
  const told = world.watch(watcher, bob, carol, bob);
  expect(told[0]).toEqual({ ack: 1 });
  expect(updates(told)).toEqual([
    [bob, 'online'],
    [carol, 'offline'],
  ]);
  const other = await world.live(carol);
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[carol, 'online']]);
  other.socket.close(1000, '');
  const leftAt = world.harness.now;
  world.advance(3_000);
  const [[user, status, lastSeen = 0] = []] = heardOf(watcher);
  expect([user, status]).toEqual([carol, 'offline']);
  expect(lastSeen - leftAt).toBeLessThanOrEqual(1_000);
  watcher.send({ op: 'presence.unwatch', ref: 2, users: [carol] });
  expect(watcher.heard()).toEqual([{ ack: 2 }]);
  await world.live(carol);
  world.advance(3_000);
  expect(watcher.heard()).toEqual([]);
});

test('E1 a user is online where any device is, and invisible everywhere as soon as one is', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  world.watch(watcher, bob);
  const [phone, desk] = [await world.live(bob), await world.live(bob)];
  const becomes = (client: FakeClient, status: 'online' | 'away' | 'invisible') => {
    client.send({ op: 'presence.set', ref: 1, status });
    world.advance(3_000);
    return heardOf(watcher).map(([, told]) => told);
  };
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[bob, 'online']]);
  expect(becomes(phone, 'away')).toEqual([]);
  expect(becomes(desk, 'away')).toEqual(['away']);
  expect(becomes(phone, 'invisible')).toEqual(['offline']);
  expect(becomes(desk, 'online')).toEqual([]);
  expect(becomes(phone, 'online')).toEqual(['online']);
  phone.socket.close(1000, '');
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([]);
});

test('E1 who says at once that they are invisible is never seen, and who reconnects was never away', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  world.watch(watcher, bob, carol);
  const hidden = await world.live(bob);
  hidden.send({ op: 'presence.set', ref: 1, status: 'invisible' });
  const first = await world.live(carol);
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[carol, 'online']]);
  first.socket.close(1000, '');
  await world.live(carol);
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([]);
  expect(world.kept.size).toBe(0);
});

test('E2 a socket that asks for nothing counts as away, and pings do not keep it', async () => {
  const world = new PresenceWorld({ awayMs: 20_000 });
  const watcher = await world.live(alice);
  const client = await world.live(bob);
  world.advance(2_000);
  expect(updates(world.watch(watcher, bob))).toEqual([[bob, 'online']]);
  for (let passed = 0; passed < 24; passed += 4) {
    client.send({ op: 'ping', ref: passed });
    world.advance(4_000);
  }
  expect(heardOf(watcher)).toEqual([[bob, 'away']]);
  client.send({ op: 'typing.start', conv: testId(9) });
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[bob, 'online']]);
  client.send({ op: 'presence.set', ref: 9, status: 'away' });
  world.advance(3_000);
  client.send({ op: 'typing.start', conv: testId(9) });
  world.advance(3_000);
  // Said, not found: only saying otherwise ends it.
  expect(heardOf(watcher)).toEqual([[bob, 'away']]);
});

test('E3 who does not exist or hides looks offline and is not listened to', async () => {
  const world = new PresenceWorld();
  world.unknown.add(bob);
  const watcher = await world.live(alice);
  await world.live(bob);
  world.advance(2_000);
  expect(updates(world.watch(watcher, bob))).toEqual([[bob, 'offline']]);
  world.advance(3_000);
  expect(watcher.heard()).toEqual([]);
});

test('E3 who is blocked while watched goes offline for the one, and for nobody else', async () => {
  const world = new PresenceWorld();
  const [blocked, friend] = [await world.live(alice), await world.live(carol)];
  const client = await world.live(bob);
  world.advance(2_000);
  for (const watcher of [blocked, friend]) world.watch(watcher, bob);
  world.harness.answer({ kind: 'hidden', user: bob, from: alice });
  world.advance(1_000);
  expect([heardOf(blocked), heardOf(friend)]).toEqual([[[bob, 'offline']], []]);
  client.send({ op: 'presence.set', ref: 1, status: 'away' });
  world.advance(3_000);
  expect([heardOf(blocked), heardOf(friend)]).toEqual([[], [[bob, 'away']]]);
});

test('E3 a socket watches at most 256 users; a question that cannot be answered watches nobody', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  const users = (from: number, count: number) => Array.from({ length: count }, (_, n) => testId(from + n));
  expect(updates(world.watch(watcher, ...users(100, 200)))).toHaveLength(200);
  expect(world.watch(watcher, ...users(290, 70)).filter(isError)).toMatchObject([
    { err: 1, code: 'invalid' },
  ]);
  // Twice the same is once.
  expect(world.watch(watcher, ...users(244, 112)).filter(isAck)).toHaveLength(1);
  const other = await world.live(bob);
  world.isStoreAway = true;
  expect(world.watch(other, carol).filter(isError)).toMatchObject([{ code: 'unavailable' }]);
  world.isStoreAway = false;
  await world.live(carol);
  world.advance(3_000);
  expect(other.heard()).toEqual([]);
  other.socket.close(1000, '');
  watcher.socket.close(1000, '');
  world.advance(2_000);
  expect(world.harness.faults).toEqual([]);
});

test('E4 changes come as one frame a second within the budget, the last state of each, and nothing is lost', async () => {
  const world = new PresenceWorld({ ephemeralBytesPerSecond: 1_200 });
  const watcher = await world.live(alice);
  const users = Array.from({ length: 50 }, (_, n) => testId(1_000 + n));
  world.watch(watcher, ...users);
  const clients: FakeClient[] = [];
  for (const user of users) clients.push(await world.live(user));
  const perSecond: number[] = [];
  const last = new Map<string, string>();
  for (let second = 0; second < 20; second += 1) {
    // They go on changing for a while, more than can be told.
    if (second < 10)
      for (const client of clients)
        client.send({ op: 'presence.set', ref: 1, status: second % 2 === 0 ? 'away' : 'online' });
    world.advance(1_000);
    const frames = watcher.socket.frames.splice(0);
    expect(frames.length).toBeLessThanOrEqual(1);
    perSecond.push(frames.reduce((sum, frame) => sum + frame.length, 0));
    watcher.socket.frames.push(...frames);
    for (const [user, status] of heardOf(watcher)) last.set(user, status);
  }
  expect(Math.max(...perSecond)).toBeLessThanOrEqual(600);
  expect(Math.max(...perSecond)).toBeGreaterThan(400);
  expect(perSecond.slice(-2)).toEqual([0, 0]);
  expect([...last.values()]).toEqual(users.map(() => 'online'));
});

test('E4 W15 who is behind is told of presence when it has caught up', async () => {
  const world = new PresenceWorld({ softBufferBytes: 1_000, bufferBytesMax: 500_000 });
  const watcher = await world.live(alice);
  world.watch(watcher, bob);
  watcher.socket.isReading = false;
  watcher.send(...Array.from({ length: 100 }, (_, ref) => ({ op: 'ping', ref }) as const));
  world.harness.endTurn();
  watcher.heard();
  const client = await world.live(bob);
  world.advance(3_000);
  client.send({ op: 'presence.set', ref: 1, status: 'away' });
  world.advance(3_000);
  expect(watcher.heard()).toEqual([]);
  watcher.socket.read();
  world.advance(2_000);
  expect(heardOf(watcher)).toEqual([[bob, 'away']]);
});

test.each(['actor', 'thread'] as const)(
  'E5 when the %s that knew who is there has died, presence heals within seconds',
  async (how) => {
    const world = new PresenceWorld();
    const watcher = await world.live(alice);
    const clients = [await world.live(bob), await world.live(carol)];
    world.advance(2_000);
    world.watch(watcher, bob, carol);
    world.restart(how);
    clients[0]?.socket.close(1000, '');
    world.advance(4_000);
    expect(heardOf(watcher).map(([user, status]) => [user, status])).toEqual([[bob, 'offline']]);
    clients[1]?.send({ op: 'presence.set', ref: 1, status: 'away' });
    world.advance(3_000);
    expect(heardOf(watcher)).toEqual([[carol, 'away']]);
  },
);

test('E5 what finds no room on a link is said when there is some', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  world.watch(watcher, bob);
  world.harness.full.add(0);
  await world.live(bob);
  world.advance(3_000);
  world.harness.full.clear();
  world.isFull = true;
  world.advance(3_000);
  expect(watcher.heard()).toEqual([]);
  world.isFull = false;
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[bob, 'online']]);
});

test('E5 the sockets of a front that died count as gone', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  world.actor.receive({ kind: 'present', front: 7, users: [[bob, 'online']] });
  expect(updates(world.watch(watcher, bob))).toEqual([[bob, 'online']]);
  world.actor.receive({ kind: 'front gone', front: 7 });
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[bob, 'offline', startAt]]);
});

test('E6 when one was last seen is kept, not moved by being invisible, and told only to whom it may be', async () => {
  const world = new PresenceWorld();
  const watcher = await world.live(alice);
  world.kept.set(carol, { lastSeen: startAt - 60_000, hidesLastSeen: true });
  world.kept.set(bob, { lastSeen: startAt - 60_000 });
  expect(updates(world.watch(watcher, bob, carol))).toEqual([
    [bob, 'offline', startAt - 60_000],
    [carol, 'offline'],
  ]);
  const client = await world.live(bob);
  world.advance(2_000);
  client.send({ op: 'presence.set', ref: 1, status: 'invisible' });
  world.advance(10_000);
  const hiddenAt = heardOf(watcher).at(-1)?.[2] ?? 0;
  client.socket.close(1000, '');
  world.advance(20_000);
  expect(world.kept.get(bob)?.lastSeen).toBe(hiddenAt);
  expect(heardOf(watcher)).toEqual([]);
  world.actor.receive({ kind: 'privacy changed', user: bob, hidesLastSeen: true });
  world.advance(3_000);
  expect(heardOf(watcher)).toEqual([[bob, 'offline']]);
});

test('E6 what could not be kept is kept later, and at the end everybody who is there was seen now', async () => {
  const world = new PresenceWorld();
  const client = await world.live(bob);
  await world.live(carol);
  world.advance(2_000);
  world.isStoreAway = true;
  client.socket.close(1000, '');
  world.advance(12_000);
  expect(world.kept.size).toBe(0);
  world.isStoreAway = false;
  world.advance(12_000);
  expect([...world.kept.keys()]).toEqual([bob]);
  let isOver = false;
  world.actor.receive({ kind: 'end', done: () => (isOver = true) });
  expect(isOver).toBe(true);
  expect(world.kept.get(carol)?.lastSeen).toBe(world.harness.now);
});
