/** Whole plays, over real sockets, against a server of one line a thing that can stall, lose and hang up. */
import { createServer, type Server, type Socket } from 'node:net';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { afterEach, expect, test } from 'vitest';
import type { Crowd, GeneratorLine, Play } from '#bench/contract.js';
import { playCrowd } from '#bench/generator/play.js';
import { Player } from '#bench/generator/player.js';
import { deliveryLine, lineAdapter } from './bench-generator-lines.js';

interface Line {
  readonly ref: number;
  readonly room: number;
  readonly text: string;
  readonly socket: Socket;
}

/** Says yes to everything at once, unless `take` does something else. */
class LineServer {
  readonly hearers = new Map<number, Set<Socket>>();
  readonly received: Line[] = [];
  writes = 0;
  private readonly server: Server;
  private readonly numbers = new Map<number, number>();
  private readonly take: (line: Line, server: LineServer) => void;

  constructor(take: (line: Line, server: LineServer) => void = (line, server) => server.accept(line)) {
    this.take = take;
    this.server = createServer((socket) => this.serve(socket));
  }

  private serve(socket: Socket): void {
    let rest = '';
    socket.on('error', () => {});
    socket.setNoDelay(true).on('data', (chunk) => {
      this.writes++;
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.onLine(socket, line);
    });
  }

  private onLine(socket: Socket, text: string): void {
    const [, kind, ref, room, said = ''] = /^([HS]) ?(\S*) ?(\S*) ?(.*)$/.exec(text) ?? [];
    if (kind === 'H') {
      for (const heard of (ref ?? '').split(',').filter((index) => index !== '')) {
        const hearers = this.hearers.get(Number(heard)) ?? new Set();
        this.hearers.set(Number(heard), hearers.add(socket));
      }
      socket.write('Y\n');
      return;
    }
    const line = { ref: Number(ref), room: Number(room), text: said, socket };
    this.received.push(line);
    this.take(line, this);
  }

  accept(line: Line): void {
    line.socket.write(`A ${line.ref}\n`);
    this.publish(line);
  }

  publish({ room, text }: Line, skipped?: Socket): void {
    const number = (this.numbers.get(room) ?? 0) + 1;
    this.numbers.set(room, number);
    for (const hearer of this.hearers.get(room) ?? [])
      if (hearer !== skipped) hearer.write(deliveryLine(Buffer.from(text), number, room));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.server.listen(0, '127.0.0.1', resolve);
    });
    servers.push(this.server);
    return (this.server.address() as { port: number }).port;
  }
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function crowdOf(port: number, more: Partial<Crowd> = {}): Crowd {
  return {
    ...{ adapter: 'lines', address: { host: '127.0.0.1', port }, rooms: ['one', 'two'] },
    clients: [
      { token: '', user: 'a', hears: [], sends: [0] },
      { token: '', user: 'b', hears: [0, 1], sends: [0, 1] },
      ...Array.from({ length: 4 }, () => ({ token: '', user: 'l', hears: [0], sends: [] })),
    ],
    ...{ pace: { loop: 'closed', outstanding: 4 }, texts: { bytes: 30 }, connectAtOnce: 2 },
    ...{ warmUpSeconds: 0.2, seconds: 0.5, drainSeconds: 2 },
    ...more,
  };
}

/** Plays it in this process. */
async function played(
  crowd: Crowd,
  heard: (line: GeneratorLine, player: Player) => void = () => {},
): Promise<Play> {
  const player: Player = new Player(crowd, lineAdapter({ isNumbered: true }), (line) => heard(line, player));
  await player.connect();
  return player.play();
}

const clean = { refused: 0, lost: 0, duplicates: 0, disordered: 0, foreign: 0, gapsTold: 0, disconnects: 0 };

