/** A whole server without Redis whose process is too large: what its shards keep in memory goes. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/children.js';
import { makePeople, type Person } from '../support/operator.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { startServer, type TestServer } from '../support/server.js';

/** Less than any process of Node takes. */
const limitMb = 32;
/** More than a conversation remembers by itself. */
const messages = 320;
const conversations = 4;

/** After an eviction the watcher rests for ten seconds. */
const patience = { timeout: 15_000, interval: 100 };

let database: TestDatabase;
let server: TestServer;
let person: Person;
const folder = temporaryFolder('memory-tier');

beforeAll(async () => {
  database = await createDatabase();
  const env = {
    NUBO_POSTGRES_URL: database.url,
    NUBO_ENV: 'development',
    NUBO_MEMORY_LIMIT_MB: String(limitMb),
    NUBO_SHARDS: '2',
  };
  server = await startServer({ data: folder.path, env });
  const [made] = await makePeople(server, ['ann']);
  if (made === undefined) throw new Error('nobody was made');
  person = made;
});
afterAll(async () => {
  await server.stop();
  await database.close();
  folder.remove();
});

async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(server.address + path, {
    method,
    headers: {
      authorization: `Bearer ${person.token}`,
      'content-type': 'application/json',
      'idempotency-key': uuidv7(),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}

/** Sums the lines of a metric that have all these labels. */
async function metric(name: string, ...labels: string[]): Promise<number> {
  const text = await (await fetch(`${server.address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const own = lines.filter((line) => labels.every((label) => line.includes(label)));
  return own.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('elements in the memory of the process are evicted when it is too large, and read from Postgres again', async () => {
  const rooms: string[] = [];
  for (let count = 0; count < conversations; count += 1) {
    const { conv } = await ask<{ conv: string }>('POST', '/conversations', { type: 'group', members: [] });
    rooms.push(conv);
    for (let sent = 0; sent < messages; sent += 40) {
      const some = Array.from({ length: 40 }, (_, index) => ({ text: `message ${sent + index}` }));
      await Promise.all(some.map((message) => ask('POST', `/conversations/${conv}/messages`, message)));
    }
  }
  const page = async (conv: string) => {
    const { events } = await ask<{ events: Array<{ seq: number; text?: string }> }>(
      'GET',
      `/conversations/${conv}/messages?after=1&limit=50`,
    );
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2));
  };
  for (const conv of rooms) await page(conv);
  for (const conv of rooms) await page(conv);
  expect(
    await metric('nubo_tier_reads_total', 'tier="memory"', 'of="pages"', 'result="hit"'),
  ).toBeGreaterThan(0);

  const evicted = () => metric('nubo_memory_evicted_elements_total', 'tier="memory"', 'node="messages"');
  await expect.poll(evicted, patience).toBeGreaterThanOrEqual(50 * conversations);
  await expect.poll(() => metric('nubo_memory_used_bytes', 'owner="memory"'), patience).toBe(0);
  expect(await metric('nubo_memory_used_bytes', 'owner="process"')).toBeGreaterThan(limitMb * 1_048_576);
  expect(await metric('nubo_memory_limit_bytes', 'owner="process"')).toBe(limitMb * 1_048_576);

  const misses = () => metric('nubo_tier_reads_total', 'tier="memory"', 'of="pages"', 'result="miss"');
  const before = await misses();
  for (const conv of rooms) await page(conv);
  expect(await misses()).toBe(before + conversations);
});
