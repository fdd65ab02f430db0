/** Changes of messages and members over real sockets: what is told, to whom, and what is told to nobody. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LogEvent } from '#src/wire/events.js';
import { makePeople, type Person } from '../support/operator.js';
import { dataFolder, startServer, type TestServer } from '../support/server.js';
import { WireSocket } from '../support/wire-socket.js';

const folder = dataFolder('changes');
let server: TestServer;
const people: Person[] = [];
const sockets: WireSocket[] = [];

beforeAll(async () => {
  server = await startServer({ data: folder.path, env: { NUBO_SHARDS: '2', NUBO_FRONTS: '2' } });
  people.push(...(await makePeople(server, ['owner', 'member', 'stranger'])));
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  server.kill('everything');
  await server.ended;
  await folder.remove();
});

async function open(index: number, codec: 'json' | 'msgpack' = 'msgpack'): Promise<WireSocket> {
  const { token = '' } = people[index] ?? {};
  const socket = await WireSocket.open({ address: server.address, token, codec });
  sockets.push(socket);
  return socket;
}

async function room(owner: WireSocket, type: 'group' | 'channel' = 'group'): Promise<string> {
  const members = [people[1]?.user ?? ''];
  const { conv = '' } = await owner.do({ op: 'create', id: uuidv7(), type, title: 'room', members });
  return conv;
}

function pageOf(events: readonly LogEvent[] | undefined): LogEvent[] {
  return [...(events ?? [])];
}

test('C1 C2 C6 C8 what is done to a message is told live and in pages, and what was deleted is told no more', async () => {
  const [owner, member] = [await open(0), await open(1, 'json')];
  const conv = await room(owner);
  await member.do({ op: 'subscribe', conv });
  const message = uuidv7();
  const secret = `secret ${uuidv7()}`;
  await owner.do({ op: 'send', id: message, conv, text: secret });
  const heard = member.until((told) => ('ev' in told && told.ev === 'message.pin' ? told : undefined));
  await owner.do({ op: 'edit', id: uuidv7(), conv, message, text: `${secret} better` });
  await member.do({ op: 'react', id: uuidv7(), conv, message, emoji: '👍' });
  await owner.do({ op: 'pin', id: uuidv7(), conv, message });
  expect(await heard).toMatchObject({ message, messageSeq: 2 });
  await owner.do({ op: 'send', id: uuidv7(), conv, text: 'a reply', replyTo: message });
  const told = pageOf((await member.do({ op: 'history', conv })).events);
  expect(told.find(({ id }) => id === message)).toMatchObject({
    text: `${secret} better`,
    state: { version: 5, pinnedBy: people[0]?.user, reactions: [['👍', 1, true]] },
  });
  expect(told.at(-1)).toMatchObject({ parent: { id: message, preview: `${secret} better` } });
  expect(pageOf((await owner.do({ op: 'history', conv })).events)[1]).toMatchObject({
    state: { reactions: [['👍', 1, false]] },
  });

  expect(await member.ask({ op: 'edit', id: uuidv7(), conv, message, text: 'not mine' })).toMatchObject({
    code: 'forbidden',
  });
  await owner.do({ op: 'delete', id: uuidv7(), conv, message });
  const after = pageOf((await member.do({ op: 'history', conv })).events);
  expect(JSON.stringify(after)).not.toContain(secret);
  expect(after[1]).toMatchObject({
    id: message,
    text: '',
    state: { version: 7, deletedBy: people[0]?.user },
  });
  expect(after.find(({ ev, seq }) => ev === 'message.new' && seq === 6)).toMatchObject({
    parent: { id: message, preview: '', deleted: true },
  });
  const late = await member.ask({ op: 'react', id: uuidv7(), conv, message, emoji: '👍' });
  expect(late).toMatchObject({ code: 'not_found', stored: false });
  // Whoever listens again is told nothing of it either.
  const again = await open(1);
  const backlog: unknown[] = [];
  again.onMessage = (item) => backlog.push(item);
  await again.do({ op: 'subscribe', conv, have: 0 });
  await again.ask({ op: 'ping' });
  expect(JSON.stringify(backlog)).toContain('message.delete');
  expect(JSON.stringify(backlog)).not.toContain(secret);
});

test('G8 R6 over a socket a stranger’s frames are, byte for byte, those of a conversation that does not exist', async () => {
  const [owner, stranger] = [await open(0), await open(2, 'json')];
  const real = await room(owner);
  const message = uuidv7();
  await owner.do({ op: 'send', id: message, conv: real, text: 'hello' });
  const frames: string[] = [];
  stranger.raw.on('message', (data: Buffer) => frames.push(data.toString()));
  const answersFor = async (conv: string) => {
    const member = people[1]?.user ?? '';
    const on = { conv, message };
    const asked = [
      { op: 'send', conv, text: 'x' },
      { op: 'edit', ...on, text: 'x' },
      ...['delete', 'pin', 'unpin'].map((op) => ({ op, ...on })),
      ...['react', 'unreact'].map((op) => ({ op, ...on, emoji: 'x' })),
      ...['ban', 'unban', 'mute', 'unmute', 'add', 'remove'].map((op) => ({ op, conv, member })),
      { op: 'role', conv, member, role: 'admin' },
      { op: 'nickname', conv, member, nickname: 'x' },
      { op: 'change', conv, title: 'x' },
      ...['join', 'leave'].map((op) => ({ op, conv })),
      { op: 'subscribe', conv },
      { op: 'history', conv },
      { op: 'read', conv, seq: 1 },
    ];
    frames.length = 0;
    for (const [ref, operation] of asked.entries()) {
      const answered = stranger.answerOf(ref + 1000);
      stranger.post([{ ...operation, ref: ref + 1000, id: uuidv7() } as never]);
      await answered;
    }
    return [...frames];
  };
  const told = await answersFor(real);
  expect(told).toEqual(await answersFor(uuidv7()));
  expect(told.length).toBe(21);
});

test('G8 R6 over REST a stranger is told, byte for byte, what they are told of what does not exist', async () => {
  const owner = await open(0);
  const conv = await room(owner);
  const message = uuidv7();
  await owner.do({ op: 'send', id: message, conv, text: 'hello' });
  const { token = '' } = people[2] ?? {};
  const document = (await (await fetch(`${server.address}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const member = people[1]?.user ?? '';
  // What one or another of the operations asks for.
  const body = JSON.stringify({
    ...{ text: 'x', emoji: 'x', title: 'x', nickname: 'x', role: 'admin', seq: 1 },
    ...{ user: member, member, message, conv },
  });
  const ask = async (method: string, path: string, id: string) => {
    const place = path.replace('{id}', id).replace('{user}', member).replace('{emoji}', 'x');
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const isRead = method === 'get' || method === 'delete';
    const response = await fetch(server.address + place, {
      method: method.toUpperCase(),
      headers,
      ...(isRead ? {} : { body }),
    });
    return { status: response.status, told: (await response.text()).replaceAll(id, 'id') };
  };
  const wrong: string[] = [];
  let hidden = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    if (!/^\/(conversations|messages)\/\{id\}/.test(path)) continue;
    for (const method of Object.keys(methods).filter((name) => /^(get|post|put|patch|delete)$/.test(name))) {
      const real = await ask(method, path, path.startsWith('/messages') ? message : conv);
      const none = await ask(method, path, uuidv7());
      if (real.status === 404) hidden += 1;
      if (real.status !== none.status || real.told !== none.told)
        wrong.push(`${method} ${path}: ${JSON.stringify([real, none])}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(hidden).toBeGreaterThanOrEqual(25);
});

test('G5 G7 who is banned hears of it on every socket, nothing more, and does not come back', async () => {
  const [owner, first, second] = [await open(0), await open(1), await open(1, 'json')];
  const conv = await room(owner, 'channel');
  const heard: string[][] = [];
  for (const socket of [first, second]) {
    const mine: string[] = [];
    heard.push(mine);
    socket.onMessage = (told) => {
      if ('ev' in told && 'conv' in told && told.conv === conv) mine.push(told.ev);
    };
    await socket.do({ op: 'subscribe', conv });
  }
  const user = people[1]?.user ?? '';
  const ended = [first, second].map((socket) => socket.control('unsubscribed'));
  await owner.do({ op: 'ban', id: uuidv7(), conv, member: user });
  await owner.do({ op: 'send', id: uuidv7(), conv, text: 'gone' });
  await Promise.all(ended);
  for (const socket of [first, second]) await socket.ask({ op: 'ping' });
  expect(heard.map((mine) => mine.slice(mine.indexOf('member.ban')))).toEqual([
    ['member.ban', 'unsubscribed'],
    ['member.ban', 'unsubscribed'],
  ]);
  for (const op of ['subscribe', 'history'] as const)
    expect(await first.ask({ op, conv })).toMatchObject({ code: 'not_found' });
  expect(await first.ask({ op: 'join', id: uuidv7(), conv })).toMatchObject({ code: 'forbidden' });
  await owner.do({ op: 'unban', id: uuidv7(), conv, member: user });
  await first.do({ op: 'join', id: uuidv7(), conv });
  // Whoever comes back sees everything, what was said meanwhile as well.
  expect(pageOf((await first.do({ op: 'history', conv })).events).map(({ ev }) => ev)).toEqual([
    ...['conversation.create', 'member.ban', 'message.new', 'member.unban', 'member.join'],
  ]);
});
