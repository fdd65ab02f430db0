/** The limits in their smoke form, on a real Postgres and real sockets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareConnections, latencyFloor, rawCopy, rawCopyLadder, rawPublish } from '#bench/limits/index.js';
import { LogRows } from '#bench/limits/log-rows.js';
import { OneRow, prepareOneRow } from '#bench/limits/one-row.js';
import { openPostgresSocket, type PostgresSocket } from '#bench/limits/postgres-socket.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

async function scratchDatabases(): Promise<number> {
  const [row] = await database.sql<{ count: number }[]>`
    select count(*)::int as count from pg_database where datname like 'nubo_limit_%'`;
  return row?.count ?? -1;
}

test('the ladder of raw COPY names its batches, and leaves nothing behind', async () => {
  const ladder = await rawCopyLadder({ database: { url: database.url }, texts: 'transcript', seconds: 0.1 });
  expect(ladder.map(({ part }) => part)).toEqual([100, 800, 1_000].map((size) => `raw COPY at ${size}`));
  for (const { figures, void: why } of ladder) {
    // The only thing that may be said against them on a busy machine.
    if (why !== undefined) expect(why).toMatch(/less than the 100 k/);
    expect(figures.rowsPerSecond).toBeGreaterThan(1_000);
  }
  expect(await scratchDatabases()).toBe(0);
});

describe('raw COPY', () => {
  test('meets the mean batch it was asked for, with and without the claim', async () => {
    for (const isClaimed of [false, true]) {
      const { figures } = await rawCopy({
        ...{ database: { url: database.url }, batch: 87.5, seconds: 0.2, texts: { bytes: 60 }, isClaimed },
      });
      expect(figures.batch).toBeGreaterThan(86.5);
      expect(figures.batch).toBeLessThan(88.5);
      expect(figures.rowsPerSecond).toBeGreaterThan(1_000);
    }
  });

  test('says in one sentence that it may not make a database', async () => {
    const user = `limited_${process.pid}`;
    await database.sql.unsafe(`create role ${user} login`);
    const url = new URL(database.url);
    url.username = user;
    const copy = rawCopy({ database: { url: url.href }, batch: 10, seconds: 0.1, texts: { bytes: 60 } });
    await expect(copy).rejects.toThrow(/permission denied.*Give them a user who may create databases\.$/);
    await database.sql.unsafe(`drop role ${user}`);
  });

  test('ends with its processes and its database when the run is aborted', async () => {
    const controller = new AbortController();
    const common = { database: { url: database.url }, batch: 100, seconds: 60, texts: { bytes: 60 } };
    const copy = rawCopy({ ...common, signal: controller.signal });
    const refused = expect(copy).rejects.toThrow('Ctrl-C');
    setTimeout(() => controller.abort(new Error('Ctrl-C')), 1_000);
    await refused;
    expect(await scratchDatabases()).toBe(0);
  });
});

describe('one row and its claim', () => {
  const rows = new LogRows({ rooms: 1, texts: ['a text with ünïcode 🦊 and a \\ backslash'] });
  const oneRow = new OneRow();
  let socket: PostgresSocket;
  beforeAll(async () => {
    socket = await openPostgresSocket(database.url, prepareOneRow);
  });
  afterAll(() => socket.close());

  function exchange(bytes: Uint8Array): Promise<string | undefined> {
    return new Promise((resolve) => socket.exchange(bytes, resolve));
  }

  test('are the same in the log by COPY and by INSERT', async () => {
    const [first, second] = rows.take(2);
    if (first === undefined || second === undefined) throw new Error('no rows');
    expect(await exchange(oneRow.copy(first, 1))).toBeUndefined();
    expect(await exchange(oneRow.insert(second, 2))).toBeUndefined();
    const stored = await database.sql`
      select id, conversation, actor, seq::int, number::int, nubo_ms(at)::float8 as at, batch::int, kind, body
      from conversation_log order by seq`;
    const expected = [first, second].map(({ id, conv, from, seq, number, at, text }, index) => {
      return { id, conversation: conv, actor: from, seq, number, at, batch: index + 1, kind: 40, body: text };
    });
    expect([...stored]).toEqual(expected);
  });

  test('are nothing when the claim is wrong', async () => {
    const [row] = rows.take(1);
    if (row === undefined) throw new Error('no row');
    expect(await exchange(oneRow.copy(row, 9))).toMatch(/9 cannot follow/);
    expect(await exchange(oneRow.insert(row, 9))).toBeUndefined();
    const [stored] =
      await database.sql`select count(*)::int as count from conversation_log where id = ${row.id}`;
    expect(stored).toEqual({ count: 0 });
    const [writer] = await database.sql`select batch::int from writers where shard = 0`;
    expect(writer).toEqual({ batch: 2 });
  });
});

describe('raw publish', () => {
  const shape = { subscribers: 20, bytes: 200, seconds: 0.3 };

  test('delivers every message of a turn to every subscriber, however it is gathered and paced', async () => {
    const ways = [
      { perTurn: 8 },
      { perTurn: 8, gathering: 'a frame each' },
      { perTurn: 8, outstanding: 12 },
      // Beyond 64 KiB a frame's head is longer, and beyond 16 KiB nothing is gathered.
      { perTurn: 400, outstanding: 400 },
    ] as const;
    for (const way of ways) {
      const { figures, void: why } = await rawPublish({ ...shape, ...way });
      expect(why).toBeUndefined();
      const { deliveriesPerSecond = 0, sendsPerSecond = 0 } = figures;
      expect(deliveriesPerSecond / sendsPerSecond).toBeCloseTo(way.perTurn);
    }
  });
});

test('an idle connection takes some memory, and a topic about a hundred bytes more', async () => {
  const bytesWith = async (topics: number) => {
    // With 3,000 what the process gives back meanwhile, half a MB, is half of the figure.
    const { figures } = await bareConnections({ connections: 8_000, topics });
    return figures.bytesPerConnection ?? 0;
  };
  const [without, with20] = [await bytesWith(0), await bytesWith(20)];
  expect(without).toBeGreaterThan(100);
  expect(without).toBeLessThan(2_000);
  expect((with20 - without) / 20).toBeGreaterThan(25);
  expect((with20 - without) / 20).toBeLessThan(400);
});

test('the floor is made of its parts: socket, thread, commit', async () => {
  const { figures } = await latencyFloor({
    database: { url: database.url },
    texts: 'transcript',
    seconds: 0.6,
  });
  const {
    socketP50Milliseconds = 0,
    threadP50Milliseconds = 0,
    p50Milliseconds = 0,
    p99Milliseconds = 0,
  } = figures;
  expect(socketP50Milliseconds).toBeGreaterThan(0);
  expect(threadP50Milliseconds).toBeGreaterThan(socketP50Milliseconds);
  expect(p50Milliseconds).toBeGreaterThan(threadP50Milliseconds);
  expect(p99Milliseconds).toBeGreaterThanOrEqual(p50Milliseconds);
});
