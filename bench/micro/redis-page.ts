/**
 * What does a page of 50 events cost above the bare HMGET that brings its bytes? Both ask for the same pages of one
 * Redis, in turns, with as many under way; the ratio is pages a second of the tier over those of the driver alone.
 * Then how many messages a second a step brings into Redis. What it wrote under its prefix is removed at the end.
 * Run: `node build/bench/micro/redis-page.js redis://127.0.0.1:6379 [seconds]`
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { changeOfEvent } from '#src/entities/messages.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { RedisMirror } from '#src/storage/redis/mirror.js';
import { placesOfRange } from '#src/storage/tiers/place.js';
import type { Applied } from '#src/storage/tiers/ports.js';
import type { LogEvent } from '#src/wire/events.js';

const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
const seconds = Number(process.argv[3] ?? 1);
const pageEvents = 50;
const conversations = Array.from({ length: 200 }, () => uuidv7());
const rounds = 5;

const ports = nodeRuntimePorts();
const keys = redisKeys(`nubo-bench-${randomUUID()}:`);
const connection = new RedisConnection({ url, ports });
const mirror = new RedisMirror({ connection, keys, ports });
const bare = new Redis(url);
await new Promise<void>((resolve) => connection.onOpen(() => resolve()));

function eventOf(conv: string, seq: number): LogEvent {
  const text = `message ${seq} of a chat, about as long as people write`.padEnd(90, '.');
  return { ev: 'message.new', conv, seq, number: seq, id: uuidv7(), from: uuidv7(), at: Date.now(), text };
}

const pageOf = (conv: string) => ({ conv, from: 1, to: pageEvents });

function fromTier(conv: string): Promise<void> {
  return new Promise((resolve, reject) => {
    mirror.events(pageOf(conv), (result) => {
      if (result.kind === 'events') resolve();
      else reject(new Error(JSON.stringify(result)));
    });
  });
}

async function fromDriver(conv: string): Promise<void> {
  await bare.hmgetBuffer(keys.cache('messages'), ...placesOfRange(pageOf(conv)));
}

/** Pages a second, with so many under way. */
async function rateOf(ask: (conv: string) => Promise<void>, underWay: number): Promise<number> {
  const begun = performance.now();
  const end = begun + seconds * 1_000;
  let pages = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await ask(conversations[pages % conversations.length] ?? '');
      pages += 1;
    }
  };
  await Promise.all(Array.from({ length: underWay }, lane));
  return (pages / (performance.now() - begun)) * 1_000;
}

const median = (values: number[]) => values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;

async function comparePages(underWay: number): Promise<void> {
  const tier: number[] = [];
  const driver: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    driver.push(await rateOf(fromDriver, underWay));
    tier.push(await rateOf(fromTier, underWay));
  }
  const ratio = median(tier.map((rate, index) => rate / (driver[index] ?? 1)));
  const [pages, barePages] = [median(tier), median(driver)].map(Math.round);
  console.log({ underWay, pagesPerSecond: pages, bareHmgetPerSecond: barePages, ratio: ratio.toFixed(2) });
}

async function measureSteps(size: number): Promise<void> {
  const changes = Array.from({ length: size }, (_, index) =>
    changeOfEvent(eventOf(conversations[index % conversations.length] ?? '', 1_000 + index), 1),
  );
  const begun = performance.now();
  let position: number | undefined;
  let applied = 0;
  while (performance.now() - begun < seconds * 1_000) {
    const step = { source: `step/${size}`, from: position, to: (position ?? 0) + 1, changes };
    const result = await new Promise<Applied>((resolve) => mirror.apply(step, resolve));
    if (result.kind !== 'applied') throw new Error(JSON.stringify(result));
    position = step.to;
    applied += size;
    // The next step brings newer versions of the same elements: memory does not grow with the time.
    for (const [index, change] of changes.entries())
      changes[index] = { ...change, version: change.version + 1 };
  }
  const perSecond = Math.round((applied / (performance.now() - begun)) * 1_000);
  console.log({ messagesPerStep: size, messagesPerSecond: perSecond });
}

const all = conversations.flatMap((conv) =>
  Array.from({ length: pageEvents }, (_, index) => changeOfEvent(eventOf(conv, index + 1), 1)),
);
await new Promise((resolve) => mirror.put(all, resolve));
for (const underWay of [1, 16]) await comparePages(underWay);
for (const size of [100, 1_000]) await measureSteps(size);
mirror.close();
await bare.unlink(keys.cache('messages'), keys.lru, keys.positions);
bare.disconnect();
connection.close();
