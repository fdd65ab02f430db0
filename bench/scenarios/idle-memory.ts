/**
 * Memory of connections that do nothing: authenticated, in three rooms each. As of bare connections, it is what those
 * behind the first 2,000 add, garbage collected; with them come their rooms, one for every ten.
 */
import { figures } from '../figures.js';
import { GarbageCollector, inspectable, inspectorPort } from '../generator/special/garbage.js';
import { cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { HoldTask } from '../generator/special/tasks.js';
import { bareConnections } from '../limits/bare-connections.js';
import { figureOf } from '../run/ratios.js';
import type { Scenario } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';

const roomsEach = 3;
/** Who share their three rooms. */
const circleSize = 30;
const atOnce = 100;
const whole = { connections: 15_000, first: 2_000 };
const smoke = { connections: 300, first: 60 };

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

export const idleMemory: Scenario = {
  name: 'idle-memory',
  title: '15,000 idle authenticated connections with 3 rooms each',
  says: 'User-space memory per connection, against bare uWebSockets.js with three topics',
  ...{ seconds: 160, rounds: 5, playSeconds: 5 },
  ratios: [
    {
      ...figures.idleMemoryToBare,
      of: figureOf('nubo', 'bytesPerConnection'),
      to: figureOf('bare connections', 'bytesPerConnection'),
    },
  ],
  async run(bench) {
    const { connections, first } = bench.options.isSmoke ? smoke : whole;
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
    await bench.rounds(async () => {
      // A server that has made all these rooms has them in memory before anybody connects.
      bench.say('nubo starts again');
      await nubo.restart();
      const collector = await GarbageCollector.attach(nubo.pid, port);
      const empty = await settledBytes(nubo, collector);
      const bytes = new Map<string, number>();
      const task: HoldTask = {
        kind: 'hold',
        ...{ address: nubo.address, codec: bench.options.codec, rooms: populated.rooms, atOnce, first },
        guests: populated.users.map(({ token }, client) => {
          const start = Math.floor(client / circleSize) * roomsEach;
          return { token, hears: Array.from({ length: roomsEach }, (_, place) => start + place) };
        }),
      };
      const { report, windows } = await playOn(bench, nubo, task, async (window, isBegin) => {
        if (isBegin && window !== 'connect') bytes.set(window, await settledBytes(nubo, collector));
      });
      collector.detach();
      if (report.open !== connections)
        bench.fault(`idle-memory: ${report.open} of ${connections} connections stayed open`);
      const [few = 0, all = 0] = [bytes.get('first'), bytes.get('all')];
      const rest = connections - first;
      bench.record({
        ...ofNubo(bench.options),
        figures: {
          bytesPerConnection: (all - few) / rest,
          bytesPerConnectionFromEmpty: (all - empty) / connections,
          emptyMegabytes: empty / 1e6,
          allMegabytes: all / 1e6,
          connectsPerSecond: rest / report.connectSeconds,
          threads: collector.threads,
          connectsTriedAgain: report.failures,
        },
        ...cpuEach(windows.get('connect'), rest),
      });
      bench.say('bare connections');
      const { signal } = bench;
      bench.record(
        await bareConnections({ connections, topics: roomsEach, rooms, connectAtOnce: atOnce, signal }),
      );
    });
  },
};
