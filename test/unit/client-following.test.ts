import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client, ClientEvent } from '#client/client.js';
import { connect } from '#client/node.js';
import { platformPorts } from '#client/ports.js';
import type { Gap } from '#client/subscriptions.js';
import type { Operation } from '#src/wire/operations.js';
import { FakeServer, type Peer } from './client-server.js';

const room = '018f4e2a-7b1c-7abc-a000-0000000000cc';
const second = '018f4e2a-7b1c-7abc-a000-0000000000dd';
const third = '018f4e2a-7b1c-7abc-a000-0000000000ee';

let server: FakeServer;
let client: Client;
const events: ClientEvent[] = [];
const gaps: Gap[] = [];
/** What the server answers to `subscribe.all` and `sync`, one after the other; nothing new after that. */
let pages: object[] = [];

beforeEach(async () => {
  server = await FakeServer.start();
  events.length = 0;
  gaps.length = 0;
  pages = [];
  server.intercept = answerSync;
  const timers = { after: (ms: number, run: () => void) => platformPorts.timers.after(ms / 50, run) };
  client = connect({
    ...{ url: server.url, token: 'token', ports: { ...platformPorts, timers } },
    onEvent: (event) => events.push(event),
    onGap: (gap) => gaps.push(gap),
  });
});

afterEach(async () => {
  client.close();
  await server.stop();
});

function answerSync(operation: Operation, peer: Peer): boolean {
  if (operation.op !== 'subscribe.all' && operation.op !== 'sync') return false;
  const page = pages.shift() ?? { conversations: [], cursor: 'last', more: false, full: false };
  peer.tell({ ack: operation.ref, result: page as Record<string, unknown> });
  return true;
}

function standing(conv: string, head: number): object {
  return { conv, type: 'group', standing: 'member', head };
}

/** The server tells everybody who is connected. */
function tell(...messages: Parameters<Peer['tell']>): void {
  for (const peer of server.peers) peer.tell(...messages);
}

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 500 && !holds(); turns += 1) await new Promise((next) => setTimeout(next, 5));
  expect(holds()).toBe(true);
}

function seqsOf(conv: string): number[] {
  return events.flatMap((event) => ('seq' in event && event.conv === conv ? [event.seq] : []));
}

const asked = (op: Operation['op']) => server.operations.filter((operation) => operation.op === op);

test('W20 what has changed is told page by page, then the events of whatever stirs', async () => {
  pages = [
    { conversations: [standing(room, 2)], cursor: 'middle', more: true, full: false },
    { conversations: [standing(second, 7)], cursor: 'end', more: false, full: false },
  ];
  await client.follow({ cursor: 'begin' });
  expect(asked('subscribe.all')).toMatchObject([{ cursor: 'begin' }]);
  expect(asked('sync')).toMatchObject([{ cursor: 'middle' }]);
  expect(client.cursor).toBe('end');
  expect(events).toMatchObject([
    { ev: 'conversation.update', conv: room, head: 2 },
    { ev: 'conversation.update', conv: second, head: 7 },
  ]);
  for (let seq = 1; seq <= 4; seq += 1) server.append(room, `text ${seq}`);
  tell({ ev: 'resumed', conv: room, upTo: 2 }, ...server.log(room).slice(2));
  await until(() => seqsOf(room).length === 2);
  expect(seqsOf(room)).toEqual([3, 4]);
});

test('W20 all there are is what all pages name, also when one of them was lost and when more came meanwhile', async () => {
  await client.follow();
  for (const conv of [room, second, third]) {
    server.append(conv, 'text');
    tell({ ev: 'resumed', conv, upTo: 0 }, ...server.log(conv));
  }
  await until(() => seqsOf(third).length === 1);
  const first = { conversations: [standing(room, 1)], cursor: 'middle', more: true, full: true };
  server.intercept = cutOnce('middle');
  pages = [
    first,
    // Again, on the next connection; then what is left, and what changed while it was read.
    first,
    { conversations: [standing(second, 1)], cursor: 'whole', more: true, full: true },
    { conversations: [], cursor: 'end', more: false, full: false },
  ];
  tell({ ev: 'resync', at: 1 });
  await until(() => client.cursor === 'end');
  expect([room, second, third].map((conv) => client.have(conv))).toEqual([1, 1, undefined]);
});

