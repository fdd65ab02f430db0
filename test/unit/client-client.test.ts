import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client, ClientEvent, ConnectOptions } from '#client/client.js';
import { connect } from '#client/node.js';
import { platformPorts } from '#client/ports.js';
import type { Gap } from '#client/subscriptions.js';
import { timeOfId } from '#src/ids.js';
import type { RuntimePorts } from '#src/runtime/ports.js';
import type { Codec } from '#src/wire/codec.js';
import type { LogEvent } from '#src/wire/events.js';
import { durableNames, type Operation } from '#src/wire/operations.js';
import { FakeServer, type Peer, user } from './client-server.js';

const conv = '018f4e2a-7b1c-7abc-a000-0000000000cc';
const other = '018f4e2a-7b1c-7abc-a000-0000000000dd';

let server: FakeServer;
let clients: Client[] = [];

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.stop();
});

/** Fifty times as fast as real time; what was waited for is kept. */
function fastPorts(random = 0.5): RuntimePorts & { waits: number[] } {
  const waits: number[] = [];
  return {
    ...platformPorts,
    random: { next: () => random },
    timers: {
      after(ms, run) {
        waits.push(ms);
        return platformPorts.timers.after(ms / 50, run);
      },
    },
    waits,
  };
}

function open(options: Partial<ConnectOptions> = {}): Client & { events: ClientEvent[]; gaps: Gap[] } {
  const events: ClientEvent[] = [];
  const gaps: Gap[] = [];
  const client = connect({
    url: server.url,
    token: 'token',
    ports: fastPorts(),
    onEvent: (event) => events.push(event),
    onGap: (gap) => gaps.push(gap),
    ...options,
  });
  clients.push(client);
  return Object.assign(client, { events, gaps });
}

