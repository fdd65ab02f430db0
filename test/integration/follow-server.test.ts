/** Following all conversations through a whole server with two shards. */
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControlEvent, LogEvent, ServerMessage } from '#src/wire/events.js';
import { temporaryFolder } from '../support/children.js';
import { makePeople, type Person } from '../support/operator.js';
import { startServer, type TestServer } from '../support/server.js';
import { WireSocket } from '../support/wire-socket.js';

const folder = temporaryFolder('follow-server');
let server: TestServer;
let people: [Person, Person, Person];
const sockets: WireSocket[] = [];

beforeAll(async () => {
  server = await startServer({ data: join(folder.path, 'data'), env: { NUBO_SHARDS: '2' } });
  people = (await makePeople(server, ['ann', 'bob', 'eve'])) as [Person, Person, Person];
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await server.stop();
  folder.remove();
}, 60_000);

/** A socket, and everything it was told. */
async function open({ token }: Person): Promise<{ socket: WireSocket; heard: ServerMessage[] }> {
  const heard: ServerMessage[] = [];
  const socket = await WireSocket.open({ address: server.address, token, codec: 'json' });
  socket.onMessage = (message) => void heard.push(message as ServerMessage);
  sockets.push(socket);
  return { socket, heard };
}

async function group(owner: WireSocket, ...members: Person[]): Promise<string> {
  const id = uuidv7();
  const named = members.map(({ user }) => user);
  await owner.do({ op: 'create', id, type: 'group', title: 'Group', members: named });
  return id;
}

function eventsOf(heard: readonly ServerMessage[], conv: string): Array<LogEvent | ControlEvent> {
  return heard.filter(
    (message): message is LogEvent | ControlEvent =>
      'ev' in message && 'conv' in message && message.conv === conv,
  );
}

async function until<Value>(look: () => Value | undefined): Promise<Value> {
  for (const endsAt = Date.now() + 10_000; Date.now() < endsAt; ) {
    const value = look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it did not come');
}

function updateOf(heard: readonly ServerMessage[], conv: string, fields: Record<string, unknown>) {
  return until(() =>
    eventsOf(heard, conv).find(
      (event) =>
        event.ev === 'conversation.update' &&
        Object.entries(fields).every(([name, value]) => event[name as keyof typeof event] === value),
    ),
  );
}

test('W20 G7 who follows hears all conversations, those they come to, and none that they lost', async () => {
  const [ann, bob] = people;
  const [{ socket: first }, { socket: second, heard }] = [await open(ann), await open(bob)];
  const rooms = await Promise.all(Array.from({ length: 8 }, () => group(first, bob)));
  const { result } = await second.do({ op: 'subscribe.all' });
  expect(result).toMatchObject({ full: true, more: false });
  const known = (result?.conversations ?? []) as Array<{ conv: string }>;
  expect(new Set(known.map(({ conv }) => conv))).toEqual(new Set(rooms));

  for (const conv of rooms) await first.do({ op: 'send', id: uuidv7(), conv, text: 'one' });
  await first.do({ op: 'send', id: uuidv7(), conv: rooms[0] as string, text: 'two' });
  for (const conv of rooms) {
    await until(() => eventsOf(heard, conv).find(({ ev }) => ev === 'message.new'));
    const [begin] = eventsOf(heard, conv).filter(({ ev }) => ev !== 'conversation.update');
    expect(begin).toEqual({ ev: 'resumed', conv, upTo: 1 });
  }
  await until(() => eventsOf(heard, rooms[0] as string).find((event) => 'seq' in event && event.seq === 3));

  const later = await group(first, bob);
  await first.do({ op: 'send', id: uuidv7(), conv: later, text: 'welcome' });
  await until(() => eventsOf(heard, later).find(({ ev }) => ev === 'message.new'));
  await updateOf(heard, later, { standing: 'member', role: 'member' });

  await first.do({ op: 'remove', id: uuidv7(), conv: later, member: bob.user });
  await first.do({ op: 'send', id: uuidv7(), conv: later, text: 'without bob' });
  await updateOf(heard, later, { standing: 'removed' });
  await first.do({ op: 'add', id: uuidv7(), conv: later, member: bob.user });
  const back = await until(() =>
    eventsOf(heard, later).find((event) => 'seq' in event && event.ev === 'member.add' && event.seq === 5),
  );
  expect(back).toMatchObject({ user: bob.user });
  const texts = eventsOf(heard, later).flatMap((event) => (event.ev === 'message.new' ? [event.text] : []));
  expect(texts).toEqual(['welcome']);

  await second.do({ op: 'unsubscribe.all' });
  heard.length = 0;
  await first.do({ op: 'send', id: uuidv7(), conv: rooms[1] as string, text: 'unheard' });
  await second.do({ op: 'ping' });
  expect(eventsOf(heard, rooms[1] as string)).toEqual([]);
});

test('W21 who follows quietly is told how conversations stand, at most once a second, and no event', async () => {
  const [ann, , eve] = people;
  const [{ socket: first }, { socket: third, heard }] = [await open(ann), await open(eve)];
  const rooms = [await group(first, eve), await group(first, eve)] as const;
  await third.do({ op: 'subscribe.all', quiet: true });
  const begunAt = Date.now();
  for (let count = 0; count < 200; count += 1) {
    for (const conv of rooms) await first.do({ op: 'send', id: uuidv7(), conv, text: `number ${count}` });
  }
  await first.do({ op: 'send', id: uuidv7(), conv: rooms[0], text: 'you', mentions: [eve.user] });
  const told = await updateOf(heard, rooms[0], { number: 201 });
  expect(told).toMatchObject({
    head: 202,
    unread: 201,
    mentions: 1,
    mark: 0,
    preview: 'you',
    title: 'Group',
  });
  await updateOf(heard, rooms[1], { number: 200, unread: 200, mentions: 0 });
  const seconds = Math.ceil((Date.now() - begunAt) / 1000);
  for (const conv of rooms) {
    expect(eventsOf(heard, conv).length).toBeLessThanOrEqual(seconds + 1);
    expect(eventsOf(heard, conv).every(({ ev }) => ev === 'conversation.update')).toBe(true);
  }
});
