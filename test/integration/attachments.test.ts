/** A whole server and its attachments: a client of the protocol that others wrote, and requests that mean harm. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { imageDimensionsFromData } from 'image-dimensions';
import { Upload } from 'tus-js-client';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSql } from '#src/storage/postgres/sql.js';
import { claimedPng, picture } from '#test/support/pictures.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import {
  ask,
  base64,
  begin,
  offsetOf,
  openPatch,
  patch,
  type Uploader,
  upload,
} from '#test/support/uploads.js';

const megabyte = 1_000_000;
const folder = dataFolder('attachments');
const env = {
  ...{ NUBO_ATTACHMENT_MB: '20', NUBO_ATTACHMENT_USER_MB: '60', NUBO_FRONTS: '1', NUBO_SHARDS: '1' },
  NUBO_ATTACHMENT_TYPES: 'image/*, text/plain, application/octet-stream, application/pdf, audio/*',
};
let server: TestServer;
let alice: Uploader;
let bob: Uploader;

async function signUp(username: string): Promise<Uploader> {
  const response = await fetch(`${server.address}/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: 'correct horse' }),
  });
  return { address: server.address, token: ((await response.json()) as { accessToken: string }).accessToken };
}

beforeAll(async () => {
  server = await startServer({ data: folder.path, env });
  [alice, bob] = [await signUp('alice'), await signUp('bob')];
});
afterAll(async () => {
  await server.stop();
  await folder.remove();
});

const filesOnDisk = () =>
  readdirSync(join(folder.path, 'attachments'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 36,
  );
const view = async (who: Uploader, path: string) =>
  (await (await ask(who, `GET ${path}`)).json()) as Record<string, unknown>;
const problem = async (response: Promise<Response>) => {
  const answer = await response;
  return [answer.status, ((await answer.json()) as { detail: string }).detail];
};
const id = (path: string) => path.slice('/attachments/'.length);

test('M1 M2 a client that others wrote uploads in chunks, and the bytes are the same', async () => {
  const bytes = randomBytes(5 * megabyte + 1234);
  const url = await new Promise<string>((resolve, reject) => {
    const uploading = new Upload(bytes, {
      endpoint: `${server.address}/attachments`,
      headers: { authorization: `Bearer ${alice.token}` },
      chunkSize: megabyte,
      metadata: { filename: 'Übung 1.bin', filetype: 'application/octet-stream' },
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(uploading.url ?? ''),
    });
    uploading.start();
  });
  const path = new URL(url).pathname;
  expect(await view(alice, path)).toMatchObject({
    ...{
      fileName: 'Übung 1.bin',
      fileType: 'application/octet-stream',
      fileSize: bytes.length,
      state: 'ready',
    },
    ...{ url: `${path}/content`, thumbnailUrl: null, width: null, message: null, offset: bytes.length },
  });
  const content = await ask(alice, `GET ${path}/content`);
  expect(content.headers.get('content-disposition')).toBe(
    `attachment; filename="_bung 1.bin"; filename*=UTF-8''%C3%9Cbung%201.bin`,
  );
  expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
});

test('M1 the server says what it can, and begins the same upload twice as one', async () => {
  const options = await fetch(`${server.address}/attachments`, { method: 'OPTIONS' });
  expect(Object.fromEntries(options.headers)).toMatchObject({
    ...{
      'tus-version': '1.0.0',
      'tus-extension': 'creation,expiration,termination',
      'tus-max-size': '20000000',
    },
  });
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': '3', 'idempotency-key': uuidv7() };
  const once = await ask(alice, 'POST /attachments', headers);
  const path = once.headers.get('location') ?? '';
  expect(Date.parse(once.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now());
  await patch(alice, path, 0, Buffer.from('ab'));
  const twice = await ask(alice, 'POST /attachments', headers);
  expect([twice.status, twice.headers.get('location')]).toEqual([201, path]);
  expect(await offsetOf(alice, path)).toBe(2);
  expect((await ask(alice, 'POST /attachments', { ...headers, 'upload-length': '4' })).status).toBe(409);
  expect((await ask(bob, 'POST /attachments', headers)).status).toBe(409);
});

test('M2 M4 a connection that is cut in the middle goes on where it stood', async () => {
  const bytes = randomBytes(8 * megabyte);
  const path = await begin(alice, bytes.length);
  const { socket } = await openPatch(alice, path, { offset: 0, length: bytes.length });
  socket.write(bytes.subarray(0, 3 * megabyte));
  await expect.poll(() => offsetOf(alice, path), { timeout: 5_000 }).toBeGreaterThan(megabyte);
  socket.destroy();
  // One more that is alive and silent: whoever comes again does not wait for it.
  await expect
    .poll(async () => (await patch(alice, path, await offsetOf(alice, path), bytes.subarray(0, 0))).status)
    .toBe(204);
  const silent = await openPatch(alice, path, { offset: await offsetOf(alice, path), length: megabyte });
  await sleep(50);
  const offset = await offsetOf(alice, path);
  expect((await patch(alice, path, offset, bytes.subarray(offset))).status).toBe(204);
  silent.socket.destroy();
  const content = await ask(alice, `GET ${path}/content`);
  expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
});

test('M3 wrong offsets, sizes that lie and other versions are refused, and nothing is lost of what came', async () => {
  const path = await begin(alice, 10);
  expect((await patch(alice, path, 0, Buffer.from('01234'))).status).toBe(204);
  expect(await problem(patch(alice, path, 4, Buffer.from('x')))).toEqual([
    409,
    'The upload stands at 5, not 4: go on from there.',
  ]);
  expect(await problem(patch(alice, path, 5, Buffer.from('567890')))).toEqual([
    413,
    'The body is longer than the 5 bytes that are lacking.',
  ]);
  const lying = await openPatch(alice, path, { offset: 5, length: 3 * megabyte });
  lying.socket.write(Buffer.alloc(2 * megabyte));
  expect(await lying.answered).toMatch(/^HTTP\/1\.1 413 /);
  lying.socket.destroy();
  for (const [line, headers, status] of [
    [`PATCH ${path}`, { 'upload-offset': '5', 'content-type': 'application/offset+octet-stream' }, 412],
    [`PATCH ${path}`, { 'tus-resumable': '1.0.0', 'upload-offset': '5' }, 415],
    ['POST /attachments', { 'tus-resumable': '1.0.0', 'upload-length': String(20 * megabyte + 1) }, 413],
    ['POST /attachments', { 'tus-resumable': '1.0.0', 'upload-length': '0' }, 400],
    ['POST /attachments', { 'upload-length': '5' }, 412],
    [`DELETE ${path}`, { 'tus-resumable': '0.1' }, 412],
  ] as const) {
    const response = await ask(alice, line, headers);
    expect([line, response.status]).toEqual([line, status]);
    expect(response.headers.get('tus-resumable')).toBe('1.0.0');
  }
  expect((await patch(alice, path, 5, Buffer.from('56789'))).status).toBe(204);
  expect(await (await ask(alice, `GET ${path}/content`)).text()).toBe('0123456789');
});

test('M4 of ten requests that begin at once, bytes come in once', async () => {
  const bytes = randomBytes(2 * megabyte);
  const path = await begin(alice, bytes.length);
  const statuses = await Promise.all(
    Array.from({ length: 10 }, () =>
      patch(alice, path, 0, bytes).then(
        ({ status }) => status,
        () => 0,
      ),
    ),
  );
  for (const status of statuses) expect([204, 409, 423, 0]).toContain(status);
  const offset = await offsetOf(alice, path);
  if (offset < bytes.length)
    expect((await patch(alice, path, offset, bytes.subarray(offset))).status).toBe(204);
  const content = await ask(alice, `GET ${path}/content`);
  expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
});

test('M4 an upload whose last answer was lost is finished by whoever asks where it stands', async () => {
  const path = await begin(alice, 5);
  const { socket } = await openPatch(alice, path, { offset: 0 });
  // All bytes are there, and the connection goes before the end of the request.
  socket.write('5\r\nhello\r\n');
  await expect.poll(() => offsetOf(alice, path)).toBe(5);
  expect((await view(alice, path)).state).toBe('uploading');
  socket.destroy();
  await expect.poll(async () => (await view(alice, path)).state).toBe('ready');
});

test('M5 a page or a drawing that calls itself a picture is refused in one sentence, and its bytes are gone', async () => {
  for (const [bytes, type] of [
    ['<!DOCTYPE html><script>alert(1)</script>', 'text/html'],
    ['<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'image/svg+xml'],
  ] as const) {
    const path = await begin(alice, bytes.length, 'cat.png', 'image/png');
    expect(await problem(patch(alice, path, 0, Buffer.from(bytes)))).toEqual([
      415,
      `Files of the type ${type} are not taken here: a browser or a system would run them.`,
    ]);
    expect(await view(alice, path)).toMatchObject({ state: 'refused', fileType: type, url: null });
    expect((await ask(alice, `GET ${path}/content`)).status).toBe(404);
    expect(filesOnDisk().filter((name) => name.includes(id(path)))).toEqual([]);
    expect((await patch(alice, path, 0, Buffer.from(bytes))).status).toBe(409);
  }
  const zip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');
  const path = await begin(alice, zip.length, 'x.pdf', 'application/pdf');
  expect(await problem(patch(alice, path, 0, zip))).toEqual([
    415,
    'Files of the type application/zip are not taken here; allowed are: image/*, text/plain, application/octet-stream, application/pdf, audio/*.',
  ]);
  await expect(begin(alice, 5, 'x.html', 'text/html')).rejects.toThrow('400');
});

test('M5 names that are paths, hide or are endless are names', async () => {
  for (const [given, name] of [
    ['../../../etc/passwd', 'passwd'],
    ['a\0b\n.txt', 'ab.txt'],
    [`${'x'.repeat(1_500)}.txt`, `${'x'.repeat(251)}.txt`],
  ] as const) {
    const path = await upload(alice, Buffer.from('text'), given);
    expect(await view(alice, path)).toMatchObject({ fileName: name, fileType: 'text/plain' });
    const { headers } = await ask(alice, `GET ${path}/content`);
    expect(headers.get('content-disposition')).toContain(`filename="${name}"`);
  }
  await expect(begin(alice, 5, 'x'.repeat(10_000))).rejects.toThrow('431');
});

test('M6 bytes are sent whole and in ranges, do nothing in a browser, and are kept by nobody but it', async () => {
  const bytes = randomBytes(3 * megabyte);
  const path = await upload(alice, bytes, 'a.bin');
  const content = `${path}/content`;
  const head = await ask(alice, `HEAD ${content}`);
  expect(Object.fromEntries(head.headers)).toMatchObject({
    ...{
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    },
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'cache-control': 'private, max-age=300',
  });
  const ranges = [
    [0, 0],
    [5, 300_000],
    [2_999_999, 2_999_999],
    [1_000_000, 9_999_999],
  ] as const;
  for (const [first, last] of ranges) {
    const response = await ask(alice, `GET ${content}`, { range: `bytes=${first}-${last}` });
    const end = Math.min(last, bytes.length - 1);
    expect([response.status, response.headers.get('content-range')]).toEqual([
      206,
      `bytes ${first}-${end}/${bytes.length}`,
    ]);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(first, end + 1))).toBe(true);
  }
  const behind = await ask(alice, `GET ${content}`, { range: 'bytes=3000000-' });
  expect([behind.status, behind.headers.get('content-range')]).toEqual([416, 'bytes */3000000']);
  const many = await ask(alice, `GET ${content}`, { range: `bytes=${'0-,'.repeat(1000)}0-` });
  expect([many.status, (await many.arrayBuffer()).byteLength]).toEqual([200, bytes.length]);
  const tag = head.headers.get('etag') ?? '';
  expect((await ask(alice, `GET ${content}`, { 'if-none-match': tag })).status).toBe(304);
  const other = await ask(alice, `GET ${content}`, { range: 'bytes=0-0', 'if-range': '"another"' });
  expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, bytes.length]);
});

