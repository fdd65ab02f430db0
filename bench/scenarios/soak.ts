/** Mixed life for long: messages, reads, typing, lost connections; does anything grow? */
import type { Play, Populated } from '../contract.js';
import { coresOf, cpuEach, judge, ofNubo, playOn, slopeOf, spread } from '../generator/special/measure.js';
import type { Window } from '../generator/special/play-task.js';
import { SoakWatch, slopeSecondsMin } from '../generator/special/soak-watch.js';
import type { SoakReport, SoakTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';
import { tokenSeconds } from '../targets/operator.js';

const roomsEach = 3;
const writers = 40;
const whole = {
  clients: 500,
  rooms: 30,
  perSecond: 400,
  readsPerSecond: 40,
  cutsPerSecond: 4,
  typingPerSecond: 20,
};
const smoke = {
  clients: 20,
  rooms: 4,
  perSecond: 80,
  readsPerSecond: 20,
  cutsPerSecond: 4,
  typingPerSecond: 10,
};
const smokeSeconds = 2;
/** So many readings of the server, and not more often than once a second. */
const readings = 120;
const busyCores = 0.9;
/** People and rooms are made, and what is left is drained, within the rest of the tokens' time. */
const aroundSeconds = 60 * 60;

type Sizes = typeof whole;

function taskOf(bench: BenchContext, nubo: RunningNubo, populated: Populated, sizes: Sizes): SoakTask {
  const { users, rooms } = populated;
  const tokens = users.map(({ token }) => token);
  const { perSecond, readsPerSecond, cutsPerSecond, typingPerSecond } = sizes;
  return {
    kind: 'soak',
    ...{ address: nubo.address, codec: bench.options.codec, rooms },
    guests: tokens.slice(0, sizes.clients).map((token, client) => ({ token, hears: heardBy(client, sizes) })),
    traffic: {
      writers: tokens.slice(sizes.clients),
      rooms: rooms.map((_, room) => room),
      ...{ perSecond, textBytes: 60 },
    },
    ...{ readsPerSecond, cutsPerSecond, typingPerSecond, settleSeconds: 20 },
    seconds: Math.round(bench.options.isSmoke ? smokeSeconds : bench.options.seconds),
  };
}

function heardBy(client: number, { rooms }: Sizes): number[] {
  return Array.from({ length: roomsEach }, (_, place) => (client + place) % rooms);
}

function membersOf(room: number, sizes: Sizes): number[] {
  const all = Array.from({ length: sizes.clients + writers }, (_, user) => user);
  return all.filter((user) => user >= sizes.clients || heardBy(user, sizes).includes(room));
}

function playOf(report: SoakReport, { seconds, generator }: Window): Play {
  const { checks, ack, delivery, ackHistogram, deliveryHistogram, measuredSeconds } = report;
  return {
    ...{ seconds: report.seconds, measuredSeconds, ...countsOf(report) },
    ...(ack === undefined ? {} : { ack, ackHistogram }),
    ...(delivery === undefined ? {} : { delivery, deliveryHistogram }),
    ...{ checks, connectsPerSecond: 0 },
    ...{ cpuSeconds: generator, isBottleneck: generator / seconds > busyCores },
  };
}

/** Of the measured seconds; the checks are of the drain, too. */
function countsOf({ seconds }: SoakReport): Pick<Play, 'acked' | 'delivered'> {
  return {
    acked: seconds.reduce((sum, { acked }) => sum + acked, 0),
    delivered: seconds.reduce((sum, { delivered }) => sum + delivered, 0),
  };
}

/** Milliseconds an hour that the p99 of the seconds grew by, over the later part, if that is long enough. */
function latencySlope(report: SoakReport): number | undefined {
  const later = report.seconds.slice(Math.floor(report.seconds.length * 0.4));
  if (later.length < slopeSecondsMin) return undefined;
  return slopeOf(later.map(({ at, ackP99 = 0 }) => [at, ackP99])) * 3600;
}

export const soak: Scenario = {
  name: 'soak',
  title: '500 clients × 3 rooms, 400 messages/s, reads, typing, lost connections',
  says: 'Memory, event loop lag and latency over time, and their slopes; 5 minutes, or as --seconds says',
  ...{ seconds: 330, rounds: 1, playSeconds: 300, secondsMax: tokenSeconds - aroundSeconds },
  ratios: [],
  async run(bench) {
    const sizes = bench.options.isSmoke ? smoke : whole;
    const nubo = bench.options.isSmoke ? await bench.nubo() : await bench.ownNubo();
    bench.say('people and rooms are made');
    const populated = await nubo.populate({
      ...{ users: sizes.clients + writers, rooms: sizes.rooms },
      membersOf: (room) => membersOf(room, sizes),
    });
    await bench.rounds(async () => {
      const task = taskOf(bench, nubo, populated, sizes);
      const watch = new SoakWatch(nubo, Math.max(1, task.seconds / readings));
      const { report, windows } = await playOn(bench, nubo, task).finally(() => watch.stop());
      await watch.settled();
      if (watch.failure !== undefined) bench.fault(`soak: the server could not be watched: ${watch.failure}`);
      const window = windows.get('soak');
      const { acked, delivered } = countsOf(report);
      judge(bench, 'soak', report);
      if (report.wrongReads > 0)
        bench.fault(`soak: ${report.wrongReads} of ${report.reads} pages were wrong or refused`);
      bench.record({
        ...ofNubo(bench.options),
        figures: given({
          ackedPerSecond: acked / report.measuredSeconds,
          deliveriesPerSecond: delivered / report.measuredSeconds,
          ...{ ackP50: report.ack?.p50, ackP99: report.ack?.p99 },
          ...{ deliveryP50: report.delivery?.p50, deliveryP99: report.delivery?.p99 },
          ackP99PerHour: latencySlope(report),
          ...spread('resumed', report.resumed),
          ...{ reads: report.reads, cuts: report.cuts, typingSent: report.typingSent },
          ...{ typingShown: report.typingShown, gapsTold: report.checks.gapsTold },
          ...watch.figures(),
          ...coresOf(window),
        }),
        ...cpuEach(window, acked),
        ...(window === undefined ? {} : { play: playOf(report, window) }),
      });
    });
  },
};
