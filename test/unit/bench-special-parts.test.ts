/** The small parts of the special load: sockets, pages, slopes, readings. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { Latencies } from '#bench/generator/latencies.js';
import { keyOf } from '#bench/generator/order.js';
import { slopeOf } from '#bench/generator/special/measure.js';
import { faultOf } from '#bench/generator/special/plays/reader.js';
import { shuffled } from '#bench/generator/special/shuffled.js';
import { valuesOf } from '#bench/generator/special/soak-watch.js';
import { RawSocket } from '#bench/generator/special/socket.js';
import { sourceOf } from '#bench/generator/special/sources.js';
import { clientFrame } from '#bench/generator/websocket.js';

async function listening(): Promise<{ sockets: WebSocketServer; port: number }> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws' });
  await once(sockets, 'listening');
  onTestFinished(() => sockets.close());
  return { sockets, port: (sockets.address() as { port: number }).port };
}

/** The lengths of what came, until it ended. */
function heardFrom(port: number): Promise<{ sizes: number[]; why: string }> {
  return new Promise((resolve) => {
    const sizes: number[] = [];
    const socket: RawSocket = new RawSocket(
      { address: { host: '127.0.0.1', port }, token: 'the token' },
      {
        opened: () => socket.write(clientFrame('hello')),
        frame: (bytes) => void sizes.push(bytes.length),
        ended: (why) => resolve({ sizes, why }),
      },
    );
  });
}

test('frames of every length come whole, pings are answered, and the end has its code', async () => {
  const { sockets, port } = await listening();
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 300_000, 5];
  sockets.once('connection', (socket, request) => {
    expect(request.headers.authorization).toBe('Bearer the token');
    socket.once('message', (data: Buffer) => {
      expect(data.toString()).toBe('hello');
      for (const length of lengths) socket.send(Buffer.alloc(length));
      socket.once('pong', () => socket.close(4000, 'enough'));
      socket.ping('still there?');
    });
  });
  expect(await heardFrom(port)).toEqual({
    sizes: lengths,
    why: 'The server closed the connection with 4000 enough',
  });
});

test('a refused upgrade says what was answered', async () => {
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  server.on('upgrade', (_, socket) => void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'));
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { why } = await heardFrom((server.address() as { port: number }).port);
  expect(why).toMatch(/^The upgrade was answered with: HTTP\/1\.1 401 Unauthorized/);
});

const filled = { rooms: ['one', 'two'], firstSeq: 3, lastSeq: 102, pageEvents: 10 };

function page(before: number, count = 10) {
  return Array.from({ length: count }, (_, index) => {
    const seq = before - count + index;
    return { conv: 'two', seq, mark: seq < 3 ? undefined : keyOf(1, seq - 3) };
  });
}

test('a page is right when it is dense, full, of its room and with the texts that were written', () => {
  expect(faultOf(filled, { room: 1, before: 50 }, page(50))).toBeUndefined();
  expect(faultOf(filled, { room: 1 }, page(103))).toBeUndefined();
  // The first ones are not of the fill: nobody knows their texts.
  expect(faultOf(filled, { room: 1, before: 5 }, page(5, 4))).toBeUndefined();
});

test('a page that lacks one, repeats one, or shows what is elsewhere is wrong', () => {
  const right = page(50);
  const fault = (seen: typeof right) => faultOf(filled, { room: 1, before: 50 }, seen);
  expect(fault(right.slice(1))).toMatch(/9 events instead of 10/);
  expect(fault([...right.slice(0, 4), ...right.slice(3, 4), ...right.slice(5)])).toMatch(
    /seq 43 instead of 44/,
  );
  expect(fault(right.with(2, { ...right[2], conv: 'one' } as (typeof right)[0]))).toMatch(/an event of one/);
  expect(fault(right.with(2, { ...right[2], mark: keyOf(0, 39) } as (typeof right)[0]))).toMatch(
    /another text/,
  );
  expect(faultOf(filled, { room: 1 }, page(102))).toMatch(/seq 92 instead of 93/);
});

test('shuffled has every item once, in another order, and the same for the same seed', () => {
  const items = Array.from({ length: 500 }, (_, index) => index);
  const mixed = shuffled(items, 7);
  expect(mixed).not.toEqual(items);
  expect(shuffled(items, 7)).toEqual(mixed);
  expect(shuffled(items, 8)).not.toEqual(mixed);
  expect(mixed.toSorted((one, other) => one - other)).toEqual(items);
});

test('the slope of a line is its slope, whatever the noise around it', () => {
  const points = Array.from({ length: 100 }, (_, x) => [x, 5 + 3 * x + (x % 2 === 0 ? 1 : -1)] as const);
  expect(slopeOf(points)).toBeCloseTo(3, 2);
  expect(slopeOf([[1, 1]])).toBe(0);
  expect(slopeOf([])).toBe(0);
});

test('latencies add up, and of none at all there is nothing to say', () => {
  const [one, other] = [new Latencies(), new Latencies()];
  for (let value = 1; value <= 100; value += 1) (value <= 50 ? one : other).record(value);
  one.add(other);
  const { count, p50, max } = one.percentiles() ?? {};
  expect(count).toBe(100);
  expect(p50).toBeCloseTo(50, 0);
  expect(max).toBeCloseTo(100, 0);
  expect(new Latencies().percentiles()).toBeUndefined();
});

test('all lines of a metric are read, and none of a longer name', () => {
  const text = '# HELP a b\nheap{thread="x"} 5\nheap{thread="y"} 7e3\nheap_more 9\nplain 3\n';
  expect(valuesOf(text, 'heap')).toEqual([5, 7000]);
  expect(valuesOf(text, 'plain')).toEqual([3]);
});

test('connections come from several addresses of this machine, and from the usual one elsewhere', () => {
  expect(sourceOf(0, '127.0.0.1')).toBeUndefined();
  expect(sourceOf(15_000, '127.0.0.1')).toBe('127.0.0.2');
  expect(sourceOf(15_000, '10.0.0.1')).toBeUndefined();
});