test('M6 readers that stop or are slow hold nothing up', async () => {
  const bytes = randomBytes(15 * megabyte);
  const path = await upload(alice, bytes);
  const slow = await ask(alice, `GET ${path}/content`);
  const reader = slow.body?.getReader();
  for (let turn = 0; turn < 20; turn += 1) {
    const stopped = await ask(alice, `GET ${path}/content`);
    await stopped.body?.cancel();
  }
  expect((await fetch(`${server.address}/ping`)).status).toBe(200);
  let read = 0;
  for (;;) {
    const piece = await reader?.read();
    if (piece?.value === undefined) break;
    read += piece.value.byteLength;
    if (read % 50 === 0) await sleep(1);
  }
  expect(read).toBe(bytes.length);
});

test('M6 R6 what is somebody else’s is as what does not exist', async () => {
  const path = await upload(alice, Buffer.from('mine'));
  const half = await begin(alice, 10);
  const nowhere = `/attachments/${uuidv7()}`;
  const answer = async (line: string, headers = {}, body?: Uint8Array) => {
    const response = await ask(bob, line, headers, body);
    // What is left of a limit is less with every question, whatever it is about.
    const kept = [...response.headers].filter(([name]) => name !== 'date' && name !== 'ratelimit');
    return [response.status, kept, await response.text()];
  };
  for (const theirs of [path, half]) {
    for (const [method, end] of [
      ['GET', ''],
      ['HEAD', ''],
      ['DELETE', ''],
      ['GET', '/content'],
      ['GET', '/thumbnail'],
    ] as const)
      expect(await answer(`${method} ${theirs}${end}`)).toEqual(await answer(`${method} ${nowhere}${end}`));
    const append = {
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
    };
    const bytes = Buffer.from('x');
    expect(await answer(`PATCH ${theirs}`, append, bytes)).toEqual(
      await answer(`PATCH ${nowhere}`, append, bytes),
    );
  }
  expect(await offsetOf(alice, half)).toBe(0);
  expect((await fetch(`${server.address}${path}/content`)).status).toBe(401);
});

