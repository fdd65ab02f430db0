/** What Redis may do to a mirror: freeze, be full, ask for a password, hold somebody else's bytes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeOfEvent } from '#src/entities/messages.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { Script } from '../support/log-events.js';
import { changeOf, goneChange, MirrorAsker, sampleFields, samples } from '../support/mirrors.js';
import { isUp, openRedisMirror, type TestMirror } from '../support/redis-mirror.js';
import { type RedisServer, redisHere, startRedis } from '../support/redis-server.js';

const applied = { kind: 'applied', poisoned: [] };
const soon = { timeout: 5_000, interval: 10 };

describe.skipIf((await redisHere()) === undefined)('a mirror on a Redis', () => {
  let server: RedisServer;
  let open: TestMirror;
  let asker: MirrorAsker;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    open = await openRedisMirror(server.url);
    await open.client.flushall();
    asker = new MirrorAsker(open.mirror);
  });
  afterEach(() => open.close());

  const page = (script: Script) => asker.events({ conv: script.conv, from: 1, to: script.seq });
  const putEvents = (...events: Parameters<typeof changeOfEvent>[0][]) =>
    asker.put(events.map((event) => changeOfEvent(event, 1)));
  /** Names of elements in the hashes, and in the LRU: they must be the same. */
  async function places() {
    const { client, keys } = open;
    const inHashes: string[] = [];
    for (const key of await client.keys(keys.cache('*')))
      for (const place of await client.hkeys(key))
        inHashes.push(`${key.slice(keys.cache('').length)} ${place}`);
    return { inHashes: inHashes.sort(), inLru: (await client.zrange(keys.lru, '0', '-1')).sort() };
  }

  test('an element is in its hash if and only if it is in the LRU, whatever was done', async () => {
    const { client, keys } = open;
    const all = Array.from({ length: 20 }, () => sampleFields());
    await asker.put(all.map((fields) => changeOf(samples, fields, 5)));
    await asker.put(all.slice(0, 5).map(({ id }) => goneChange(samples, String(id), 6)));
    await asker.put(
      all.slice(5, 10).map((fields) => changeOf(samples, { ...fields, label: 'x'.repeat(2 ** 21) }, 6)),
    );
    await asker.put(all.slice(3, 18).map((fields) => changeOf(samples, { ...fields, grade: 1 }, 4)));
    await client.hset(keys.cache('samples'), String(all[19]?.id), 'foreign');
    await asker.elements(
      samples,
      all.map(({ id }) => String(id)),
    );
    await expect.poll(() => client.hlen(keys.cache('samples')), soon).toBe(19);
    const { inHashes, inLru } = await places();
    // Those five that were too large left older ones take their place; the foreign one went.
    expect(inHashes).toHaveLength(19);
    expect(inLru).toEqual(inHashes);
  });

  test('somebody else’s bytes are absent, counted, removed, and written over', async () => {
    const { client, keys, mirror } = open;
    const pack = (value: unknown) => new Packr({ useRecords: false }).pack(value);
    const versioned = (version: bigint, body: Uint8Array) => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64BE(version);
      return Buffer.concat([head, body]);
    };
    const script = new Script();
    const event = script.message('true');
    await putEvents(event);
    const place = `${script.conv}:1`;
    const whole = await client.hgetBuffer(keys.cache('messages'), place);
    if (whole === null) throw new Error('it was written');
    const values = new Packr({ useRecords: false }).unpack(whole.subarray(8)) as unknown[];
    const nested = Buffer.alloc(20_000, 0x91);
    const of = (index: number, value: unknown) =>
      versioned(9n, pack(values.map((old, at) => (at === index ? value : old))));
    const foreign = [
      Buffer.from('foreign'),
      Buffer.from('{"a": "longer than a version"}'),
      versioned(2n ** 63n, pack(values)),
      versioned(9n, Buffer.from([0xc1])),
      versioned(9n, pack({ map: 1 })),
      versioned(9n, pack('text')),
      versioned(9n, nested),
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.from([0])]),
      of(1, 7),
      of(2, 'another conversation'),
      of(4, 2),
      of(6, 'no.event'),
      of(8, null),
      of(9, { metadata: 'no object' }),
      of(10, 'yesterday'),
    ];
    for (const [index, value] of foreign.entries()) {
      await client.hset(keys.cache('messages'), place, value);
      expect(await page(script)).toEqual({ kind: 'absent' });
      expect(mirror.counts.foreign).toBe(index + 1);
      await expect.poll(() => client.hexists(keys.cache('messages'), place), soon).toBe(0);
      await putEvents(event);
      expect(await page(script)).toEqual({ kind: 'events', events: [event] });
      // Not read in between: what has no version of ours is older than anything.
      if (index < 3) {
        await client.hset(keys.cache('messages'), place, value);
        await putEvents(event);
        expect(await page(script)).toEqual({ kind: 'events', events: [event] });
      }
    }
    await client.hset(keys.cache('messages'), place, of(0, 1));
    expect(await page(script)).toEqual({ kind: 'absent' });
    expect(mirror.counts).toMatchObject({ foreign: foreign.length, shape: 1 });
  });

  test('a sample whose fields are of no sample is not believed', async () => {
    const { client, keys, mirror } = open;
    const [fields, other] = [sampleFields(), sampleFields()];
    const wrong = sampleFields({ id: fields.id, grade: 'seven' });
    const id = String(fields.id);
    await asker.put([changeOf(samples, wrong, 3)]);
    expect(await asker.elements(samples, [id])).toEqual([undefined]);
    await asker.put([changeOf(samples, other, 3)]);
    const moved = await client.hgetBuffer(keys.cache('samples'), String(other.id));
    await client.hset(keys.cache('samples'), id, moved ?? '');
    expect(await asker.elements(samples, [id])).toEqual([undefined]);
    expect(mirror.counts.foreign).toBe(2);
    await asker.put([changeOf(samples, fields, 3)]);
    expect(await asker.elements(samples, [id])).toMatchObject([{ fields }]);
  });

  test('a key of another type holds nothing, is counted, and goes', async () => {
    const { client, keys, mirror } = open;
    const script = new Script();
    const event = script.message('x');
    await client.set(keys.cache('messages'), 'no hash');
    expect(await page(script)).toEqual({ kind: 'absent' });
    expect(mirror.counts.wrongType).toBe(1);
    await expect.poll(() => client.exists(keys.cache('messages')), soon).toBe(0);
    for (const key of [keys.cache('messages'), keys.lru, keys.positions]) await client.set(key, 'wrong');
    expect(await asker.position('log/0')).toEqual({ kind: 'position', position: undefined });
    const changes = [changeOfEvent(event, 1)];
    expect(await asker.apply({ source: 'log/0', from: 3, to: 4, changes })).toEqual({ kind: 'lost' });
    await client.set(keys.lru, 'wrong');
    expect(await asker.apply({ source: 'log/0', from: undefined, to: 4, changes })).toEqual(applied);
    expect(await page(script)).toEqual({ kind: 'events', events: [event] });
    const { inHashes, inLru } = await places();
    expect(inLru).toEqual(inHashes);
    await client.hset(keys.positions, 'log/0', 'not a number');
    expect(await asker.position('log/0')).toEqual({ kind: 'position', position: undefined });
  });

  test('large elements are read in parts, whole and in their order; small ones at once', async () => {
    const { client } = open;
    const put = async (label: string) => {
      const all = Array.from({ length: 60 }, () => sampleFields());
      await asker.put(all.map((fields) => changeOf(samples, { ...fields, label }, 5)));
      return all.map(({ id }) => String(id));
    };
    /** How often Redis was asked, and what it said. */
    const read = async (ids: readonly string[]) => {
      await client.config('RESETSTAT');
      const elements = await asker.elements(samples, [...ids, 'of nobody']);
      const calls = /^cmdstat_hmget:calls=(\d+)/m.exec(await client.info('commandstats'))?.[1];
      return { ids: elements.map((element) => element?.fields?.id), calls: Number(calls) };
    };
    const small = await put('small');
    const large = await put('x'.repeat(40_000));
    expect(await read(small)).toEqual({ ids: [...small, undefined], calls: 1 });
    // What is not known yet to be large comes at once.
    expect(await read(large)).toEqual({ ids: [...large, undefined], calls: 1 });
    expect(await read(large)).toEqual({ ids: [...large, undefined], calls: 11 });
    for (let times = 0; times < 60; times += 1) await asker.elements(samples, small);
    expect(await read(small)).toEqual({ ids: [...small, undefined], calls: 1 });
  });

  test('parts that together take too long are not waited for, and the connection stays', async () => {
    let now = Date.now();
    const clock = { now: () => (now += 100) };
    const slow = await openRedisMirror(server.url, { ports: { ...nodeRuntimePorts(), clock } });
    const slowly = new MirrorAsker(slow.mirror);
    const all = Array.from({ length: 60 }, () => sampleFields());
    await slowly.put(all.map((fields) => changeOf(samples, { ...fields, label: 'x'.repeat(40_000) }, 5)));
    const ids = all.map(({ id }) => String(id));
    expect(await slowly.get(samples, ids)).toMatchObject({ kind: 'elements' });
    const message = 'Redis has sent only a part within 250 ms';
    expect(await slowly.get(samples, ids)).toEqual({ kind: 'failed', message });
    expect(slow.connection.away).toBeUndefined();
    slow.close();
  });

  test('a step that is wiped away between its pieces is lost', async () => {
    const { client } = open;
    const script = new Script();
    const changes = Array.from({ length: 3_000 }, () => changeOfEvent(script.message('x'.repeat(300)), 1));
    await asker.apply({ source: 'log/0', from: undefined, to: 1, changes: [] });
    const result = asker.apply({ source: 'log/0', from: 1, to: 2, changes });
    await client.flushall();
    expect(await result).toEqual({ kind: 'lost' });
    expect(await asker.position('log/0')).toEqual({ kind: 'position', position: undefined });
  });

  test('a use is told once a second, and brings nothing back that was evicted', async () => {
    const { client, keys } = open;
    const [used, evicted] = [sampleFields(), sampleFields()].map(({ id }) => String(id));
    await asker.put([used, evicted].map((id) => changeOf(samples, sampleFields({ id }), 1)));
    const score = async () => Number(await client.zscore(keys.lru, `samples ${used}`));
    const written = await score();
    await client.config('RESETSTAT');
    const begun = Date.now();
    for (let read = 0; read < 100; read += 1) await asker.elements(samples, [used ?? '', evicted ?? '']);
    await client.hdel(keys.cache('samples'), evicted ?? '');
    await client.zrem(keys.lru, `samples ${evicted}`);
    const read = Date.now();
    expect(await score()).toBe(written);
    await expect.poll(score, soon).toBeGreaterThan(written);
    expect(await score()).toBeGreaterThanOrEqual(begun);
    expect(await score()).toBeLessThanOrEqual(read);
    expect(await client.zcard(keys.lru)).toBe(1);
    expect(await client.info('commandstats')).toMatch(/cmdstat_zadd:calls=1,/);
  });

  test('a frozen Redis costs one limit, then nothing; memory stays flat; it is used again when it moves', async () => {
    const changes = Array.from({ length: 50 }, () => changeOf(samples, sampleFields(), 1));
    await asker.put(changes);
    const ids = changes.map(({ id }) => id);
    server.freeze();
    const begun = performance.now();
    expect(await asker.get(samples, ids)).toMatchObject({ kind: 'failed' });
    expect(performance.now() - begun).toBeLessThan(3_000);
    const round = async (count: number) => {
      for (let call = 0; call < count; call += 1) {
        await Promise.all([asker.get(samples, ids), asker.put(changes)]);
        open.mirror.fill(changes);
      }
      await sleep(10);
      return process.memoryUsage();
    };
    const before = await round(500);
    const asked = performance.now();
    const after = await round(2_000);
    expect((performance.now() - asked) / 2_000).toBeLessThan(5);
    expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
    server.thaw();
    await expect.poll(() => asker.get(samples, ids.slice(0, 1)), soon).toMatchObject({ kind: 'elements' });
  });

  test('more calls than can wait are refused at once', async () => {
    const calls = Array.from({ length: 6_000 }, () => asker.position('log/0'));
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'position').length).toBe(4_096);
    expect(await asker.position('log/0')).toMatchObject({ kind: 'position' });
  });

  test('one piece of a step keeps Redis from others for about two milliseconds at most', async () => {
    const { client } = open;
    const script = new Script();
    await client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1000');
    await client.slowlog('RESET');
    for (const [batch, bytes] of [100, 100, 1_000, 8_000].entries()) {
      const events = Array.from({ length: 2_000 }, () => script.message('x'.repeat(bytes)));
      await asker.put(events.map((event) => changeOfEvent(event, batch)));
      await asker.put(events.map((event) => changeOfEvent(event, batch + 1)));
    }
    const log = (await client.slowlog('GET', 1000)) as unknown as Array<[number, number, number, string[]]>;
    const times = log.filter(([, , , [name]]) => name === 'evalsha').map(([, , time]) => time);
    times.sort((one, other) => one - other);
    expect(times.length).toBeGreaterThan(100);
    const at = (part: number) => times[Math.floor(times.length * part)] ?? Number.NaN;
    console.log(
      `pieces: ${times.length}, median ${at(0.5)} µs, p95 ${at(0.95)} µs, longest ${times.at(-1)} µs`,
    );
    expect(at(0.5)).toBeLessThan(2_000);
    expect(at(0.9)).toBeLessThan(4_000);
    await client.config('SET', 'slowlog-log-slower-than', '-1');
  });
});

