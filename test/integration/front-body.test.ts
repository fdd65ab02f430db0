/** Bodies that are read piece by piece, and answers that are sent so, on the real server. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Front } from '#src/front/front.js';
import type { Rest } from '#src/front/rest/rest.js';
import type { RestRequest, RestResponse } from '#src/front/rest/route.js';
import { createServer, type FrontServer } from '#src/front/server.js';

/** uWebSockets.js cuts a request that is silent for ten. */
const longSeconds = 12;
const megabyte = 1_000_000;
const answer = (body: string): RestResponse => ({ status: 200, headers: {}, body });

let server: FrontServer;
let port: number;
const faults: unknown[] = [];
let handle: (request: RestRequest) => Promise<RestResponse>;

beforeAll(async () => {
  server = createServer({
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: [],
    onFault: (error) => faults.push(error),
  });
  const rest = { isStreamed: () => true, handle: (request: RestRequest) => handle(request) };
  port = await server.serve({} as Front, rest as unknown as Rest);
});
afterAll(() => server.close());

async function request(
  length: number,
): Promise<{ socket: Socket; text: () => string; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.write(`PATCH / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`);
  // `once` of events would reject with an error that comes before.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  return { socket, text: () => text, closed };
}

function write(socket: Socket, length: number): void {
  for (let sent = 0; sent < length; sent += 100_000)
    socket.write(Buffer.alloc(Math.min(100_000, length - sent)));
}

async function readAll({ stream }: RestRequest): Promise<number> {
  let bytes = 0;
  for (let piece = await stream?.next(); piece !== undefined; piece = await stream?.next())
    bytes += piece.byteLength;
  return bytes;
}

test('M2 a body that nobody reads for long is not read from its socket, and not cut', async () => {
  handle = async (asked) => {
    await asked.stream?.next();
    await sleep(longSeconds * 1000);
    return answer(`all ${await readAll(asked)}`);
  };
  const { socket, text } = await request(60 * megabyte);
  write(socket, 60 * megabyte);
  await sleep((longSeconds - 1) * 1000);
  expect(socket.writableLength).toBeGreaterThan(40 * megabyte);
  await expect.poll(text, { timeout: 10_000 }).toMatch(/all \d+$/);
  expect(socket.writableLength).toBe(0);
  socket.destroy();
});

test('M3 an answer that comes before the body was read is heard, and what follows is another request', async () => {
  handle = async () => answer('no');
  const { socket, text, closed } = await request(10);
  socket.write(Buffer.alloc(10));
  await expect.poll(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*no$/);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(text).toMatch(/no[\s\S]*no$/);
  socket.destroy();
  await closed;
  const large = await request(30 * megabyte);
  write(large.socket, 30 * megabyte);
  await large.closed;
  expect(large.text()).toMatch(/^HTTP\/1\.1 200 /);
});

test('M3 a client that goes in the middle ends the reading', async () => {
  let outcome = '';
  handle = async (asked) => {
    await readAll(asked).catch((error: Error) => {
      outcome = error.name;
    });
    return answer('');
  };
  const { socket } = await request(1000);
  socket.write(Buffer.alloc(500));
  await sleep(50);
  socket.destroy();
  await expect.poll(() => outcome).toBe('BodyCutError');
});

test('M6 an answer in pieces is as long as it says, at the pace of its reader, and ends when that one goes', async () => {
  let isOpen = 0;
  let given = 0;
  async function* pieces(count: number) {
    isOpen += 1;
    try {
      for (let turn = 0; turn < count; turn += 1) {
        given += 1;
        yield new Uint8Array(256 * 1024).fill(turn);
        await sleep(0);
      }
    } finally {
      isOpen -= 1;
    }
  }
  const length = 200 * 256 * 1024;
  handle = async () => ({ status: 200, headers: {}, body: '', bytes: { length, pieces: pieces(200) } });
  const whole = await fetch(`http://127.0.0.1:${port}/`);
  expect((await whole.arrayBuffer()).byteLength).toBe(length);
  expect([isOpen, given]).toEqual([0, 200]);

  given = 0;
  const { socket } = await request(0);
  socket.pause();
  await sleep(300);
  const untilFull = given;
  await sleep(300);
  expect(given).toBe(untilFull);
  expect(given).toBeLessThan(100);
  socket.destroy();
  await expect.poll(() => isOpen).toBe(0);

  handle = async () => ({ status: 200, headers: {}, body: '', bytes: { length, pieces: pieces(3) } });
  await expect(fetch(`http://127.0.0.1:${port}/`).then((short) => short.arrayBuffer())).rejects.toThrow();
  expect(isOpen).toBe(0);
  expect(faults.splice(0)).toHaveLength(1);
});
