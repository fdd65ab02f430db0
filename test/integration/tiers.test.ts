/** A whole server on a real Redis and a Mongo: what people see when both stand still, are wiped, or are far behind. */
import { Redis } from 'ioredis';
import { MongoClient, UUID } from 'mongodb';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTiered, type TieredServer } from '../faults/tiered-server.js';
import { metricOf, readMetrics } from '../support/metrics-text.js';
import { mongoHere } from '../support/mongo-server.js';
import { makePeople, type Person } from '../support/operator.js';
import { redisHere } from '../support/redis-server.js';
import { WireSocket } from '../support/wire-socket.js';

const hasServers = (await redisHere()) !== undefined && (await mongoHere())?.canGo === true;
/** More than a conversation remembers. */
const roomMessages = 400;

describe.skipIf(!hasServers)('a server with Redis and Mongo', () => {
  let tiered: TieredServer;
  let socket: WireSocket;
  let person: Person;
  const conv = uuidv7();

  beforeAll(async () => {
    tiered = await startTiered('tiers');
    [person] = (await makePeople(tiered.server, ['tiers'])) as [Person];
    socket = await WireSocket.open({ address: tiered.server.address, token: person.token });
    await socket.do({ op: 'create', id: conv, type: 'group', members: [] });
    for (let index = 0; index < roomMessages; index += 1) await send(`message ${index}`);
  }, 60_000);
  afterAll(async () => {
    socket.close();
    await tiered.end();
  });

  const send = (text: string) => socket.do({ op: 'send', id: uuidv7(), conv, text });
  const metric = async (name: string, labels: Record<string, string>) =>
    metricOf(await readMetrics(tiered.server), name, labels);
  /** Nothing waits for a mirror. */
  const level = () =>
    expect.poll(() => metric('nubo_mirror_lag_seconds', {}), { timeout: 15_000, interval: 100 }).toBe(0);
  const oldPage = async () => {
    const answer = await socket.ask({ op: 'history', conv, before: 52, limit: 50 });
    return 'events' in answer ? answer.events?.map((event) => ('text' in event ? event.text : event.ev)) : [];
  };
  const expected = Array.from({ length: 50 }, (_, index) => `message ${index}`);
  const rest = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${tiered.server.address}${path}`, {
      method,
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  test('T1 a page that is not in memory comes from Redis, without Redis from Mongo, without both from Postgres', async () => {
    const hits = async (tier: string) =>
      (await metric('nubo_tier_reads_total', { tier, of: 'pages', result: 'hit' })) ?? 0;
    // A busy machine may pass a tier by once; whoever answers, the page is right.
    const servedBy = (tier: string) =>
      expect
        .poll(
          async () => {
            const before = await hits(tier);
            expect(await oldPage()).toEqual(expected);
            return (await hits(tier)) > before;
          },
          { timeout: 10_000, interval: 50 },
        )
        .toBe(true);
    await level();
    await servedBy('redis');
    tiered.redis.freeze();
    await servedBy('mongo');
    tiered.mongo.freeze();
    await servedBy('postgres');
    tiered.redis.thaw();
    tiered.mongo.thaw();
    await level();
  });

  test('T5 T8 with both standing still acks come as ever, and whoever asks sees what was acked', async () => {
    tiered.redis.freeze();
    tiered.mongo.freeze();
    try {
      const begun = performance.now();
      for (let index = 0; index < 20; index += 1) {
        await send(`meanwhile ${index}`);
        const bio = `bio ${index}`;
        expect(await rest('PATCH', '/me', { bio })).toMatchObject({ status: 200 });
        expect(await rest('GET', '/me')).toMatchObject({ status: 200, body: { bio } });
        expect(await rest('PATCH', '/me/settings', { theme: index % 3 })).toMatchObject({ status: 200 });
        expect((await rest('GET', '/me/settings')).body.theme).toBe(index % 3);
      }
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(await oldPage()).toEqual(expected);
    } finally {
      tiered.redis.thaw();
      tiered.mongo.thaw();
    }
    await level();
  });

  test('T3 T8 what mirrors hold of somebody is the newest version, and secrets are not in it', async () => {
    expect(await rest('PATCH', '/me', { bio: 'last word' })).toMatchObject({ status: 200 });
    const client = await MongoClient.connect(tiered.mongoUrl);
    try {
      const users = client.db().collection('users_recent');
      await expect.poll(() => users.findOne({ bio: 'last word' }), { timeout: 5_000 }).toBeTruthy();
      expect(Object.keys((await users.findOne({ bio: 'last word' })) ?? {})).not.toContain('password_hash');
      expect(await users.countDocuments({ bio: /^bio/ })).toBe(0);
    } finally {
      await client.close();
    }
  });

  test('T13 in Mongo a message says who sent it, as what they are known now, also when Mongo heard of it late', async () => {
    const client = await MongoClient.connect(tiered.mongoUrl);
    try {
      const sent = client.db().collection('messages_recent');
      const names = () => sent.distinct('sender_info.display_name', { message_type: { $ne: 'system' } });
      const isNamed = (name: string) => expect.poll(names, { timeout: 10_000 }).toEqual([name]);
      expect(await rest('PATCH', '/me', { displayName: 'Ada' })).toMatchObject({ status: 200 });
      await send('under a name');
      await isNamed('Ada');
      expect(await sent.countDocuments({ sender_info: { $exists: false } })).toBe(0);
      tiered.mongo.freeze();
      try {
        expect(await rest('PATCH', '/me', { displayName: 'Ada L.' })).toMatchObject({ status: 200 });
      } finally {
        tiered.mongo.thaw();
      }
      await send('under another one');
      await isNamed('Ada L.');
    } finally {
      await client.close();
    }
  });

  test('T13 whoever asks Mongo finds what has become of a message beside it', async () => {
    const message = uuidv7();
    await socket.do({ op: 'send', id: message, conv, text: 'first words' });
    await socket.do({ op: 'edit', id: uuidv7(), conv, message, text: 'last words' });
    for (const emoji of ['👍', '🎉']) await socket.do({ op: 'react', id: uuidv7(), conv, message, emoji });
    await socket.do({ op: 'unreact', id: uuidv7(), conv, message, emoji: '🎉' });
    const client = await MongoClient.connect(tiered.mongoUrl);
    try {
      // As ARCHITECTURE.md tells it.
      const pipeline = [
        { $match: { _id: new UUID(message) } },
        { $lookup: { from: 'message_states_recent', localField: '_id', foreignField: '_id', as: 'state' } },
      ];
      const sent = client.db().collection('messages_recent');
      const ask = async () => (await sent.aggregate(pipeline).toArray())[0];
      await expect.poll(ask, { timeout: 10_000 }).toMatchObject({
        content: 'first words',
        state: [
          { text: 'last words', reactions: { '👍': 1 }, edited_at: expect.any(Date), deleted_at: null },
        ],
      });
      await socket.do({ op: 'delete', id: uuidv7(), conv, message });
      await expect.poll(ask, { timeout: 10_000 }).toMatchObject({
        content: '',
        state: [{ text: null, reactions: null, edited_at: null, deleted_at: expect.any(Date) }],
      });
    } finally {
      await client.close();
    }
  });

  test('T4 both are wiped: pages are right at once, and both hold them again', async () => {
    const redis = new Redis(tiered.redis.url);
    const client = await MongoClient.connect(tiered.mongoUrl);
    try {
      await redis.flushall();
      await client.db().dropDatabase();
      expect(await oldPage()).toEqual(expected);
      const messages = client.db().collection('messages_recent');
      await expect
        .poll(() => messages.countDocuments(), { timeout: 15_000 })
        .toBeGreaterThanOrEqual(roomMessages);
      // Redis begins empty, and is filled by what is read.
      await expect.poll(() => redis.hlen('nubo:positions'), { timeout: 15_000 }).toBeGreaterThan(1);
      expect(await oldPage()).toEqual(expected);
      await expect.poll(() => redis.hlen('nubo:cache:messages'), { timeout: 5_000 }).toBeGreaterThan(49);
      expect(await oldPage()).toEqual(expected);
    } finally {
      redis.disconnect();
      await client.close();
    }
  });
});
