/** A whole server on a real Redis and a Mongo: what a deleted message said is told by no read, and kept in no store. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTiered, type TieredServer } from '../faults/tiered-server.js';
import { placesOf } from '../support/everywhere.js';
import { metricOf, readMetrics } from '../support/metrics-text.js';
import { mongoHere } from '../support/mongo-server.js';
import { makePeople, type Person } from '../support/operator.js';
import { redisHere } from '../support/redis-server.js';
import { WireSocket } from '../support/wire-socket.js';

const hasServers = (await redisHere()) !== undefined && (await mongoHere())?.canGo === true;
/** More than a conversation remembers. */
const fillers = 300;

/** Three texts that stand nowhere else, of one message. */
function secrets(): [string, string, string] {
  const text = () => `secret ${randomBytes(8).toString('hex')}`;
  return [text(), text(), text()];
}

describe.skipIf(!hasServers)('what was deleted', () => {
  let tiered: TieredServer;
  let socket: WireSocket;
  let person: Person;

  beforeAll(async () => {
    tiered = await startTiered('deleted-text');
    [person] = (await makePeople(tiered.server, ['deleting'])) as [Person];
    socket = await WireSocket.open({ address: tiered.server.address, token: person.token });
  }, 60_000);
  afterAll(async () => {
    socket.close();
    await tiered.end();
  });

  const found = (needles: readonly string[]) =>
    placesOf(needles, {
      redisUrl: tiered.redis.url,
      mongoUrl: tiered.mongoUrl,
      postgresUrl: tiered.server.runtime.postgresUrl,
    });
  const metric = async (name: string, labels: Record<string, string>) =>
    metricOf(await readMetrics(tiered.server), name, labels);
  /** Nothing waits for a mirror. */
  const level = () =>
    expect.poll(() => metric('nubo_mirror_lag_seconds', {}), { timeout: 20_000, interval: 100 }).toBe(0);
  const rest = async (path: string) => {
    const response = await fetch(`${tiered.server.address}${path}`, {
      headers: { authorization: `Bearer ${person.token}` },
    });
    return await response.text();
  };
  const open = async (): Promise<string> => {
    const conv = uuidv7();
    await socket.do({ op: 'create', id: conv, type: 'group', members: [] });
    return conv;
  };
  const send = async (conv: string, text: string): Promise<string> => {
    const id = uuidv7();
    await socket.do({ op: 'send', id, conv, text });
    return id;
  };
  /** Everything that can be asked about what stands at the first places of a conversation, as one text. */
  const readAll = async (conv: string, message: string): Promise<string> => {
    const pages = [
      { after: 0, limit: 20 },
      { before: 22, limit: 20 },
      { around: 3, limit: 10 },
      { limit: 20 },
    ];
    const answers: unknown[] = [];
    for (const page of pages) answers.push(await socket.ask({ op: 'history', conv, ...page }));
    for (const query of ['after=0&limit=20', 'before=22&limit=20', 'around=3&limit=10', ''])
      answers.push(await rest(`/conversations/${conv}/messages?${query}`));
    answers.push(await rest(`/messages/${message}`), await rest('/conversations'));
    const told: unknown[] = [];
    const other = await WireSocket.open({ address: tiered.server.address, token: person.token });
    try {
      other.onMessage = (one) => void told.push(one);
      await other.ask({ op: 'subscribe', conv, have: 1 });
      await other.ask({ op: 'history', conv, limit: 1 });
    } finally {
      other.close();
    }
    return JSON.stringify([answers, told]);
  };
  const tells = (text: string, needles: readonly string[]) => needles.filter((one) => text.includes(one));

  test('T11 what a message said, and what its edits made of it, is told and kept by nobody once it is deleted', async () => {
    const conv = await open();
    const all = secrets();
    const message = await send(conv, all[0]);
    for (let index = 0; index < fillers; index += 1) await send(conv, `filler ${index}`);
    const redis = new Redis(tiered.redis.url);
    const client = await MongoClient.connect(tiered.mongoUrl);
    try {
      await level();
      expect(tells(await readAll(conv, message), all)).toEqual([all[0]]);
      for (const text of all.slice(1)) {
        await socket.do({ op: 'edit', id: uuidv7(), conv, message, text });
        expect(tells(await readAll(conv, message), all)).toContain(text);
      }
      await level();
      const stores = async () => (await found(all)).join('\n');
      for (const place of [
        'redis nubo:cache:messages',
        'mongo messages_recent',
        'mongo message_states_recent',
      ])
        await expect.poll(stores, { timeout: 10_000, interval: 100 }).toContain(place);

      // Readers of that page are under way all the while, and Redis is emptied under their hands.
      let isOver = false;
      const busy = Array.from({ length: 4 }, async () => {
        while (!isOver) await rest(`/conversations/${conv}/messages?after=0&limit=20`);
      });
      const emptied = (async () => {
        while (!isOver) {
          await redis.unlink('nubo:cache:messages', 'nubo:lru');
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      try {
        await socket.do({ op: 'delete', id: uuidv7(), conv, message });
        expect(tells(await readAll(conv, message), all)).toEqual([]);
      } finally {
        isOver = true;
        await Promise.all([...busy, emptied]);
      }
      expect(tells(await readAll(conv, message), all)).toEqual([]);
      await expect.poll(() => found(all), { timeout: 10_000, interval: 200 }).toEqual([]);

      await redis.flushall();
      await client.db().dropDatabase();
      expect(tells(await readAll(conv, message), all)).toEqual([]);
      await level();
      expect(tells(await readAll(conv, message), all)).toEqual([]);
      expect(await found(all)).toEqual([]);
    } finally {
      redis.disconnect();
      await client.close();
    }
  }, 60_000);

  test('T11 a mirror that stood still when a message was deleted tells nothing of it, and gives it to no other', async () => {
    const conv = await open();
    const all = secrets();
    const message = await send(conv, all[0]);
    for (let index = 0; index < fillers; index += 1) await send(conv, `filler ${index}`);
    await socket.do({ op: 'edit', id: uuidv7(), conv, message, text: all[1] });
    await socket.do({ op: 'edit', id: uuidv7(), conv, message, text: all[2] });
    await level();
    expect((await found(all)).join('\n')).toContain('mongo messages_recent');
    const redis = new Redis(tiered.redis.url);
    const cached = async () => Object.values(await redis.hgetallBuffer('nubo:cache:messages'));
    tiered.redis.freeze();
    tiered.mongo.freeze();
    try {
      await socket.do({ op: 'delete', id: uuidv7(), conv, message });
      expect(tells(await readAll(conv, message), all)).toEqual([]);
      tiered.redis.thaw();
      const holds = async () => (await cached()).some((value) => all.some((one) => value.includes(one)));
      await expect.poll(holds, { timeout: 10_000, interval: 50 }).toBe(false);
      // Redis has heard of it and loses all; what Mongo has is old yet, and Redis is filled from it.
      await redis.unlink('nubo:cache:messages', 'nubo:lru');
      tiered.mongo.thaw();
      for (let index = 0; index < 10; index += 1)
        expect(tells(await readAll(conv, message), all)).toEqual([]);
      expect(await cached()).not.toEqual([]);
    } finally {
      tiered.redis.thaw();
      tiered.mongo.thaw();
      redis.disconnect();
    }
    await expect.poll(() => found(all), { timeout: 20_000, interval: 200 }).toEqual([]);
  }, 60_000);

  test('T12 the preview of a conversation is of its last message as it is now, after an edit and after a deletion', async () => {
    const conv = await open();
    const all = secrets();
    const first = await send(conv, 'an older one');
    const last = await send(conv, all[0]);
    const preview = async () => {
      const { conversations } = JSON.parse(await rest('/conversations')) as {
        conversations: Array<{ id: string; preview: string | null }>;
      };
      return conversations.find(({ id }) => id === conv)?.preview;
    };
    expect(await preview()).toBe(all[0]);
    await socket.do({ op: 'edit', id: uuidv7(), conv, message: last, text: all[1] });
    expect(await preview()).toBe(all[1]);
    await socket.do({ op: 'edit', id: uuidv7(), conv, message: first, text: 'not the last' });
    await socket.do({ op: 'react', id: uuidv7(), conv, message: last, emoji: '👍' });
    expect(await preview()).toBe(all[1]);
    await socket.do({ op: 'delete', id: uuidv7(), conv, message: last });
    expect(await preview()).toBeNull();
    await expect.poll(() => found(all), { timeout: 10_000, interval: 200 }).toEqual([]);
    await send(conv, 'a new one');
    expect(await preview()).toBe('a new one');
  });
});
