import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client, ClientEvent, ConnectOptions } from '#client/client.js';
import type { Conversation } from '#client/conversation.js';
import { connect } from '#client/node.js';
import { platformPorts } from '#client/ports.js';
import { FakeServer } from './client-server.js';

const conv = '018f4e2a-7b1c-7abc-a000-0000000000cc';

let server: FakeServer;
let clients: Client[] = [];

beforeEach(async () => {
  server = await FakeServer.start();
  for (let n = 1; n <= 250; n++) server.append(conv, `old ${n}`);
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.stop();
});

function start(options: Partial<ConnectOptions> = {}): Client {
  const timers: ConnectOptions['ports'] = {
    ...platformPorts,
    timers: { after: (ms, run) => platformPorts.timers.after(ms / 50, run) },
  };
  const client = connect({ url: server.url, token: 'token', ports: timers, ...options });
  clients.push(client);
  return client;
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`it never held: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const shown = ({ messages }: Conversation) => messages.map(({ text }) => text);
const old = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `old ${from + index}`);

test('C9 an open conversation shows its last page, then what comes, and more of the past when asked', async () => {
  let changes = 0;
  const garden = await start().open(conv, { onChange: () => (changes += 1) });
  expect(shown(garden)).toEqual(old(151, 250));
  expect(garden.model.have).toBe(250);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(changes).toBeGreaterThan(0);
  changes = 0;
  server.publish([server.append(conv, 'new 1'), server.append(conv, 'new 2')]);
  await until(() => garden.model.have === 252);
  expect(shown(garden)).toEqual([...old(151, 250), 'new 1', 'new 2']);
  await until(() => changes === 1);
  while (!garden.isAtBeginning) expect(await garden.earlier()).toBe(true);
  expect(shown(garden)).toEqual([...old(1, 250), 'new 1', 'new 2']);
  expect(await garden.earlier()).toBe(false);
  await until(() => changes === 3);
});

test('C9 after a lost connection it goes on where it was', async () => {
  const client = start();
  const garden = await client.open(conv);
  server.cut();
  for (let n = 251; n <= 900; n++) server.append(conv, `old ${n}`);
  await until(() => garden.model.have === 900);
  expect(shown(garden)).toEqual(old(151, 900));
  expect(garden.model.loaded).toEqual([[151, 900]]);
});

test('C9 when too much was missed it begins anew with the last page', async () => {
  const events: ClientEvent[] = [];
  const garden = await start({ onEvent: (event) => events.push(event) }).open(conv, { catchUpMax: 600 });
  server.cut();
  for (let n = 251; n <= 900; n++) server.append(conv, `old ${n}`);
  await until(() => garden.messages.at(-1)?.seq === 900);
  expect(shown(garden)).toEqual(old(801, 900));
  expect(garden.model.loaded).toEqual([[801, 900]]);
  server.publish([server.append(conv, 'next')]);
  await until(() => garden.model.have === 901);
  expect(events.map((event) => 'seq' in event && event.seq)).toEqual([901]);
});

test('P6 an event of an unknown kind takes up its place, and nobody hears of it', async () => {
  const events: ClientEvent[] = [];
  const garden = await start({ onEvent: (event) => events.push(event) }).open(conv);
  const places = JSON.stringify({ ev: 'message.sparkle', conv, seq: 251, number: 250 });
  const [peer] = server.peers;
  // In msgpack: an array of a code from the future, the conversation and the seq.
  const frame = [0x93, 0xcc, 0x7f, 0xd9, 36, ...Buffer.from(conv), 0xcc, 251];
  if (peer?.codec === 'json') peer.socket.send(places);
  else peer?.socket.send(Buffer.from(frame));
  await until(() => garden.model.have === 251);
  expect(events).toEqual([]);
  expect(garden.messages.at(-1)?.text).toBe('old 250');
});

test('a conversation is opened once at a time, and closing it ends its subscription', async () => {
  const client = start();
  const garden = await client.open(conv);
  await expect(client.open(conv)).rejects.toMatchObject({ code: 'conflict' });
  garden.close();
  expect(garden.isOpen).toBe(false);
  await until(() => server.operations.some(({ op }) => op === 'unsubscribe'));
  expect(client.have(conv)).toBeUndefined();
  const again = await client.open(conv);
  expect(again.isOpen).toBe(true);
  const [peer] = server.peers;
  peer?.tell({ ev: 'unsubscribed', conv });
  await until(() => !again.isOpen);
  expect(shown(again)).toEqual(old(151, 250));
});

test('one that is listened to already can be opened, and shows the same', async () => {
  const client = start();
  await client.subscribe(conv, { have: 245 });
  await until(() => client.have(conv) === 250);
  const garden = await client.open(conv);
  expect(shown(garden)).toEqual(old(151, 250));
  server.publish([server.append(conv, 'next')]);
  await until(() => garden.model.have === 251);
});
