/** Readers with a real connection who stop reading: nothing is lost on them silently (W15, P6). */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import type { Codec } from '#src/wire/codec.js';
import type { Person } from '#test/support/operator.js';
import type { Message, WireSocket } from '#test/support/wire-socket.js';
import { type Case, open, type Scene } from './bad-cases.js';

const floodText = '≈'.repeat(10_000);
const floodStep = 50;
/** About 60 MB: more than all buffers on the way together. */
const floodMax = 2_000;

/** What one socket has seen of several rooms, live or pulled after a gap. */
class Reader {
  readonly gaps: Array<{ conv: string; have: number; head: number }> = [];
  readonly live = new Map<string, number[]>();
  private readonly seen = new Map<string, Set<number>>();
  private readonly socket: WireSocket;

  constructor(socket: WireSocket, conversations: readonly string[]) {
    this.socket = socket;
    for (const conv of conversations) {
      this.live.set(conv, []);
      this.seen.set(conv, new Set());
    }
    socket.onMessage = (message) => this.take(message);
  }

  private take(message: Message): void {
    if (!('ev' in message)) return;
    if (message.ev === 'gap') {
      const { conv, have, head } = message;
      this.gaps.push({ conv, have, head });
    } else if ('seq' in message) {
      this.live.get(message.conv)?.push(message.seq);
      this.seen.get(message.conv)?.add(message.seq);
    }
  }

  /** Pulls what the gaps were about; the seqs up to `head` that are missing even then. */
  async missing(conv: string, head: number): Promise<number[]> {
    const seen = this.seen.get(conv) ?? new Set();
    for (const gap of this.gaps.filter((each) => each.conv === conv)) {
      for (let after = gap.have; after < gap.head; ) {
        const { events = [] } = await this.socket.do({ op: 'history', conv, after, limit: 100 });
        for (const { seq } of events) seen.add(seq);
        after = events.at(-1)?.seq ?? gap.head;
      }
    }
    return Array.from({ length: head }, (_, index) => index + 1).filter((seq) => !seen.has(seq));
  }
}

export function slowReaderCases(short: boolean): Case[] {
  const slow = (codec: Codec): Case => ({
    name: `a slow reader, ${codec}`,
    run: (scene) => slowReader(scene, codec),
    msMax: 60_000,
  });
  if (short) return [slow('msgpack')];
  return [
    slow('msgpack'),
    slow('json'),
    { name: 'a reader that never reads again', run: deadReader, msMax: 90_000 },
  ];
}

/** Floods one room until frames are dropped, says a last word in another one, and is silent. */
async function slowReader(scene: Scene, codec: Codec): Promise<string | undefined> {
  const alice = await open(scene, scene.alice);
  const [flooded, quiet] = [await makeRoom(alice, scene.bob), await makeRoom(alice, scene.bob)];
  const socket = await open(scene, scene.bob, codec);
  try {
    const reader = new Reader(socket, [flooded, quiet]);
    for (const conv of [flooded, quiet]) await socket.do({ op: 'subscribe', conv, have: 0 });
    socket.raw.pause();
    const head = await flood(scene, alice, flooded);
    const last = await alice.do({ op: 'send', id: uuidv7(), conv: quiet, text: 'the last word' });
    // Nobody writes from here on.
    await sleep(200);
    socket.raw.resume();
    await until(() => reader.gaps.some(({ conv }) => conv === quiet), 'a gap of the quiet room');
    await until(() => reader.gaps.some(({ conv }) => conv === flooded), 'a gap of the flooded room');
    const faults = [
      ...(await reader.missing(flooded, head)).map((seq) => `${seq} of the flooded room`),
      ...(await reader.missing(quiet, last.seq ?? 0)).map((seq) => `${seq} of the quiet room`),
    ];
    if (faults.length > 0) return `was never told of ${faults.slice(0, 5).join(', ')}`;
    for (const [conv, seqs] of reader.live) {
      if (seqs.some((seq, index) => index > 0 && seq <= (seqs[index - 1] ?? 0)))
        return `${conv} came out of order`;
    }
    // And from here on it hears everything again.
    const fresh = await alice.do({ op: 'send', id: uuidv7(), conv: flooded, text: 'well again' });
    await until(() => reader.live.get(flooded)?.at(-1) === fresh.seq, 'the next message');
    return undefined;
  } finally {
    alice.close();
    socket.close();
  }
}

/** One that does not drain is closed, so that it costs no memory for ever (4003, or cut). */
async function deadReader(scene: Scene): Promise<string | undefined> {
  const alice = await open(scene, scene.alice);
  const room = await makeRoom(alice, scene.bob);
  const socket = await open(scene, scene.bob);
  try {
    await socket.do({ op: 'subscribe', conv: room });
    const before = await metric(scene, 'nubo_connections_closed_total{reason="slow"}');
    socket.raw.pause();
    await flood(scene, alice, room);
    const begun = performance.now();
    while ((await metric(scene, 'nubo_connections_closed_total{reason="slow"}')) === before) {
      if (performance.now() - begun > 45_000) return 'it was still connected after 45 s';
      await sleep(250);
    }
    return undefined;
  } finally {
    alice.close();
    socket.close();
  }
}

async function makeRoom(owner: WireSocket, member: Person): Promise<string> {
  const id = uuidv7();
  await owner.do({ op: 'create', id, type: 'group', members: [member.user] });
  return id;
}

/** Until the server has dropped something for somebody; the head of the room then. */
async function flood(scene: Scene, sender: WireSocket, conv: string): Promise<number> {
  const before = await metric(scene, 'nubo_slow_readers_total');
  for (let sent = 0; sent < floodMax; sent += floodStep) {
    const acks = await Promise.all(
      Array.from({ length: floodStep }, () => sender.do({ op: 'send', id: uuidv7(), conv, text: floodText })),
    );
    if ((await metric(scene, 'nubo_slow_readers_total')) > before)
      return Math.max(...acks.map(({ seq = 0 }) => seq));
  }
  throw new Error(`nothing was dropped within ${floodMax} messages of ${Buffer.byteLength(floodText)} bytes`);
}

/** A line of /metrics, by its name and labels. */
export async function metric({ server }: Pick<Scene, 'server'>, name: string): Promise<number> {
  const text = await (await fetch(`${server.address}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const waitMsMax = 15_000;

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + waitMsMax;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${what} did not come within ${waitMsMax} ms`);
    await sleep(5);
  }
}