test('M6 M9 what was sent in a conversation is its members’, as long as they are there', async () => {
  const create = await ask(
    alice,
    'POST /conversations',
    { 'content-type': 'application/json' },
    Buffer.from(JSON.stringify({ type: 'channel', title: 'files' })),
  );
  const { conv } = (await create.json()) as { conv: string };
  const path = await upload(alice, picture(10, 10).pngSync(), 'a.png');
  await ask(bob, `POST /conversations/${conv}/join`);
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  const status = async () => (await ask(bob, `GET ${path}/content`)).status;
  try {
    const { owner } = (await view(alice, path)) as { owner: string };
    expect(await status()).toBe(404);
    const message = uuidv7();
    await sql`select nubo_attachments_link(${sql.json([{ id: id(path), owner, conv, message }])})`;
    expect(await status()).toBe(200);
    expect((await ask(bob, `GET ${path}/thumbnail`)).status).toBe(200);
    expect((await ask(bob, `DELETE ${path}`)).status).toBe(404);
    expect((await ask(alice, `DELETE ${path}`)).status).toBe(403);
    await ask(bob, `POST /conversations/${conv}/leave`);
    await expect.poll(status).toBe(404);
    await sql`select nubo_attachments_unlink(${[message]}::uuid[])`;
    expect((await ask(alice, `GET ${path}`)).status).toBe(404);
  } finally {
    await sql.end();
  }
});

