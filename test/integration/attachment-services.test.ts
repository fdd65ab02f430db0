/** The services of attachments on a real Postgres, with a store and a pool that fail when the test says so. */
import { randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NuboError } from '#src/errors.js';
import { Attachments } from '#src/media/attachments.js';
import { createDiskStore } from '#src/media/disk-store.js';
import { inspect, thumbnailOf } from '#src/media/inspect.js';
import type { MediaPool } from '#src/media/media-pool.js';
import { type MediaStore, StoreAwayError, StoreFullError } from '#src/media/store.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { temporaryFolder } from '#test/support/children.js';
import { picture } from '#test/support/pictures.js';
import { createDatabase, type TestDatabase } from '#test/support/postgres.js';

const folder = temporaryFolder('attachment-services');
const disk = createDiskStore(folder.path);
const faults: unknown[] = [];
let database: TestDatabase;
let store: MediaStore = disk;
let pool: MediaPool;
let attachments: Attachments;

const works: MediaPool = {
  inspect,
  thumbnail: async (job) => thumbnailOf(job),
  close: async () => undefined,
};
const full = async () => {
  throw new NuboError('overloaded', 'Too many files are being looked at.', { retryMs: 1 });
};

beforeAll(async () => {
  database = await createDatabase();
  pool = works;
  attachments = new Attachments({
    ...nodeRuntimePorts(),
    sql: database.sql,
    store: new Proxy(disk, { get: (_target, name) => Reflect.get(store, name) }),
    pool: new Proxy(works, { get: (_target, name) => Reflect.get(pool, name) }),
    limits: { fileBytesMax: 1000, userBytesMax: 2000, types: ['image/*', 'text/plain'], unsentMs: 3_600_000 },
    onFault: (error) => faults.push(error),
  });
});
afterAll(async () => {
  await database.close();
  folder.remove();
});

const create = (user: string, size: number, id = uuidv7()) =>
  attachments.services['attachments.create']({ user, id, name: 'a', type: '', size });

/** All bytes are in the store; → what finishes it. */
async function filled(user: string, bytes: Uint8Array) {
  const { id } = await create(user, bytes.length);
  const lease = randomUUID();
  const leased = await attachments.services['attachments.lease']({ user, id, lease });
  if (leased.kind !== 'leased') throw new Error(leased.kind);
  const writer = await disk.append({ key: id, length: bytes.length, handle: leased.handle }, 0);
  await writer.write(bytes);
  await writer.close();
  return { id, finish: () => attachments.services['attachments.finish']({ user, id, lease }) };
}

test('M7 an upload that finds no room takes nothing of what is its user’s', async () => {
  const user = randomUUID();
  for (const [error, code] of [
    [new StoreFullError('full'), 'overloaded'],
    [new StoreAwayError('away'), 'unavailable'],
  ] as const) {
    store = { ...disk, create: () => Promise.reject(error) };
    for (let turn = 0; turn < 3; turn += 1)
      await expect(create(user, 1000)).rejects.toMatchObject({ code, retryMs: expect.any(Number) });
  }
  store = disk;
  await create(user, 1000);
  await create(user, 1000);
  await expect(create(user, 1)).rejects.toMatchObject({ code: 'forbidden', stored: false });
  await expect(create(randomUUID(), 1001)).rejects.toMatchObject({ code: 'invalid' });
});

test('M4 M5 a file that nobody had time to look at is looked at when it is asked for again', async () => {
  const user = randomUUID();
  const { id, finish } = await filled(user, Buffer.from('text'));
  pool = { ...works, inspect: full };
  await expect(finish()).rejects.toMatchObject({ code: 'overloaded' });
  expect(await attachments.services['attachments.get']({ user, id })).toMatchObject({
    attachment: { state: 'uploading' },
    held: 4,
  });
  pool = works;
  expect(await finish()).toMatchObject({ state: 'ready', fileType: 'text/plain' });
  expect(await finish()).toMatchObject({ state: 'ready' });
});

test('M8 a picture whose thumbnail fails is ready without, and gets it later', async () => {
  const user = randomUUID();
  const { id, finish } = await filled(user, picture(20, 10).pngSync());
  pool = { ...works, thumbnail: full };
  expect(await finish()).toMatchObject({ state: 'ready', width: 20, height: 10, hasThumbnail: null });
  expect(faults).toHaveLength(1);
  pool = works;
  await attachments.thumbnails.makeUp();
  const { attachment } = await attachments.services['attachments.get']({ user, id });
  expect(attachment.hasThumbnail).toBe(true);
  expect(await disk.thumbnailSize(id)).toBeGreaterThan(0);
});

test('M5 what is refused is gone from the store before anybody hears of it', async () => {
  const user = randomUUID();
  const { id, finish } = await filled(user, Buffer.from('%PDF-1.7 and so on'));
  expect(await finish()).toMatchObject({ state: 'refused', fileType: 'application/pdf' });
  expect(await disk.size({ key: id, length: 18, handle: 'disk' })).toBe(0);
});
