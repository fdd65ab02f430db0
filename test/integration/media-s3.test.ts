/** Attachments in a bucket, on a real server: the contract, and what is S3's own. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3Bucket } from '#src/media/s3-bucket.js';
import { createS3Store } from '#src/media/s3-store.js';
import { StoreAwayError } from '#src/media/store.js';
import { type S3Server, s3Here, startS3 } from '#test/support/s3-server.js';
import { mediaStoreContract } from '../contract/media-store.js';

describe.skipIf(s3Here() === undefined)('on a server of S3', () => {
  mediaStoreContract({
    name: 's3',
    async open() {
      const server = await startS3();
      return {
        store: createS3Store(server.options),
        again: () => createS3Store(server.options),
        close: () => server.stop(),
      };
    },
  });

  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.stop());

  test('M3 a tail whose bytes have become a part does not count twice', async () => {
    const store = createS3Store(server.options);
    const key = randomUUID();
    const length = 12 * 1024 * 1024;
    const upload = { key, length, handle: await store.create(key, length) };
    const bytes = randomBytes(6 * 1024 * 1024);
    const first = await store.append(upload, 0);
    await first.write(bytes.subarray(0, 1000));
    expect(await first.close()).toBe(1000);
    // The next connection fills the part and dies before it can say what lies behind it.
    const second = await store.append(upload, 1000);
    await second.write(bytes.subarray(1000));
    expect(await store.size(upload)).toBe(5 * 1024 * 1024);
  });

  test('M7 an upload that nobody finished leaves nothing in the bucket', async () => {
    const store = createS3Store(server.options);
    const key = randomUUID();
    await store.create(key, 10);
    await store.create(key, 10);
    await store.remove(key);
    const bucket = new S3Bucket(server.options);
    expect(await bucket.head(`attachments/${key}`)).toBeUndefined();
    expect(await bucket.parts(`attachments/${key}`, 'no-such-upload')).toBeUndefined();
  });

  test('M3 a store that is away, or takes the key for none, is said to be away', async () => {
    const wrong = createS3Store({ ...server.options, secretKey: 'another secret' });
    await expect(wrong.create(randomUUID(), 1)).rejects.toBeInstanceOf(StoreAwayError);
    const nobody = createS3Store({ ...server.options, endpoint: 'http://127.0.0.1:1' });
    await expect(nobody.create(randomUUID(), 1)).rejects.toThrow(/cannot be reached/);
  });
});
