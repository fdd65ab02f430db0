/** Loads of a large room on a real Postgres: whole, and with its members from a faster tier. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeOfMoment } from '#src/entities/snapshots.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { MemoryMirror } from '#src/storage/memory/mirror.js';
import type { ConversationSnapshot } from '#src/storage/ports.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import type { Tier } from '#src/storage/tiers/ports.js';
import { SnapshotLoads } from '#src/storage/tiers/snapshot-loads.js';
import { Asker, Script } from '../support/log-events.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { openRedisMirror } from '../support/redis-mirror.js';
import { redisHere, startRedis } from '../support/redis-server.js';

const sizes = [10, 1_000, 10_000];
const rounds = 30;
/** In the log after the members came. */
const messages = 200;

const ports = nodeRuntimePorts();
const hasRedis = (await redisHere()) !== undefined;
let database: TestDatabase;
let store: PostgresLogStore;

beforeAll(async () => {
  database = await createDatabase();
  store = new PostgresLogStore({ url: database.url, shard: 1, readConnections: 1 });
});
afterAll(async () => {
  await store.close();
  await database.close();
});

async function createRoom(asker: Asker, size: number): Promise<Script> {
  const script = new Script();
  await asker.write([script.create(Array.from({ length: size - 1 }, () => uuidv7()))]);
  await asker.write(Array.from({ length: messages }, (_, index) => script.message(`message ${index}`)));
  return script;
}

function loadThrough(
  loads: Pick<SnapshotLoads, 'load'> | PostgresLogStore,
  conv: string,
): Promise<ConversationSnapshot> {
  return new Promise((resolve, reject) =>
    loads.load(conv, (result) =>
      result.kind === 'loaded' ? resolve(result.snapshot) : reject(new Error(result.message)),
    ),
  );
}

/** The median, after some that nobody counts. */
async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = -5; round < rounds; round += 1) {
    const begun = performance.now();
    await run();
    if (round >= 0) times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other)[rounds / 2] ?? 0;
}

/** Waits until a tier has what it was given. */
async function kept(tier: Tier, loads: SnapshotLoads, asker: Asker, conv: string): Promise<void> {
  const whole = await asker.load(conv);
  if (whole.kind === 'failed') throw new Error(whole.message);
  const { info, members, standing, recent } = whole.snapshot;
  const last = recent.at(-1);
  if (info === undefined || last === undefined) throw new Error('there is no such conversation');
  const change = changeOfMoment({ info, last, members, standing });
  if (change === undefined) throw new Error('it is too large');
  loads.keep({ info, last, members, standing });
  await expect
    .poll(
      () =>
        new Promise((resolve) =>
          tier.get(change.entity, [conv], (result) =>
            resolve(result.kind === 'elements' && result.elements[0]?.version),
          ),
        ),
    )
    .toBe(last.seq);
}

function plain({ members, ...rest }: ConversationSnapshot) {
  return { ...rest, members: members.map(({ user, role }) => `${user} ${role}`).sort() };
}

async function measure(tier: Tier): Promise<Array<Record<string, string | number>>> {
  const asker = new Asker(store);
  await asker.own();
  const results: string[] = [];
  const loads = new SnapshotLoads({
    ...{ store, tier, clock: ports.clock, timers: ports.timers },
    onLoad: (result) => void results.push(result),
  });
  const lines: Array<Record<string, string | number>> = [];
  for (const size of sizes) {
    const { conv, ...script } = await createRoom(asker, size);
    await kept(tier, loads, asker, conv);
    // What came after it is of the log.
    const later = new Script({ conv, owner: script.owner });
    later.seq = script.seq;
    later.number = script.number;
    await asker.write([later.add(uuidv7()), later.message('after'), later.leave(script.owner)]);
    expect(plain(await loadThrough(loads, conv))).toEqual(plain(await loadThrough(store, conv)));
    const whole = await milliseconds(() => loadThrough(store, conv));
    const through = await milliseconds(() => loadThrough(loads, conv));
    lines.push({ tier: tier.name, members: size, whole, through, ratio: through / whole });
  }
  expect(new Set(results)).toEqual(new Set(['hit']));
  return lines;
}

test('a large room is loaded with its members from the memory of the process, and is the same', async () => {
  console.table(await measure(new MemoryMirror({ limitBytes: 1_048_576, turns: ports.turns })));
});

test.skipIf(!hasRedis)('a large room is loaded with its members from Redis, and is the same', async () => {
  const server = await startRedis();
  const { mirror, close } = await openRedisMirror(server.url);
  try {
    console.table(await measure(mirror));
  } finally {
    close();
    await server.stop();
  }
});