test('M7 a user’s room is bounded, and what is deleted makes room again', async () => {
  const carol = await signUp('carol');
  const paths = [];
  for (let turn = 0; turn < 3; turn += 1) paths.push(await begin(carol, 20 * megabyte));
  await expect(begin(carol, 1)).rejects.toThrow('403');
  await patch(carol, paths[0] as string, 0, randomBytes(1000));
  const gone = paths[0] as string;
  expect((await ask(carol, `DELETE ${gone}`, { 'tus-resumable': '1.0.0' })).status).toBe(204);
  expect((await ask(carol, `HEAD ${gone}`)).status).toBe(404);
  expect((await ask(carol, `DELETE ${gone}`)).status).toBe(404);
  expect(filesOnDisk().filter((name) => name.includes(id(gone)))).toEqual([]);
  expect(await begin(carol, 20 * megabyte)).toMatch(/^\/attachments\//);
});

test('M8 a picture has a thumbnail and dimensions; one that claims too much has neither, and is a file like any other', async () => {
  const path = await upload(alice, picture(1000, 500).jpegSync(80), 'photo.jpg', 'image/jpeg');
  expect(await view(alice, path)).toMatchObject({
    width: 1000,
    height: 500,
    thumbnailUrl: `${path}/thumbnail`,
  });
  const response = await ask(alice, `GET ${path}/thumbnail`);
  expect(response.headers.get('content-type')).toBe('image/webp');
  const webp = new Uint8Array(await response.arrayBuffer());
  expect(imageDimensionsFromData(webp)).toEqual({ type: 'webp', width: 320, height: 160 });
  const bomb = claimedPng(30_000, 30_000, 1_000);
  const from = performance.now();
  const claimed = await upload(alice, bomb, 'bomb.png');
  expect(performance.now() - from).toBeLessThan(5_000);
  expect(await view(alice, claimed)).toMatchObject({
    state: 'ready',
    fileType: 'image/png',
    thumbnailUrl: null,
  });
  const broken = await upload(alice, picture(50, 50).pngSync().subarray(0, 60), 'broken.png');
  expect(await view(alice, broken)).toMatchObject({
    state: 'ready',
    fileType: 'image/png',
    thumbnailUrl: null,
  });
});

test('M2 M4 uploads and files outlive the server', async () => {
  const bytes = randomBytes(4 * megabyte);
  const path = await begin(bob, bytes.length);
  const { socket } = await openPatch(bob, path, { offset: 0, length: bytes.length });
  socket.write(bytes.subarray(0, 2 * megabyte));
  await expect.poll(() => offsetOf(bob, path), { timeout: 5_000 }).toBeGreaterThan(megabyte);
  server.kill('everything');
  await server.ended;
  socket.destroy();
  server = await startServer({ data: folder.path, env });
  [alice, bob] = [
    { ...alice, address: server.address },
    { ...bob, address: server.address },
  ];
  const offset = await offsetOf(bob, path);
  expect(offset).toBeGreaterThan(megabyte);
  // The lease of a server that was killed has to run out.
  await expect
    .poll(async () => (await patch(bob, path, offset, bytes.subarray(offset))).status, {
      timeout: 25_000,
      interval: 1_000,
    })
    .toBe(204);
  const content = await ask(bob, `GET ${path}/content`);
  expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
}, 60_000);

test('M1 metadata that is none is refused', async () => {
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-length': '5',
    'upload-metadata': `filename ${base64('a')} b`,
  };
  expect((await ask(alice, 'POST /attachments', headers)).status).toBe(400);
});
