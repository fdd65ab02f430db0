/**
 * Memory of connections that do nothing: authenticated, in three rooms each. As of bare connections, it is what those
 * behind the first 2,000 add, garbage collected; with them come their rooms, one for every ten. Who has just subscribed
 * is not idle yet: their conversations stay in memory for a minute. What a connection takes until then is a figure of
 * its own.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Measurement } from '../contract.js';
import { figures } from '../figures.js';
import { GarbageCollector, inspectable, inspectorPort } from '../generator/special/garbage.js';
import { cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { Window } from '../generator/special/play-task.js';
import type { HoldReport, HoldTask } from '../generator/special/tasks.js';
import { bareConnections } from '../limits/bare-connections.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';

const roomsEach = 3;
/** Who share their three rooms. */
const circleSize = 30;
const atOnce = 100;
/** `leaveSeconds`: how long conversations may take to leave memory. A smoke looks once, and measures what there is. */
const whole = { connections: 15_000, first: 2_000, leaveSeconds: 90 };
const smoke = { connections: 300, first: 60, leaveSeconds: 0 };
const lookMs = 1_000;

/** Three rooms for each thirty clients. */
function roomsOf(connections: number): number {
  return Math.ceil(connections / circleSize) * roomsEach;
}

/** Reads the server's memory when nothing in it is garbage; the second collection takes what the first one freed. */
async function settledBytes(nubo: RunningNubo, collector: GarbageCollector): Promise<number> {
  await collector.collect();
  await collector.collect();
  return nubo.memory().server;
}

/** Waits until no conversation is in memory, or the time is over. @returns how many are */
async function conversationsLeft(bench: BenchContext, nubo: RunningNubo, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const { conversations = Number.NaN } = await nubo.counters();
    if (conversations === 0 || performance.now() >= until) return conversations;
    bench.say(`${conversations} conversations are in memory`);
    await wait(lookMs, undefined, { signal: bench.signal });
  }
}

/** Bytes of the server by when they were read: `first` and `all` when idle, `… at once` before. */
interface Held {
  readonly report: HoldReport;
  readonly windows: ReadonlyMap<string, Window>;
  readonly bytes: ReadonlyMap<string, number>;
  /** Conversations in memory at the end. */
  readonly left: number;
  readonly threads: number;
}

async function hold(
  bench: BenchContext,
  nubo: RunningNubo,
  { port, leaveSeconds, task }: { port: number; leaveSeconds: number; task: HoldTask },
): Promise<Held> {
  const collector = await GarbageCollector.attach(nubo.pid, port);
  try {
    const bytes = new Map([['empty', await settledBytes(nubo, collector)]]);
    let left = Number.NaN;
    const { report, windows } = await playOn(bench, nubo, task, async (window, isBegin) => {
      if (!isBegin || window === 'connect') return;
      bytes.set(`${window} at once`, await settledBytes(nubo, collector));
      left = await conversationsLeft(bench, nubo, leaveSeconds);
      bytes.set(window, await settledBytes(nubo, collector));
    });
    return { report, windows, bytes, left, threads: collector.threads };
  } finally {
    // A process that is looked into does not end.
    collector.detach();
  }
}

function measurementOf(
  bench: BenchContext,
  { first, guests }: HoldTask,
  { report, windows, bytes, left, threads }: Held,
): Measurement {
  const read = (name: string) => bytes.get(name) ?? Number.NaN;
  const rest = guests.length - first;
  return {
    ...ofNubo(bench.options),
    figures: {
      bytesPerConnection: (read('all') - read('first')) / rest,
      // Those behind the first, with their conversations.
      bytesPerConnectionRoomsInMemory: (read('all at once') - read('first')) / rest,
      bytesPerConnectionFromEmpty: (read('all') - read('empty')) / guests.length,
      emptyMegabytes: read('empty') / 1e6,
      allMegabytes: read('all') / 1e6,
      connectsPerSecond: rest / report.connectSeconds,
      conversationsInMemory: left,
      threads,
      connectsTriedAgain: report.failures,
    },
    ...cpuEach(windows.get('connect'), rest),
  };
}

export const idleMemory: Scenario = {
  name: 'idle-memory',
  title: '15,000 idle authenticated connections with 3 rooms each',
  says: 'User-space memory per connection, against bare uWebSockets.js with three topics',
  ...{ seconds: 850, rounds: 5, playSeconds: 5 },
  ratios: [
    {
      ...figures.idleMemoryToBare,
      of: figureOf('nubo', 'bytesPerConnection'),
      to: figureOf('bare connections', 'bytesPerConnection'),
    },
  ],
  async run(bench) {
    const { connections, first, leaveSeconds } = bench.options.isSmoke ? smoke : whole;
    const rooms = roomsOf(connections);
    const port = await inspectorPort();
    const nubo = await bench.ownNubo(inspectable(port));
    bench.say(`${connections} people and ${rooms} rooms are made`);
    const populated = await nubo.populate({
      ...{ users: connections, rooms },
      membersOf: (room) => {
        const start = Math.floor(room / roomsEach) * circleSize;
        const size = Math.min(circleSize, connections - start);
        return Array.from({ length: size }, (_, place) => start + place);
      },
    });
    const guests = populated.users.map(({ token }, client) => {
      const start = Math.floor(client / circleSize) * roomsEach;
      return { token, hears: Array.from({ length: roomsEach }, (_, place) => start + place) };
    });
    await bench.rounds(async () => {
      // A server that has made all these rooms has them in memory before anybody connects.
      bench.say('nubo starts again');
      await nubo.restart();
      const { codec } = bench.options;
      const task: HoldTask = {
        kind: 'hold',
        ...{ address: nubo.address, codec, rooms: populated.rooms, guests, atOnce, first },
      };
      const held = await hold(bench, nubo, { port, leaveSeconds, task });
      const { left, report } = held;
      if (left !== 0 && !bench.options.isSmoke)
        bench.fault(`idle-memory: ${left} conversations did not leave memory in ${leaveSeconds} s`);
      if (report.open !== connections)
        bench.fault(`idle-memory: ${report.open} of ${connections} connections stayed open`);
      bench.record(measurementOf(bench, task, held));
      bench.say('bare connections');
      const { signal } = bench;
      bench.record(
        await bareConnections({ connections, topics: roomsEach, rooms, connectAtOnce: atOnce, signal }),
      );
    });
  },
};
