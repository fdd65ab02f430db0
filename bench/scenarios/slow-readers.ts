/**
 * A part of a busy room reads hardly anything. The others must not notice, the server may not grow without bound, and
 * those who are slow keep their connections and lose nothing.
 */
import { coresOf, cpuEach, judge, ofNubo, playOn } from '../generator/special/measure.js';
import { MemoryWatch } from '../generator/special/memory-watch.js';
import type { SlowTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { Scenario } from '../run/scenario.js';

const writers = 4;
const whole = {
  listeners: 1_000,
  slow: 50,
  perSecond: 50,
  textBytes: 2_000,
  calmSeconds: 10,
  stalledSeconds: 60,
};
/** So much that the buffers below a socket are full within the second. */
const smoke = {
  listeners: 8,
  slow: 2,
  perSecond: 400,
  textBytes: 16_000,
  calmSeconds: 0.5,
  stalledSeconds: 2,
};
/** What a reader that hardly reads may cost: its buffer in the server, twice, and some for the process itself. */
const slowBytesMax = 2 * 1024 * 1024;
/** Calm before and after: if one is so much more than the other, the machine was not itself. */
const calmsRatioMax = 1.25;
/** Of all readers, so many may be disconnected. */
const closedMost = 0.01;
const slowBytesPerSecond = 1_000;
const spareBytes = 64 * 1024 * 1024;
const megabyte = 1e6;

export const slowReaders: Scenario = {
  name: 'slow-readers',
  title: '50 of 1,000 listeners of a busy room read 1 KB/s for a minute',
  says: "The others' latency, what the slow ones are told, and the server's memory",
  ...{ seconds: 370, rounds: 3, playSeconds: 60 },
  ratios: [
    {
      name: "others' p99 in a usual second while some hardly read ÷ before and after",
      ...{ isHigherBetter: false, reach: 1.2, aim: 1.1 },
      of: (round) => round[0]?.figures.othersUsualP99Stalled,
      to: (round) => round[0]?.figures.othersUsualP99Calm,
    },
    {
      name: "others' p99 over all deliveries while some hardly read ÷ before",
      isHigherBetter: false,
      of: (round) => round[0]?.figures.othersP99Stalled,
      to: (round) => round[0]?.figures.othersP99Calm,
    },
  ],
  async run(bench) {
    const sizes = bench.options.isSmoke ? smoke : whole;
    const users = sizes.listeners + writers;
    const everybody = Array.from({ length: users }, (_, user) => user);
    // One that has held nothing else, since its memory is looked at; a smoke starts none that it can do without.
    const nubo = bench.options.isSmoke ? await bench.nubo() : await bench.ownNubo();
    const populated = await nubo.populate({ users, rooms: 1, membersOf: () => everybody });
    const tokens = populated.users.map(({ token }) => token);
    await bench.rounds(async () => {
      const { perSecond, textBytes, calmSeconds, stalledSeconds, slow } = sizes;
      const task: SlowTask = {
        kind: 'slow',
        ...{ address: nubo.address, codec: bench.options.codec, rooms: populated.rooms },
        ...{ slow, slowBytesPerSecond },
        guests: tokens.slice(writers).map((token) => ({ token, hears: [0] })),
        traffic: { writers: tokens.slice(0, writers), rooms: [0], perSecond, textBytes },
        ...{ calmSeconds, stalledSeconds, settleSeconds: 20 },
      };
      const before = (await nubo.counters()).slowReaders ?? 0;
      const memory = new MemoryWatch(nubo);
      const { report, windows } = await playOn(bench, nubo, task, memory.onEdge).finally(() => memory.end());
      const noticed = ((await nubo.counters()).slowReaders ?? 0) - before;
      const { calm, stalled, recovery, after } = report;
      const calms = [calm.usualP99 ?? Number.NaN, after.usualP99 ?? Number.NaN] as const;
      judge(bench, 'slow-readers', report, ['disconnects']);
      if (noticed === 0 || report.toldGap === 0)
        bench.fault(
          `slow-readers: the server dropped nothing for ${slow} who hardly read, so nothing was shown`,
        );
      if (report.othersToldGap > 0)
        bench.fault(`slow-readers: ${report.othersToldGap} who read always were told a gap`);
      if (report.cut > closedMost * sizes.listeners)
        bench.fault(`slow-readers: ${report.cut} of ${sizes.listeners} readers lost their connection`);
      const grown = memory.most('stalled') - memory.most('calm');
      if (grown > slow * slowBytesMax + spareBytes)
        bench.fault(
          `slow-readers: the server grew by ${Math.round(grown / megabyte)} MB for ${slow} slow readers`,
        );
      bench.record({
        ...ofNubo(bench.options),
        figures: given({
          ...{ othersP50Calm: calm.delivery?.p50, othersP99Calm: calm.delivery?.p99 },
          ...{ othersP50Stalled: stalled.delivery?.p50, othersP99Stalled: stalled.delivery?.p99 },
          ...{ othersP99Recovery: recovery.delivery?.p99, othersP99After: after.delivery?.p99 },
          ...{ othersUsualP99Calm: (calms[0] + calms[1]) / 2, othersUsualP99Stalled: stalled.usualP99 },
          othersUsualP99Recovery: recovery.usualP99,
          ...{ ackP99Calm: calm.ack?.p99, ackP99Stalled: stalled.ack?.p99 },
          ...{ slow, toldGap: report.toldGap, cutOff: report.cut, pagesPulled: report.pagesPulled },
          recoverP99: report.recover?.p99,
          memoryCalmMegabytes: memory.most('calm') / megabyte,
          memoryStalledMegabytes: memory.most('stalled') / megabyte,
          memoryRecoveryMegabytes: memory.most('recovery') / megabyte,
          ...coresOf(windows.get('stalled')),
        }),
        ...cpuEach(windows.get('stalled'), stalled.delivery?.count ?? 0),
        ...(Math.max(...calms) > calmsRatioMax * Math.min(...calms)
          ? { void: `calm was ${Math.round(calms[0])} ms before and ${Math.round(calms[1])} ms after` }
          : {}),
      });
    });
  },
};