/** The connection is lost when the page behind this cursor is asked for. */
function cutOnce(cursor: string): typeof answerSync {
  let isCut = false;
  return (operation, peer) => {
    if (isCut || operation.op !== 'sync' || operation.cursor !== cursor) return answerSync(operation, peer);
    isCut = true;
    server.cut();
    return true;
  };
}

test('W20 to follow ends, or begins anew, before all was told: who waits for it is told so', async () => {
  server.intercept = ({ op }) => op === 'subscribe.all';
  const begun = expect(client.follow()).rejects.toMatchObject({ code: 'closed' });
  const again = expect(client.follow({ quiet: true })).rejects.toMatchObject({ code: 'closed' });
  await until(() => asked('subscribe.all').length > 0);
  void client.unfollow().catch(() => {});
  await begun;
  await again;
});

test('W20 P6 after a lost connection holes are filled, in order, and none is told twice', async () => {
  await client.follow();
  for (let seq = 1; seq <= 8; seq += 1) server.append(room, `text ${seq}`);
  const log = server.log(room);
  tell({ ev: 'resumed', conv: room, upTo: 2 }, ...log.slice(2, 4));
  await until(() => seqsOf(room).length === 2);
  pages = [{ conversations: [standing(room, 8)], cursor: 'new', more: false, full: false }];
  server.cut();
  await until(() => seqsOf(room).at(-1) === 8);
  expect(asked('subscribe.all')).toMatchObject([{}, { cursor: 'last' }]);
  expect(asked('subscribe')).toEqual([]);
  tell({ ev: 'resumed', conv: room, upTo: 8 }, server.append(room, 'text 9'));
  await until(() => seqsOf(room).at(-1) === 9);
  expect(seqsOf(room)).toEqual([3, 4, 5, 6, 7, 8, 9]);
  // The server is not sure itself.
  server.append(room, 'text 10');
  pages = [{ conversations: [standing(room, 10)], cursor: 'newer', more: false, full: false }];
  tell({ ev: 'resync', at: 1 });
  await until(() => seqsOf(room).at(-1) === 10);
  expect(client.cursor).toBe('newer');
});

test('W20 very many missed events are left out, and what is lost is forgotten', async () => {
  await client.follow();
  for (let seq = 1; seq <= 700; seq += 1) server.append(room, `text ${seq}`);
  tell({ ev: 'resumed', conv: room, upTo: 2 }, ...server.log(room).slice(2, 3));
  await until(() => seqsOf(room).length === 1);
  tell({ ev: 'conversation.update', conv: room, standing: 'member', head: 690 });
  await until(() => gaps.length === 1);
  expect(gaps).toEqual([{ conv: room, have: 3, head: 690, isSkipped: true }]);
  expect(client.have(room)).toBe(690);
  tell({ ev: 'conversation.update', conv: room, standing: 'removed' });
  await until(() => client.have(room) === undefined);
  expect(asked('history')).toEqual([]);
});

test('W20 a conversation that is followed can be opened, and stays when following ends', async () => {
  await client.follow();
  for (let seq = 1; seq <= 6; seq += 1) server.append(room, `text ${seq}`);
  const log = server.log(room);
  tell({ ev: 'resumed', conv: room, upTo: 3 }, ...log.slice(3, 5));
  await until(() => seqsOf(room).length === 2);
  const opened = await client.open(room);
  expect(asked('subscribe')).toMatchObject([{ conv: room, have: 5 }]);
  await until(() => opened.messages.length === 6);
  tell(...log.slice(3));
  server.append(room, 'text 7');
  tell(...log.slice(6));
  await until(() => opened.messages.length === 7);
  expect(seqsOf(room)).toEqual([4, 5, 6, 7]);
  await client.unfollow();
  expect(client.have(room)).toBe(7);
});
