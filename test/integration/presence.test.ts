/** Presence and typing through a whole server, over real sockets, with two shards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPresenceTables } from '#src/storage/postgres/presence-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import type { ControlEvent } from '#src/wire/events.js';
import { type FaultyServer, startFaultyServer } from '#test/faults/faulty-server.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { dataFolder } from '#test/support/server.js';
import { WireSocket } from '#test/support/wire-socket.js';

type Update = ControlEvent<'presence.update'>;

const folder = dataFolder('presence');
let server: FaultyServer;
let people: Person[];
const sockets: WireSocket[] = [];

beforeAll(async () => {
  server = await startFaultyServer({ data: folder.path, shards: 2 });
  people = await makePeople(server, ['watcher', 'zero', 'one', 'two', 'three', 'four', 'five', 'six']);
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  server.kill('everything');
  await server.ended;
  await folder.remove();
});

async function open(person: Person | undefined): Promise<WireSocket> {
  if (person === undefined) throw new Error('nobody');
  const socket = await WireSocket.open({ address: server.address, token: person.token });
  sockets.push(socket);
  return socket;
}

function follow(socket: WireSocket): Update[] {
  const told: Update[] = [];
  socket.onMessage = (message) => {
    if ('ev' in message && message.ev === 'presence.update') told.push(message);
  };
  return told;
}

async function until(isSo: () => boolean, ms = 8_000): Promise<void> {
  for (const end = performance.now() + ms; !isSo(); await sleep(20))
    if (performance.now() > end) throw new Error('it did not come');
}

test('E3 E5 E6 who watches hears of everybody, whichever shard knows them, also after it died', async () => {
  const [watcher, ...others] = people.slice(0, 6);
  const socket = await open(watcher);
  const told = follow(socket);
  const users = others.map(({ user }) => user);
  expect(new Set(users.map((user) => server.shardOf(user))).size).toBe(2);
  await socket.do({ op: 'presence.watch', users });
  await until(() => told.length === users.length);
  expect(told.every(({ status }) => status === 'offline')).toBe(true);
  const theirs: WireSocket[] = [];
  for (const person of others) theirs.push(await open(person));
  const now = (status: string) =>
    users.every((user) => told.findLast((update) => update.user === user)?.status === status);
  await until(() => now('online'));
  for (const shard of [0, 1]) await server.plant({ kind: 'shard throws', shard });
  await until(() => server.deaths() === 2);
  await server.ready();
  for (const one of theirs) await one.do({ op: 'presence.set', status: 'away' });
  await until(() => now('away'));
  for (const one of theirs) one.close();
  await until(() => now('offline'));
  const headers = { authorization: `Bearer ${watcher?.token}` };
  const answer = await fetch(`${server.address}/presence?users=${users.join(',')}`, { headers });
  const { presences } = (await answer.json()) as { presences: Array<Omit<Update, 'ev'>> };
  expect(presences.map(({ user }) => user).toSorted()).toEqual(users.toSorted());
  expect(presences.every(({ status, lastSeen = 0 }) => status === 'offline' && lastSeen > 0)).toBe(true);
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  try {
    await until(() => told.filter(({ lastSeen }) => lastSeen !== undefined).length > 0);
    let kept: Array<{ user_id: string }> = [];
    for (let turn = 0; turn < 100 && kept.length < users.length; turn += 1) {
      kept = await sql`select user_id from last_seen where user_id = any(${users}::uuid[])`;
      await sleep(100);
    }
    expect(kept.map(({ user_id }) => user_id).toSorted()).toEqual(users.toSorted());
  } finally {
    await sql.end();
  }
});

test('E7 typing reaches the others, and stops by itself', async () => {
  const [alice, bob] = [await open(people[6]), await open(people[7])];
  const conv = uuidv7();
  await alice.do({ op: 'create', id: conv, type: 'group', members: [people[7]?.user ?? ''] });
  await bob.do({ op: 'subscribe', conv });
  const heard: string[] = [];
  bob.onMessage = (message) => {
    if ('ev' in message && (message.ev === 'typing.start' || message.ev === 'typing.stop'))
      heard.push(message.ev);
  };
  for (let time = 0; time < 20; time += 1) {
    await alice.do({ op: 'typing.start', conv });
    await sleep(50);
  }
  await until(() => heard.includes('typing.stop'), 10_000);
  expect(heard.filter((name) => name === 'typing.start').length).toBeLessThanOrEqual(4);
});

test('E6 what is kept of presence: it never goes back, and the privacy of users is known', async () => {
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  const tables = createPresenceTables(sql, {
    onError: (error) => {
      throw error;
    },
    blocked: async (asker) => new Set(asker === people[0]?.user ? [people[3]?.user ?? ''] : []),
  });
  const keep = (seen: ReadonlyMap<string, number>) =>
    new Promise<boolean>((resolve) => tables.keep(seen, resolve));
  const about = (asker: string | undefined, users: string[]) =>
    new Promise<unknown>((resolve) => tables.about(asker, users, resolve));
  try {
    const [asker = '', , one = '', two = ''] = people.map(({ user }) => user);
    const later = Date.now() + 60_000;
    await sql`insert into user_settings (user_id, privacy) values (${one}, ${sql.json({ lastSeen: 'nobody' })})`;
    expect(
      await keep(
        new Map([
          [one, later],
          [two, later],
          [uuidv7(), later],
        ]),
      ),
    ).toBe(true);
    expect(await keep(new Map([[one, later - 1]]))).toBe(true);
    expect(await about(undefined, [one, uuidv7()])).toEqual([
      { user: one, lastSeen: later, hidesLastSeen: true },
    ]);
    expect(await about(one, [two])).toEqual([{ user: two, lastSeen: later, hidesLastSeen: false }]);
    expect(await about(asker, [two])).toEqual([]);
  } finally {
    await sql.end();
  }
});
