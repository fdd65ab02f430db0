/** A whole server whose files are in a bucket. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3Bucket } from '#src/media/s3-bucket.js';
import { picture } from '#test/support/pictures.js';
import { type S3Server, s3Here, startS3 } from '#test/support/s3-server.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import { ask, begin, offsetOf, openPatch, patch, type Uploader, upload } from '#test/support/uploads.js';

describe.skipIf(s3Here() === undefined)('files in a bucket', () => {
  const folder = dataFolder('attachments-s3');
  let s3: S3Server;
  let server: TestServer;
  let alice: Uploader;

  beforeAll(async () => {
    s3 = await startS3();
    const { endpoint, bucket, accessKey, secretKey } = s3.options;
    server = await startServer({
      data: folder.path,
      env: {
        ...{ NUBO_S3_ENDPOINT: endpoint, NUBO_S3_BUCKET: bucket, NUBO_FRONTS: '1', NUBO_SHARDS: '1' },
        ...{ NUBO_S3_ACCESS_KEY: accessKey, NUBO_S3_SECRET_KEY: secretKey },
      },
    });
    const response = await fetch(`${server.address}/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password: 'correct horse' }),
    });
    const { accessToken: token } = (await response.json()) as { accessToken: string };
    alice = { address: server.address, token };
  });
  afterAll(async () => {
    await server.stop();
    await s3.stop();
    await folder.remove();
  });

  test('M2 M4 an upload that was cut goes on, and what is read is what was sent', async () => {
    const bytes = randomBytes(12_000_000);
    const path = await begin(alice, bytes.length);
    const { socket } = await openPatch(alice, path, { offset: 0, length: bytes.length });
    socket.write(bytes.subarray(0, 7_000_000));
    await expect.poll(() => offsetOf(alice, path), { timeout: 10_000 }).toBe(5 * 1024 * 1024);
    socket.destroy();
    await expect.poll(() => offsetOf(alice, path), { timeout: 10_000 }).toBeGreaterThan(5 * 1024 * 1024);
    const offset = await offsetOf(alice, path);
    expect((await patch(alice, path, offset, bytes.subarray(offset))).status).toBe(204);
    const content = await ask(alice, `GET ${path}/content`);
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await ask(alice, `GET ${path}/content`, { range: 'bytes=5242870-5242890' });
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5_242_870, 5_242_891))).toBe(true);
    expect(existsSync(join(folder.path, 'attachments'))).toBe(false);
  });

  test('M7 M8 a picture has its thumbnail in the bucket, and both go when it is deleted', async () => {
    const path = await upload(alice, picture(500, 500).pngSync(), 'a.png');
    expect((await ask(alice, `GET ${path}/thumbnail`)).status).toBe(200);
    const bucket = new S3Bucket(s3.options);
    expect(await bucket.head(`${path.slice(1)}.webp`)).toBeDefined();
    expect((await ask(alice, `DELETE ${path}`)).status).toBe(204);
    for (const name of [path.slice(1), `${path.slice(1)}.webp`, `${path.slice(1)}.tail`])
      expect(await bucket.head(name)).toBeUndefined();
  });

  test('M3 a bucket that is away is said to be away, and the same upload goes on when it is back', async () => {
    const bytes = randomBytes(1000);
    const path = await begin(alice, bytes.length);
    await s3.kill();
    expect((await patch(alice, path, 0, bytes)).status).toBe(503);
    await s3.restart();
    await expect.poll(async () => (await patch(alice, path, 0, bytes)).status, { timeout: 20_000 }).toBe(204);
  });
});