test('a closed loop keeps so many unanswered, joined in one write, and everything is counted', async () => {
  const server = new LineServer();
  const lines: GeneratorLine[] = [];
  const play = await played(crowdOf(await server.listen()), (line) => lines.push(line));
  const { checks } = play;
  expect(checks).toMatchObject({ ...clean, unanswered: 0, details: [] });
  expect(checks.sent).toBe(server.received.length);
  expect(checks.acked).toBe(checks.sent);
  expect(checks.delivered).toBe(checks.due);
  expect(checks.sent).toBeGreaterThan(50);
  expect(server.writes).toBeLessThan(server.received.length);
  expect(play.acked).toBeLessThan(checks.acked);
  expect(play.ack?.p50).toBeGreaterThan(0);
  expect(play.delivery?.count).toBeGreaterThan(0);
  expect(play.measuredSeconds).toBeGreaterThan(0.45);
  expect(play.measuredSeconds).toBeLessThan(3);
  expect(play.connect?.count).toBe(6);
  expect(lines.flatMap((line) => (line.kind === 'phase' ? [line.phase] : []))).toEqual([
    ...['connect', 'ready', 'warm-up', 'measure', 'drain'],
  ]);
  const seconds = lines.flatMap((line) => (line.kind === 'second' ? [line.at] : []));
  expect(seconds).toEqual([-1, 0]);
  const histogram = decodeFromCompressedBase64(play.ackHistogram ?? '');
  expect(histogram.totalCount).toBe(play.ack?.count);
});

test('an open loop counts from when a message was due, so a server that stalls is not spared what waited', async () => {
  const stallMs = 400;
  const perSecond = 500;
  let held: Line[] | undefined;
  let isOver = false;
  const server: LineServer = new LineServer((line) => {
    if (held === undefined && !isOver && server.received.length > 150) {
      const stalled: Line[] = [];
      held = stalled;
      setTimeout(() => {
        isOver = true;
        held = undefined;
        for (const waiting of stalled) server.accept(waiting);
      }, stallMs);
    }
    if (held === undefined) server.accept(line);
    else held.push(line);
  });
  const crowd = crowdOf(await server.listen(), { pace: { loop: 'open', perSecond }, seconds: 1.2 });
  const play = await played(crowd);
  expect(play.checks).toMatchObject({ ...clean, unanswered: 0 });
  // All that was due was sent, also during the stall.
  const due = perSecond * 1.4;
  expect(play.checks.sent).toBeGreaterThan(due * 0.9);
  expect(play.checks.sent).toBeLessThanOrEqual(due * 1.1);
  // A third of the time the server stood still: one who waited for it would have seen one slow answer.
  expect(play.ack?.p90).toBeGreaterThan(stallMs * 0.5);
  expect(play.ack?.max).toBeGreaterThan(stallMs * 0.9);
  expect(play.ack?.p50).toBeLessThan(stallMs * 0.4);
  expect(play.delivery?.p90).toBeGreaterThan(stallMs * 0.5);
});

test('a generator that stalls itself sends late what was due, counts it from then, and says that it was the bottleneck', async () => {
  const server = new LineServer();
  const crowd = crowdOf(await server.listen(), { pace: { loop: 'open', perSecond: 400 }, seconds: 0.6 });
  let isStalled = false;
  const play = await played(crowd, (line) => {
    if (line.kind !== 'phase' || line.phase !== 'measure' || isStalled) return;
    isStalled = true;
    setTimeout(() => {
      const until = performance.now() + 250;
      while (performance.now() < until);
    }, 50);
  });
  expect(play.checks).toMatchObject({ ...clean, unanswered: 0 });
  expect(play.checks.sent).toBeGreaterThan(400 * 0.8 * 0.9);
  expect(play.ack?.p90).toBeGreaterThan(100);
  expect(play.isBottleneck).toBe(true);
});