describe.skipIf((await redisHere()) === undefined)('a Redis that refuses', () => {
  test('H8 a password that is missing or wrong, and a full Redis, are told in one sentence', async () => {
    const server = await startRedis({ maxMemoryBytes: 8 * 1024 * 1024 });
    const { mirror, client, close } = await openRedisMirror(server.url);
    const asker = new MirrorAsker(mirror);
    const large = () => changeOf(samples, sampleFields({ label: 'x'.repeat(500_000) }), 1);
    const result = await asker.put(Array.from({ length: 30 }, large));
    expect(result).toMatchObject({ kind: 'failed', message: expect.stringMatching(/^Redis is full: /) });
    await client.config('SET', 'requirepass', 'secret');
    close();
    const url = new URL(server.url);
    for (const [password, message] of [
      ['', /^Redis asks for a password: /],
      ['false', /^Redis refuses the user or password/],
    ] as const) {
      url.password = password;
      const told: string[] = [];
      const connection = new RedisConnection({
        url: url.href,
        ports: nodeRuntimePorts(),
        onState: (state) => told.push(state.kind === 'away' ? state.message : state.kind),
      });
      await sleep(400);
      expect(told).toEqual([expect.stringMatching(message)]);
      expect(connection.away).toMatch(message);
      expect(connection.away).not.toContain('secret');
      connection.close();
    }
    url.password = 'secret';
    const connection = new RedisConnection({ url: url.href, ports: nodeRuntimePorts() });
    await isUp(connection);
    connection.close();
    await server.stop();
  });
});
