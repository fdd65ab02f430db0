/** Sync, mentions, marks and receipts through a whole server, over the wire and over REST. */
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Services } from '#src/threads/services.js';
import type { ControlEvent } from '#src/wire/events.js';
import { temporaryFolder } from '../support/children.js';
import { makePeople, type Person } from '../support/operator.js';
import { startServer, type TestServer } from '../support/server.js';
import { WireSocket } from '../support/wire-socket.js';

type Synced = Services['sync']['output'];

const folder = temporaryFolder('sync-server');
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

async function open({ token }: Person, codec: 'json' | 'msgpack' = 'msgpack'): Promise<WireSocket> {
  const socket = await WireSocket.open({ address: server.address, token, codec });
  sockets.push(socket);
  return socket;
}

async function group(owner: WireSocket, ...members: Person[]): Promise<string> {
  const id = uuidv7();
  await owner.do({
    op: 'create',
    id,
    type: 'group',
    title: 'Group',
    members: members.map(({ user }) => user),
  });
  return id;
}

async function sync(socket: WireSocket, cursor?: string): Promise<Synced> {
  const ack = await socket.do({ op: 'sync', ...(cursor === undefined ? {} : { cursor }) });
  return ack.result as unknown as Synced;
}

async function rest<Body>(person: Person, path: string, init: RequestInit = {}): Promise<Body> {
  const response = await fetch(`${server.address}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as Body;
}

test('U1 U3 U4 a cursor gives what changed since, with mentions and marks, the same over REST and in lists', async () => {
  const [ann, bob] = people;
  const [first, second] = [await open(ann), await open(bob, 'json')];
  const rooms = [await group(first, bob), await group(first, bob), await group(first, bob)] as const;
  const [room] = rooms;
  const before = await sync(second);
  expect(before.full).toBe(true);
  expect(new Set(before.conversations.map(({ conv }) => conv))).toEqual(new Set(rooms));
  expect(await sync(second, before.cursor)).toMatchObject({ conversations: [], more: false, full: false });

  const message = uuidv7();
  await first.do({ op: 'send', id: message, conv: room, text: 'you', mentions: [bob.user] });
  await first.do({ op: 'send', id: uuidv7(), conv: room, text: 'all', everyone: true });
  await first.do({ op: 'send', id: uuidv7(), conv: room, text: 'nobody' });
  const after = await sync(second, before.cursor);
  const seen = { conv: room, standing: 'member', head: 4, number: 3, unread: 3, mentions: 2, mark: 0 };
  expect(after.conversations).toEqual([
    expect.objectContaining({ ...seen, title: 'Group', preview: 'nobody', role: 'member' }),
  ]);
  expect(await rest(bob, `/sync?cursor=${before.cursor}`)).toEqual(after);
  const { conversations } = await rest<{ conversations: Array<{ id: string }> }>(bob, '/conversations');
  expect(conversations.find(({ id }) => id === room)).toMatchObject({ unread: 3, mentions: 2, mark: 0 });

  const other = await open(bob);
  const told = other.control('read.update');
  await second.do({ op: 'read', conv: room, seq: 4 });
  expect(await told).toEqual({ ev: 'read.update', conv: room, marks: [[bob.user, 3, 0]] });
  const read = await sync(second, after.cursor);
  expect(read.conversations).toMatchObject([{ conv: room, unread: 0, mentions: 0, mark: 3 }]);
  await second.do({ op: 'unread', conv: room, seq: 3 });
  const back = await sync(second, read.cursor);
  expect(back.conversations).toMatchObject([{ conv: room, unread: 2, mentions: 1, mark: 1 }]);

  await first.do({ op: 'remove', id: uuidv7(), conv: room, member: bob.user });
  const gone = await sync(second, back.cursor);
  expect(gone.conversations).toEqual([{ conv: room, type: 'group', standing: 'removed' }]);
  await first.do({ op: 'send', id: uuidv7(), conv: room, text: 'without bob' });
  expect((await sync(second, gone.cursor)).conversations).toEqual([]);
});

test('U1 U2 a cursor that is none is refused, one of another database gives everything', async () => {
  const [ann] = people;
  const socket = await open(ann);
  expect(await socket.ask({ op: 'sync', cursor: 'nonsense' })).toMatchObject({ code: 'invalid' });
  const ahead = Buffer.from(JSON.stringify([[[0, 1e9]], null])).toString('base64url');
  const all = await sync(socket);
  expect((await sync(socket, ahead)).full).toBe(true);
  expect((await sync(socket, ahead)).conversations.length).toBe(all.conversations.length);
});

test('U5 U6 others hear of marks, receipts count them, and who switched them off shows and sees none', async () => {
  const [ann, bob, eve] = people;
  const [first, second, third] = [await open(ann), await open(bob), await open(eve)];
  const room = await group(first, bob, eve);
  const { seq = 0, id } = await first.do({ op: 'send', id: uuidv7(), conv: room, text: 'one' });
  for (const socket of [first, second, third]) await socket.do({ op: 'subscribe', conv: room });
  const heard = first.control('read.update');
  await second.do({ op: 'delivered', conv: room, seq });
  expect(await heard).toEqual({ ev: 'read.update', conv: room, marks: [[bob.user, 0, 1]] });
  const counts = async () => (await first.do({ op: 'receipts', message: id ?? '' })).result;
  expect(await counts()).toEqual({ delivered: 1, read: 0, readers: [] });
  await second.do({ op: 'read', conv: room, seq });
  expect(await counts()).toEqual({ delivered: 1, read: 1, readers: [bob.user] });
  expect(await rest(ann, `/messages/${id}/receipts`)).toEqual(await counts());
  await second.do({ op: 'unread', conv: room, seq });
  expect(await counts()).toEqual({ delivered: 1, read: 1, readers: [bob.user] });

  await rest(eve, '/me/settings', { method: 'PATCH', body: JSON.stringify({ readReceipts: false }) });
  const hidden: string[] = [];
  const shown: string[] = [];
  const names = (list: string[]) => (message: object) => {
    if ('ev' in message && message.ev === 'read.update')
      for (const [user] of (message as ControlEvent<'read.update'>).marks) list.push(user);
  };
  first.onMessage = names(shown);
  third.onMessage = names(hidden);
  await third.do({ op: 'read', conv: room, seq });
  await second.do({ op: 'read', conv: room, seq });
  await expect.poll(() => shown, { timeout: 5_000 }).toContain(bob.user);
  expect(shown).not.toContain(eve.user);
  expect(hidden).not.toContain(bob.user);
  expect(await counts()).toMatchObject({ read: 1 });
  expect(await third.ask({ op: 'receipts', message: id ?? '' })).toMatchObject({ code: 'forbidden' });
  const elsewhere = await group(second);
  const foreign = await second.do({ op: 'send', id: uuidv7(), conv: elsewhere, text: 'not for ann' });
  expect(await first.ask({ op: 'receipts', message: foreign.id ?? '' })).toMatchObject({ code: 'not_found' });
});

test('U3 U7 a deleted message mentions nobody, stays unread, and its preview is gone', async () => {
  const [ann, bob] = people;
  const [first, second] = [await open(ann), await open(bob)];
  const room = await group(first, bob);
  const message = uuidv7();
  await first.do({ op: 'send', id: message, conv: room, text: 'oh no', mentions: [bob.user] });
  const told = await sync(second);
  const stood = told.conversations.find(({ conv }) => conv === room);
  expect(stood).toMatchObject({ unread: 1, mentions: 1, preview: 'oh no' });
  await first.do({ op: 'delete', id: uuidv7(), conv: room, message });
  const { conversations } = await sync(second, told.cursor);
  expect(conversations).toEqual([expect.objectContaining({ conv: room, unread: 1, mentions: 0 })]);
  expect(conversations[0]).not.toHaveProperty('preview');
});

test('U8 quiet is told in lists, in sync and on the other devices, and to nobody else', async () => {
  const [ann, bob] = people;
  const [one, other, theirs] = [await open(ann), await open(ann, 'json'), await open(bob)];
  const conv = await group(one, bob);
  const told: ControlEvent[] = [];
  theirs.onMessage = (message) => {
    if ('ev' in message && message.ev === 'quiet.update') told.push(message);
  };
  const { cursor } = await sync(one);
  const until = Date.now() + 3_600_000;
  const heard = other.control('quiet.update');
  await one.do({ op: 'quiet', conv, until });
  expect(await heard).toEqual({ ev: 'quiet.update', conv, until });
  const now = await sync(one, cursor);
  expect(now.conversations).toMatchObject([{ conv, quietUntil: until }]);
  const viewOf = (person: Person) => rest<{ quietUntil: number | null }>(person, `/conversations/${conv}`);
  expect([(await viewOf(ann)).quietUntil, (await viewOf(bob)).quietUntil]).toEqual([until, null]);
  expect((await sync(theirs)).conversations.some((each) => each.quietUntil !== undefined)).toBe(false);
  // Until it is taken back, and taken back.
  await rest(ann, `/conversations/${conv}/quiet`, { method: 'PUT', body: '{}' });
  expect((await viewOf(ann)).quietUntil).toBe(-1);
  await rest(ann, `/conversations/${conv}/quiet`, { method: 'PUT', body: '{"until":0}' });
  const after = await sync(one, now.cursor);
  expect(after.conversations.map((each) => [each.conv, each.quietUntil])).toEqual([[conv, undefined]]);
  expect((await viewOf(ann)).quietUntil).toBeNull();
  const eve = await open(people[2]);
  const hidden = await eve.ask({ op: 'quiet', conv, until });
  expect(hidden).toMatchObject({ code: 'not_found' });
  expect(await eve.ask({ op: 'quiet', conv: uuidv7(), until })).toMatchObject({
    ...{ code: 'not_found', message: 'err' in hidden ? hidden.message : '' },
  });
  expect(await one.ask({ op: 'quiet', conv, until: -5 })).toMatchObject({ code: 'invalid' });
  await one.do({ op: 'quiet', conv, until: Date.now() - 1 });
  expect((await viewOf(ann)).quietUntil).toBeNull();
  await theirs.do({ op: 'ping' });
  expect(told).toEqual([]);
});