test('what stays unanswered or unshown is waited for, then counted, and makes the latencies no better', async () => {
  let skipped: Socket | undefined;
  const server: LineServer = new LineServer((line) => {
    if (line.ref % 10 !== 0) return server.accept(line);
    // Acked, and kept from one who hears; or neither.
    [skipped] = [...(server.hearers.get(line.room) ?? [])];
    if (line.ref % 20 !== 0) return;
    line.socket.write(`A ${line.ref}\n`);
    server.publish(line, skipped);
  });
  const crowd = crowdOf(await server.listen(), {
    ...{ pace: { loop: 'open', perSecond: 200 }, drainSeconds: 0.5, seconds: 0.6 },
  });
  const { checks, ack } = await played(crowd);
  const tens = server.received.filter(({ ref }) => ref % 10 === 0);
  const twenties = tens.filter(({ ref }) => ref % 20 === 0);
  expect(twenties.length).toBeGreaterThan(0);
  expect(checks).toMatchObject({
    ...clean,
    unanswered: tens.length - twenties.length,
    lost: twenties.length,
  });
  expect(checks.details).toContainEqual(expect.stringContaining('lost'));
  expect(ack?.max).toBeGreaterThan(500);
});

test('refusals and lost connections are counted', async () => {
  const server: LineServer = new LineServer((line) => {
    if (line.ref % 7 === 0) line.socket.write(`R ${line.ref}\n`);
    else server.accept(line);
    if (server.received.length === 40) [...(server.hearers.get(0) ?? [])].at(-1)?.destroy();
  });
  const { checks } = await played(crowdOf(await server.listen()));
  expect(checks.refused).toBeGreaterThan(3);
  expect(checks).toMatchObject({ ...clean, refused: checks.refused, disconnects: 1, unanswered: 0 });
});

test('stopped, a play is what there was so far', async () => {
  const server = new LineServer();
  const crowd = crowdOf(await server.listen(), { seconds: 60 });
  const play = await played(crowd, (line, player) => {
    if (line.kind === 'phase' && line.phase === 'measure') setTimeout(() => player.stop(), 300);
  });
  expect(play.measuredSeconds).toBeGreaterThan(0.25);
  expect(play.measuredSeconds).toBeLessThan(10);
  expect(play.acked).toBeGreaterThan(0);
  expect(play.checks).toMatchObject({ ...clean, unanswered: 0 });
});

test('who cannot connect, and what cannot be played, is told in a sentence', async () => {
  const { promise, crowd } = await refusing();
  await expect(promise).rejects.toThrow(/Client \d could not connect: .*ECONNREFUSED/);
  const adapter = lineAdapter({ isNumbered: false });
  const noSenders = { ...crowd, clients: crowd.clients.filter(({ sends }) => sends.length === 0) };
  expect(() => new Player(noSenders, adapter, () => {})).toThrow(/nobody who sends/);
  expect(() => new Player({ ...crowd, texts: { bytes: 3 } }, adapter, () => {})).toThrow(
    /at least the 16 bytes/,
  );
});

async function refusing() {
  const server = new LineServer();
  const port = await server.listen();
  servers.pop()?.close();
  const crowd = crowdOf(port);
  return { crowd, promise: played(crowd) };
}

test('in a process of its own it tells what is wrong the same way', async () => {
  const { crowd, promise } = await refusing();
  await promise.catch(() => {});
  const lines: GeneratorLine[] = [];
  const unknown = playCrowd(crowd, (line) => lines.push(line));
  await expect(unknown.ready).rejects.toThrow(/no adapter named lines/);
  await expect(unknown.done).rejects.toThrow(/no adapter named lines/);
  expect(lines).toEqual([{ kind: 'failed', why: expect.stringContaining('no adapter') }]);
  const lonely = playCrowd({ ...crowd, adapter: 'nubo' }, () => {});
  await expect(lonely.ready).rejects.toThrow(/not the id of a conversation/);
  const rooms = ['018f4e2a-7b1c-7abc-a000-0000000000cc', '018f4e2a-7b1c-7abc-a000-0000000000cd'];
  const refused = playCrowd({ ...crowd, adapter: 'nubo', rooms }, () => {});
  await expect(refused.ready).rejects.toThrow(/ECONNREFUSED/);
  const stopped = playCrowd({ ...crowd, adapter: 'nubo', rooms }, () => {});
  stopped.stop();
  await expect(stopped.done).rejects.toThrow(/ended with SIGKILL/);
});