/** Resolves when the condition holds; asked after every turn. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`it never held: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const seqsOf = (events: ClientEvent[]) =>
  events.filter((event): event is LogEvent => 'seq' in event).map(({ seq }) => seq);
const upTo = (count: number, from = 1) =>
  Array.from({ length: count - from + 1 }, (_, index) => from + index);
const sent = () => server.operations.filter(({ op }) => op === 'send');

describe.each(['msgpack', 'json'] as Codec[])('over %s', (codec) => {
  test('W4 W5 logs in with its first frame and knows who it is', async () => {
    const client = open({ codec });
    const hello = await client.ready;
    expect(hello.user).toBe(user);
    expect(client.user).toBe(user);
    expect(server.frames[0]).toEqual([{ op: 'auth', ref: 0, token: 'token' }]);
    expect([...server.peers][0]?.codec).toBe(codec);
  });

  test('P1 a send resolves with its id and place, and subscribers hear it', async () => {
    const client = open({ codec });
    expect(await client.subscribe(conv)).toEqual({ head: 0 });
    const stored = await client.send({ conv, text: 'Grüße 😀', metadata: { a: [1] } });
    expect(stored).toEqual({ id: server.log(conv)[0]?.id, seq: 1, at: 1001, conv });
    await until(() => client.events.length === 1);
    expect(client.events[0]).toMatchObject({ ev: 'message.new', seq: 1, text: 'Grüße 😀' });
  });

  test('W3 what is asked in one turn leaves in one frame, and frames keep the limits', async () => {
    const client = open({ codec });
    await client.ready;
    server.frames.length = 0;
    await Promise.all(upTo(10).map((n) => client.send({ conv, text: `m${n}` })));
    expect(server.frames).toHaveLength(1);
    await Promise.all(upTo(300).map(() => client.send({ conv, text: 'x' })));
    expect(server.frames).toHaveLength(3);
    // 4 × 30 KB: two would fit a frame, so would all of their halves
    await Promise.all(upTo(4).map(() => client.send({ conv, text: 'y'.repeat(30_000) })));
    expect(server.frames.slice(3).map((frame) => frame.length)).toEqual([2, 2]);
    expect(server.log(conv)).toHaveLength(314);
  });
});

describe('sending again', () => {
  const message = '018f4e2a-7b1c-7000-8000-0000000000aa';
  const doings: ReadonlyArray<readonly [string, (client: Client) => Promise<unknown>]> = [
    ['send', (client) => client.send({ conv, text: 'x' })],
    ['create', (client) => client.create({ type: 'group' })],
    ['change', (client) => client.change({ conv, title: 'x' })],
    ['join', (client) => client.join(conv)],
    ['leave', (client) => client.leave(conv)],
    ['add', (client) => client.add(conv, other)],
    ['remove', (client) => client.remove(conv, other)],
    ['edit', (client) => client.edit({ conv, message, text: 'x' })],
    ['delete', (client) => client.delete(conv, message)],
    ['react', (client) => client.react(conv, message, '👍')],
    ['unreact', (client) => client.unreact(conv, message, '👍')],
    ['pin', (client) => client.pin(conv, message)],
    ['unpin', (client) => client.unpin(conv, message)],
    ['role', (client) => client.role(conv, other, 'admin')],
    ['ban', (client) => client.ban(conv, other, { reason: 'spam' })],
    ['unban', (client) => client.unban(conv, other)],
    ['mute', (client) => client.mute(conv, other, { until: 5 })],
    ['unmute', (client) => client.unmute(conv, other)],
    ['nickname', (client) => client.nickname(conv, other, 'Bo')],
  ];

  test('P2 W17 everything that is stored is sent again with its id when the connection is lost', async () => {
    expect(doings.map(([name]) => name).toSorted()).toEqual([...durableNames].toSorted());
    const client = open();
    await client.ready;
    for (const [op, ask] of doings) {
      const seen: Operation[] = [];
      server.intercept = (operation, peer) => {
        if (operation.op !== op) return false;
        seen.push(operation);
        if (seen.length === 1) server.cut();
        else
          peer.tell({ ack: operation.ref ?? 0, id: (operation as { id: string }).id, seq: 7, at: 8, conv });
        return true;
      };
      const stored = await ask(client);
      const [first, second] = seen as Array<{ id: string }>;
      expect({ op, ids: [second?.id, (stored as { id: string }).id] }).toEqual({
        op,
        ids: [first?.id, first?.id],
      });
      expect(stored).toMatchObject({ seq: 7, at: 8, conv });
    }
  });

  test('W17 what is looked up is what the server found, in both codecs', async () => {
    const result = { members: [{ user, role: 'owner', nickname: null, joinedAt: 5 }], next: null };
    server.intercept = (operation, peer) => {
      if (operation.op === 'members') peer.tell({ ack: operation.ref, result });
      else if (operation.op === 'sessions.end') server.cut();
      return operation.op === 'members' || operation.op === 'sessions.end';
    };
    for (const codec of ['msgpack', 'json'] as const) {
      const client = open({ codec });
      expect(await client.find('members', { conv, limit: 5 })).toEqual(result);
      await expect(client.find('members', { conv: 'x' })).rejects.toMatchObject({ code: 'invalid' });
      // Not sent again by itself: the second time it would be refused.
      await expect(client.find('sessions.end', { session: other })).rejects.toMatchObject({
        code: 'unavailable',
      });
    }
  });

  test('P2 after a cut the same id is sent again, and stored once', async () => {
    const client = open();
    await client.ready;
    // Stored, but the answer is lost with the connection.
    let cuts = 0;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send' || cuts++ > 0) return false;
      server.perform({ ...operation }, { ...peer, tell: () => {} });
      peer.socket.terminate();
      return true;
    };
    const stored = await client.send({ conv, text: 'once' });
    expect(stored.seq).toBe(1);
    expect(server.log(conv)).toHaveLength(1);
    expect(sent()).toHaveLength(2);
    expect(new Set(sent().map((operation) => 'id' in operation && operation.id))).toEqual(
      new Set([stored.id]),
    );
    expect(server.connections).toBe(2);
  });

  test.each(['rate_limited', 'overloaded', 'unavailable', 'internal'] as const)(
    'W8 L5 %s is sent again with the same id, not before retryMs',
    async (code) => {
      const ports = fastPorts(0);
      const client = open({ ports });
      await client.ready;
      let refusals = 0;
      server.intercept = (operation, peer) => {
        if (operation.op !== 'send' || refusals++ >= 2) return false;
        peer.tell({ err: operation.ref, code, message: 'later', retryMs: 1500 });
        return true;
      };
      const stored = await client.send({ conv, text: 'again' });
      expect(sent().map((operation) => 'id' in operation && operation.id)).toEqual(Array(3).fill(stored.id));
      expect(ports.waits.filter((ms) => ms === 1500)).toHaveLength(2);
    },
  );

  test('W8 a fault of the server is not tried for ever', async () => {
    const client = open();
    await client.ready;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send') return false;
      peer.tell({ err: operation.ref, code: 'internal', message: 'a bug' });
      return true;
    };
    await expect(client.send({ conv, text: 'x' })).rejects.toMatchObject({
      code: 'internal',
      stored: undefined,
    });
    expect(sent()).toHaveLength(5);
  });

  test('P7 a refusal rejects with the code and what it says of the store, and is not sent again', async () => {
    const client = open();
    await client.ready;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send') return false;
      peer.tell({ err: operation.ref, code: 'forbidden', message: 'Not a member.', stored: false });
      return true;
    };
    await expect(client.send({ conv, text: 'x' })).rejects.toMatchObject({
      name: 'ClientError',
      code: 'forbidden',
      message: 'Not a member.',
      stored: false,
    });
    expect(sent()).toHaveLength(1);
  });

  test('W16 what the server would refuse is refused here, alone', async () => {
    const client = open();
    await client.ready;
    const results = await Promise.allSettled([
      client.send({ conv, text: 'before' }),
      client.send({ conv, text: 'a\u0000' }),
      client.send({ conv, text: 'lone \ud800' }),
      client.send({ conv: 'nowhere', text: 'x' }),
      client.send({ conv, text: 'after' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(results[1]).toMatchObject({ reason: { code: 'invalid', stored: false } });
    expect(sent()).toHaveLength(2);
  });

  test('W7 many under way at once: the server is never asked more than it allows', async () => {
    const client = open();
    await client.ready;
    const waiting: Array<() => void> = [];
    let most = 0;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send') return false;
      waiting.push(() => server.perform(operation, peer));
      most = Math.max(most, waiting.length);
      // When nothing more comes, the server answers what it holds.
      setTimeout(() => {
        for (const answer of waiting.splice(0)) answer();
      }, 20);
      return true;
    };
    await Promise.all(upTo(2000).map((n) => client.send({ conv, text: String(n) })));
    expect(most).toBeLessThanOrEqual(512);
    expect(server.log(conv).map((event) => event.ev === 'message.new' && event.text)).toEqual(
      upTo(2000).map(String),
    );
  });

  test('A9 more than 10,000 waiting operations are refused at once', async () => {
    const client = open({ url: 'ws://127.0.0.1:9/ws' });
    const sends = upTo(10_001).map((n) => client.send({ conv, text: String(n) }));
    await expect(sends[10_000]).rejects.toMatchObject({ code: 'overloaded' });
    client.close();
    await expect(sends[0]).rejects.toMatchObject({ code: 'closed' });
    await Promise.allSettled(sends);
  });
});

test('P2 P6 whatever is cut, lost or refused at random, each message is stored once and heard once, in order', async () => {
  // A small generator, so that a run that fails can be run again.
  let state = 4711;
  const chance = (of: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648 < of;
  };
  let cuts = 0;
  let lostAnswers = 0;
  let refusals = 0;
  server.backlogMax = 20;
  server.intercept = (operation, peer) => {
    if (operation.op !== 'send' && operation.op !== 'history') return false;
    if (chance(0.01)) {
      cuts += 1;
      peer.socket.terminate();
      return true;
    }
    if (operation.op === 'send' && chance(0.05)) {
      lostAnswers += 1;
      server.perform(operation, { ...peer, tell: () => {} });
      peer.socket.terminate();
      return true;
    }
    if (chance(0.1)) {
      refusals += 1;
      peer.tell({ err: operation.ref ?? null, code: 'rate_limited', message: 'later', retryMs: 10 });
      return true;
    }
    // Events that the publisher loses: the next one shows the hole.
    if (operation.op === 'send' && chance(0.05)) server.append(conv, `lost ${operation.id}`);
    return false;
  };
  const [sender, reader] = [open(), open({ codec: 'json' })];
  await Promise.all([sender.subscribe(conv), reader.subscribe(conv)]);
  const texts = upTo(300).map((n) => `text ${n}`);
  const stored: Array<{ seq: number }> = [];
  for (let start = 0; start < texts.length; start += 10) {
    const batch = texts.slice(start, start + 10).map((text) => sender.send({ conv, text }));
    stored.push(...(await Promise.all(batch)));
  }
  server.intercept = () => false;
  const { seq: head } = await sender.send({ conv, text: 'the end' });
  await until(() => [sender, reader].every((client) => client.have(conv) === head));
  for (const client of [sender, reader]) {
    expect(seqsOf(client.events)).toEqual(upTo(head));
    expect(client.events).toEqual(server.log(conv));
  }
  const kept = server.log(conv).map((event) => (event.ev === 'message.new' ? event.text : ''));
  expect(kept.filter((text) => text.startsWith('text')).sort()).toEqual([...texts].sort());
  expect(stored.map(({ seq }) => kept[seq - 1])).toEqual(texts);
  expect(Math.min(cuts, lostAnswers, refusals)).toBeGreaterThan(0);
});

describe('ids', () => {
  test('L4 are made in the server’s time, also for what was asked before the first hello', async () => {
    server.aheadMs = -3 * 60 * 60 * 1000;
    const client = open();
    const { id } = await client.send({ conv, text: 'x' });
    expect(Math.abs(timeOfId(id) - (Date.now() + server.aheadMs))).toBeLessThan(2000);
    expect(Math.abs(client.now() - (Date.now() + server.aheadMs))).toBeLessThan(2000);
  });

  test('L4 one out of the window is made anew from the server’s time, once', async () => {
    const client = open();
    await client.ready;
    const at = Date.now() + 86_400_000;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send' || Math.abs(timeOfId(operation.id) - at) < 60_000) return false;
      peer.tell({ err: operation.ref, code: 'id_out_of_window', message: 'old', stored: false, at });
      return true;
    };
    const { id } = await client.send({ conv, text: 'x' });
    expect(Math.abs(timeOfId(id) - at)).toBeLessThan(60_000);
    // One that the application keeps is its own business.
    const kept = '018f4e2a-7b1c-7000-8000-0123456789ab';
    await expect(client.send({ conv, text: 'x', id: kept })).rejects.toMatchObject({
      code: 'id_out_of_window',
    });
  });

  test('L4 an id that is out of the window a second time is refused', async () => {
    const client = open();
    await client.ready;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'send') return false;
      const at = Date.now() + 86_400_000;
      peer.tell({ err: operation.ref, code: 'id_out_of_window', message: 'old', stored: false, at });
      return true;
    };
    await expect(client.send({ conv, text: 'x' })).rejects.toMatchObject({
      code: 'id_out_of_window',
      stored: false,
    });
    expect(sent()).toHaveLength(2);
  });

  test('P2 an application may keep ids itself and ask again later', async () => {
    const client = open();
    const id = '018f4e2a-7b1c-7000-8000-0123456789ab';
    const first = await client.send({ conv, text: 'x', id });
    expect(await client.send({ conv, text: 'x', id })).toEqual(first);
    expect(server.log(conv)).toHaveLength(1);
  });
});

describe('events', () => {
  test('W12 P6 after a reconnect the events missed come first, then live ones, each once', async () => {
    const client = open();
    await client.subscribe(conv);
    await client.send({ conv, text: '1' });
    server.cut();
    for (const n of upTo(30)) server.append(conv, `missed ${n}`);
    await until(() => client.events.length === 31);
    await client.send({ conv, text: 'live' });
    await until(() => client.events.length === 32);
    expect(seqsOf(client.events)).toEqual(upTo(32));
    expect(client.gaps).toEqual([]);
    expect(server.operations.filter(({ op }) => op === 'subscribe')).toEqual([
      { op: 'subscribe', ref: expect.any(Number), conv },
      { op: 'subscribe', ref: expect.any(Number), conv, have: 1 },
    ]);
  });

  test('W15 P6 a gap is pulled page by page while live events wait their turn', async () => {
    const client = open();
    await client.subscribe(conv);
    for (const n of upTo(350)) server.append(conv, `missed ${n}`);
    const [peer] = [...server.peers];
    peer?.tell({ ev: 'gap', conv, have: 0, head: 350 });
    server.publish([server.append(conv, 'live 351'), server.append(conv, 'live 352')]);
    await until(() => client.events.length === 352);
    expect(seqsOf(client.events)).toEqual(upTo(352));
    expect(client.gaps).toEqual([{ conv, have: 0, head: 350 }]);
    expect(server.operations.filter(({ op }) => op === 'history')).toHaveLength(4);
  });

  test('P6 a hole that nobody told of is found and filled', async () => {
    const client = open();
    await client.subscribe(conv);
    server.append(conv, 'lost');
    server.publish([server.append(conv, 'heard')]);
    await until(() => client.events.length === 2);
    expect(seqsOf(client.events)).toEqual([1, 2]);
  });

  test('P6 a connection lost in the middle of a pull changes nothing', async () => {
    const client = open();
    await client.subscribe(conv);
    for (const n of upTo(250)) server.append(conv, `missed ${n}`);
    let pages = 0;
    server.backlogMax = 10;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'history' || ++pages !== 2) return false;
      peer.socket.terminate();
      return true;
    };
    for (const peer of server.peers) peer.tell({ ev: 'gap', conv, have: 0, head: 250 });
    await until(() => client.events.length === 250);
    expect(seqsOf(client.events)).toEqual(upTo(250));
    expect(server.connections).toBe(2);
  });

  test('P6 events twice, and of conversations that nobody asked for, are not given on', async () => {
    const client = open();
    await client.subscribe(conv);
    const event = server.append(conv, 'x');
    for (const peer of server.peers) peer.tell(event, event, server.append(other, 'y'));
    await client.send({ conv, text: 'z' });
    expect(seqsOf(client.events)).toEqual([1, 2]);
  });

  test('W13 typing goes out and comes in, and is lost without a word when there is no connection', async () => {
    const client = open();
    client.typing(conv, true);
    await client.ready;
    client.typing(conv, true);
    client.typing(conv, false);
    for (const peer of server.peers) peer.tell({ ev: 'typing.start', conv, from: user });
    await until(() => client.events.length === 1 && server.frames.length >= 3);
    expect(server.operations.map(({ op }) => op)).toEqual(['auth', 'typing.start', 'typing.stop']);
  });

  test('E1 E3 what was said of presence is said again on each new connection, before anything else', async () => {
    server.intercept = (operation, peer) => {
      if (!operation.op.startsWith('presence.')) return false;
      peer.tell({ ack: operation.ref ?? 0 });
      return true;
    };
    const client = open();
    await client.setPresence('invisible');
    await client.watch([user, other]);
    await client.unwatch([other]);
    await client.subscribe(conv);
    server.frames.length = 0;
    for (const peer of server.peers) peer.socket.terminate();
    await until(() => server.operations.some(({ op }) => op === 'subscribe'));
    expect(server.operations.map(({ op }) => op)).toEqual([
      'auth',
      'presence.set',
      'presence.watch',
      'subscribe',
    ]);
    expect(server.operations[2]).toMatchObject({ users: [user] });
    for (const peer of server.peers) peer.tell({ ev: 'presence.update', user, status: 'away' });
    await until(() => client.events.some(({ ev }) => ev === 'presence.update'));
  });

  test('P6 a subscription that the server ends, ends; and a hole that cannot be filled ends it, too', async () => {
    const client = open();
    await client.subscribe(conv);
    await client.subscribe(other);
    for (const peer of server.peers) peer.tell({ ev: 'unsubscribed', conv });
    server.intercept = (operation, peer) => {
      if (operation.op !== 'history') return false;
      peer.tell({ err: operation.ref, code: 'not_found', message: 'no' });
      return true;
    };
    for (const peer of server.peers) peer.tell({ ev: 'gap', conv: other, have: 0, head: 5 });
    await until(() => client.events.length === 2);
    expect(client.events).toEqual([
      { ev: 'unsubscribed', conv },
      { ev: 'unsubscribed', conv: other },
    ]);
    server.cut();
    await until(() => server.connections === 2 && server.peers.size === 1);
    await client.send({ conv, text: 'x' });
    expect(client.events).toHaveLength(2);
    expect(server.operations.filter(({ op }) => op === 'subscribe')).toHaveLength(2);
  });

  test('W12 a subscription that is refused rejects', async () => {
    const client = open();
    server.intercept = (operation, peer) => {
      if (operation.op !== 'subscribe') return false;
      peer.tell({ err: operation.ref, code: 'not_found', message: 'There is no such conversation.' });
      return true;
    };
    await expect(client.subscribe(conv)).rejects.toMatchObject({ code: 'not_found' });
    expect(client.have(conv)).toBeUndefined();
  });

  test('P6 an application that throws loses nothing that follows', async () => {
    const thrown: unknown[] = [];
    const before = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    try {
      const heard: ClientEvent[] = [];
      const client = open({
        onEvent: (event) => {
          heard.push(event);
          throw new Error('of the application');
        },
      });
      await client.subscribe(conv);
      await client.send({ conv, text: '1' });
      await client.send({ conv, text: '2' });
      expect(seqsOf(heard)).toEqual([1, 2]);
      await until(() => thrown.length === 2);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener as () => void);
    }
  });
});

describe('connections', () => {
  test.each(['draining', 'token_expired', 'idle', 'slow', 'restarted'] as const)(
    'W9 after %s it comes back by itself, with a fresh token',
    async (name) => {
      let tokens = 0;
      const client = open({ token: async () => `token ${++tokens}` });
      await client.subscribe(conv);
      for (const peer of server.peers) peer.close(name);
      await client.send({ conv, text: 'back' });
      expect(server.operations.filter(({ op }) => op === 'auth')).toMatchObject([
        { token: 'token 1' },
        { token: 'token 2' },
      ]);
    },
  );

  test.each([
    ['bad_frame', 4500],
    ['not_authenticated', 4501],
    ['unauthorized', 4502],
    ['session_ended', 4503],
  ] as const)(
    'W9 %s ends it: everything rejects with a clear error, nobody connects again',
    async (name, code) => {
      server.intercept = (operation, peer) => {
        if (operation.op !== 'auth') return false;
        peer.tell({ err: operation.ref, code: 'unauthorized', message: 'This token is not valid.' });
        peer.close(name);
        return true;
      };
      const client = open();
      const send = client.send({ conv, text: 'x' });
      const subscription = client.subscribe(conv);
      await expect(client.ready).rejects.toMatchObject({ code: 'closed', closeCode: code });
      await expect(client.ready).rejects.toThrow(`(${code}, ${name}). This token is not valid.`);
      await expect(send).rejects.toMatchObject({ code: 'closed', stored: undefined });
      await expect(subscription).rejects.toMatchObject({ code: 'closed' });
      await expect(client.send({ conv, text: 'later' })).rejects.toMatchObject({ code: 'closed' });
      expect(await client.ended).toMatchObject({ closeCode: code });
      expect(server.connections).toBe(1);
    },
  );

  test('W9 waits between 0.5 and 20 s at random, longer after each failure', async () => {
    const waitsOf = async (random: number) => {
      const waits: number[] = [];
      const client = open({
        url: 'ws://127.0.0.1:9/ws',
        ports: fastPorts(random),
        attemptsMax: 9,
        onStatus: (status) => {
          if (status.name === 'waiting') waits.push(status.retryMs);
        },
      });
      await expect(client.ready).rejects.toMatchObject({ code: 'unavailable' });
      await expect(client.ready).rejects.toThrow(/^No connection to ws:\/\/127.0.0.1:9\/ws: .*ECONNREFUSED/);
      return waits;
    };
    expect(await waitsOf(0)).toEqual(Array(8).fill(500));
    expect(await waitsOf(1)).toEqual([1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
  });

  test('O4 a server that drains says over how long its clients should spread', async () => {
    const statuses: string[] = [];
    const client = open({
      onStatus: (status) => statuses.push(status.name === 'waiting' ? `${status.retryMs}` : status.name),
    });
    await client.ready;
    for (const peer of server.peers) peer.close('draining', 'windowMs=9000');
    await until(() => server.connections === 2);
    await client.send({ conv, text: 'x' });
    expect(statuses).toEqual(['opening', 'live', '5000', 'opening', 'live']);
  });

  test('W14 pings before the heartbeat is over, and leaves a server that has fallen silent', async () => {
    server.heartbeatMs = 1000;
    const client = open();
    await client.subscribe(conv);
    const pings = () => server.operations.filter(({ op }) => op === 'ping').length;
    await until(() => pings() >= 3);
    expect(server.connections).toBe(1);
    server.intercept = (operation) => operation.op === 'ping';
    await until(() => server.connections === 2);
    server.intercept = () => false;
    await client.send({ conv, text: 'x' });
    await until(() => client.events.length === 1);
  });

  test('W9 a server that takes connections and says nothing is left after 15 s', async () => {
    server.intercept = (operation) => operation.op === 'auth' && server.connections === 1;
    const client = open();
    await client.ready;
    expect(server.connections).toBe(2);
  });

  test('W9 a frame that cannot be read is no reason to go on with this connection', async () => {
    const client = open();
    await client.ready;
    for (const peer of server.peers as Set<Peer>) peer.socket.send(Buffer.from([0xc1]));
    await until(() => server.connections === 2);
    await client.send({ conv, text: 'x' });
  });

  test('W9 what belongs to a connection ends with it', async () => {
    const client = open();
    await client.ready;
    server.intercept = (operation, peer) => {
      if (operation.op !== 'auth' || operation.ref === 0) return false;
      peer.socket.terminate();
      return true;
    };
    await expect(client.authenticate('newer')).rejects.toMatchObject({ code: 'unavailable' });
    await until(() => server.connections === 2);
  });

  test('W9 close ends it: what is under way rejects, and nothing is left open', async () => {
    const client = open();
    await client.ready;
    server.intercept = (operation) => operation.op === 'send';
    const send = client.send({ conv, text: 'x' });
    await until(() => sent().length === 1);
    client.close();
    await expect(send).rejects.toMatchObject({ code: 'closed', stored: undefined });
    expect(await client.ended).toBeUndefined();
    await until(() => server.peers.size === 0);
    client.close();
  });

  test('W9 without a token there is no connection, and the reason is told', async () => {
    const client = open({
      token: () => {
        throw new Error('the refresh token was used twice');
      },
    });
    await expect(client.ready).rejects.toThrow('No token: the refresh token was used twice');
    expect(server.connections).toBe(0);
  });
});
